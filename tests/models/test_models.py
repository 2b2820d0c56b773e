"""One test over every model: what the flags can name must build, read and learn."""

import pytest
import torch
import torch.nn.functional as F

from text_recognizer.errors import UsageError
from text_recognizer.models import LineCNN, LineReshapeCNN
from text_recognizer.models.layers import BatchNorm1d, BatchNorm2d
from text_recognizer.registry import MODEL_CLASSES, load_class
from text_recognizer.training.arguments import parse


def build(name: str) -> tuple[torch.nn.Module, torch.Tensor]:
    torch.manual_seed(0)
    model_class = load_class(MODEL_CLASSES, name, "--model_class")
    width = 28 * 8 if hasattr(model_class, "output_length") else 28
    return model_class(input_shape=(1, 28, width), num_classes=83), torch.rand(2, 1, 28, width)


@pytest.mark.parametrize("name", MODEL_CLASSES)
def test_model_reads_and_learns(name: str) -> None:
    model, x = build(name)
    logits = model(x)
    positions = (model.output_length(x.shape[3]),) if logits.ndim == 3 else ()
    assert logits.shape == (2, 83, *positions)
    F.cross_entropy(logits, torch.randint(83, (2, *positions))).backward()
    without_gradient = [n for n, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert without_gradient == []


@pytest.mark.parametrize("name", MODEL_CLASSES)
def test_examples_do_not_depend_on_their_batch(name: str) -> None:
    model, x = build(name)
    model.eval()
    torch.testing.assert_close(model(x)[:1], model(x[:1]), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("name", MODEL_CLASSES)
def test_models_take_keyword_arguments_only(name: str) -> None:
    with pytest.raises(TypeError):
        load_class(MODEL_CLASSES, name, "--model_class")((1, 28, 28))


def test_a_reshaped_line_is_read_cell_by_cell() -> None:
    model, x = build("LineReshapeCNN")
    assert isinstance(model, LineReshapeCNN)
    model.eval()
    one_cell = model.cnn(x[:, :, :, 3 * 28 : 4 * 28])
    torch.testing.assert_close(model(x)[:, :, 3], one_cell, atol=1e-4, rtol=1e-4)
    assert torch.equal(model.slices(x)[:, 3], x[:, :, :, 3 * 28 : 4 * 28])


def test_a_window_of_the_line_cnn_sees_its_neighbours() -> None:
    model, x = build("LineCNN")
    model.eval()
    changed = x.clone()
    changed[..., 5 * 28 : 6 * 28] = 0
    assert (model(changed) - model(x))[:, :, 4].abs().max() > 1e-4


@pytest.mark.parametrize(
    ("name", "flag", "value"),
    [
        ("MLP", "fc1", 0),
        ("MLP", "fc2", -1),
        ("CNN", "conv_dim", 1),
        ("CNN", "fc_dim", 0),
        ("CNN", "dropout", 1.0),
        ("LineReshapeCNN", "conv_dim", 0),
        ("LineReshapeCNN", "fc_dim", 0),
        ("LineCNN", "window_width", 0),
        ("LineCNN", "window_stride", 0),
        ("LineCNNSimple", "window_stride", -1),
        ("LineCNNLSTM", "lstm_dim", 0),
        ("LineCNNLSTM", "lstm_layers", 0),
        ("LineCNN", "conv_dim", -4),
        ("LineCNN", "fc_dim", 0),
        ("LineReader", "conv_dim", 0),
        ("LineReader", "context_dim", 0),
        ("LineReader", "context_blocks", -1),
    ],
)
def test_impossible_sizes_are_refused(name: str, flag: str, value: float) -> None:
    with pytest.raises(UsageError, match=f"--{flag} is {value}"):
        load_class(MODEL_CLASSES, name, "--model_class")(**{flag: value})


@pytest.mark.parametrize("name", ["LineCNN", "LineCNNSimple", "LineCNNLSTM"])
@pytest.mark.parametrize(
    ("width", "stride", "limited", "outputs"),
    [(28, 28, False, 8), (28, 20, False, 10), (28, 20, True, 8), (28, 18, False, 11), (30, 18, False, 11)],
)
def test_windows_of_any_size_have_the_outputs_that_they_say(
    name: str, width: int, stride: int, limited: bool, outputs: int
) -> None:
    flags = {"window_width": width, "window_stride": stride, "limit_output_length": limited}
    model = load_class(MODEL_CLASSES, name, "--model_class")(input_shape=(1, 28, 224), num_classes=83, **flags)
    assert model.output_length(224) == outputs
    assert model(torch.rand(2, 1, 28, 224)).shape == (2, 83, outputs)


def test_a_stride_between_columns_takes_the_windows_that_begin_there() -> None:
    torch.manual_seed(0)
    model = LineCNN(input_shape=(1, 28, 224), window_stride=18).eval()
    every = LineCNN(input_shape=(1, 28, 224), window_stride=4).eval()
    every.load_state_dict(model.state_dict())
    x = torch.rand(1, 1, 28, 224)
    starts = [0, 4, 9, 13, 18, 22, 27, 31, 36, 40, 45]  # columns of four pixels
    torch.testing.assert_close(model.window_features(x), every.window_features(x)[..., starts])


@pytest.mark.parametrize("name", [name for name in MODEL_CLASSES if name.startswith("Line")])
def test_a_line_narrower_than_a_window_is_read(name: str) -> None:
    model, x = build(name)
    logits = model.eval()(x[..., :16])
    assert logits.shape == (2, 83, model.output_length(16))
    assert logits.shape[2] >= 1


@pytest.mark.parametrize("name", MODEL_CLASSES)
def test_one_example_trains(name: str) -> None:
    model, x = build(name)
    shortest = x[:1, ..., :28]
    logits = model.train()(shortest)
    assert logits.isfinite().all()
    logits.sum().backward()


@pytest.mark.parametrize("norm", [BatchNorm1d(3), BatchNorm2d(3)])
def test_one_value_per_channel_is_normalised_as_when_reading(norm: torch.nn.Module) -> None:
    x = torch.rand(1, 3, *[1] * (isinstance(norm, BatchNorm2d) * 2))
    norm.running_mean, norm.running_var = torch.tensor([1.0, 2.0, 3.0]), torch.tensor([4.0, 9.0, 16.0])
    trained, before = norm.train()(x), norm.running_mean.clone()
    torch.testing.assert_close(trained, norm.eval()(x))
    assert torch.equal(norm.running_mean, before)


@pytest.mark.parametrize("name", ["LineCNN", "LineCNNSimple", "LineCNNLSTM"])
def test_flags_of_windows_are_written_once_and_explained_for_each_model(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        parse([f"--model_class={name}", "--data_class=EMNISTLines", "--help"], "train")
    shown = " ".join(capsys.readouterr().out.split())
    for meaning in ("Pixels from one window to the next.", "Give at most as many outputs as the line has squares"):
        assert meaning in shown
