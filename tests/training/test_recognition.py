from itertools import pairwise
from typing import Any

import lightning as L
import numpy as np
import pytest
import torch

from text_recognizer.alphabet import ALPHABET, PADDING
from text_recognizer.data import EMNISTLines, PenStrokes
from text_recognizer.data.sets.loaders import Batch
from text_recognizer.errors import UsageError
from text_recognizer.models import CNN, LineCNN, LineReader, LineReshapeCNN
from text_recognizer.training.arguments import parse
from text_recognizer.training.experiment import build
from text_recognizer.training.recognition import CharacterRecognition, LineRecognition, needed_steps, one_cycle


def test_schedule_rises_and_falls() -> None:
    factors = [one_cycle(step / 100) for step in range(101)]
    peak = factors.index(max(factors))
    assert factors[peak] == pytest.approx(1.0, abs=0.01)
    assert factors[:peak] == sorted(factors[:peak])
    assert factors[peak:] == sorted(factors[peak:], reverse=True)
    assert factors[100] > 0


def test_cross_entropy_needs_one_output_per_position_and_names_ctc() -> None:
    model = LineCNN(input_shape=(1, 28, 28 * 8), window_stride=8)
    with pytest.raises(UsageError, match="--loss ctc"):
        LineRecognition(model, ALPHABET, input_width=28 * 8, target_length=8)


def test_ctc_needs_at_least_as_many_outputs_as_characters() -> None:
    model = LineCNN(input_shape=(1, 28, 28 * 8), window_stride=56)
    with pytest.raises(UsageError, match="window_stride"):
        LineRecognition(model, ALPHABET, input_width=28 * 8, target_length=8, loss="ctc")


def test_squares_of_a_line_have_no_stride_to_make_smaller() -> None:
    model = LineReshapeCNN(input_shape=(1, 28, 28 * 8))
    with pytest.raises(UsageError, match="--model_class=LineCNNSimple or LineCNN with a smaller --window_stride"):
        LineRecognition(model, ALPHABET, input_width=28 * 8, target_length=9, loss="ctc")


def test_ctc_paths_collapse_to_padded_texts() -> None:
    model = LineCNN(input_shape=(1, 28, 28 * 8), window_stride=8)
    recognition = LineRecognition(model, ALPHABET, input_width=28 * 8, target_length=5, loss="ctc")
    a, b = ALPHABET.encode("ab")
    path = torch.tensor([[a, a, 0, a, b, 0, 0], [0, 0, 0, 0, 0, 0, 0]])
    logits = torch.nn.functional.one_hot(path, len(ALPHABET)).float().transpose(1, 2)
    pad = ALPHABET.index(PADDING)
    steps = torch.tensor([7, 7])
    assert recognition.predict(logits, steps).tolist() == [[a, a, b, pad, pad, pad, pad], [pad] * 7]
    assert recognition.predict(logits, torch.tensor([4, 7]))[0].tolist() == [a, a, *[pad] * 5]


def test_reading_is_predicting_without_dropout_or_padding() -> None:
    torch.manual_seed(0)
    model = LineCNN(input_shape=(1, 28, 28 * 8), window_stride=8)
    recognition = LineRecognition(model, ALPHABET, input_width=28 * 8, target_length=8, loss="ctc")
    images = torch.rand(2, 1, 28, 28 * 8)
    texts = recognition.read(images)
    assert recognition.read(images) == texts
    assert any(texts)
    assert recognition.training  # training goes on as it was
    assert recognition.read(images, torch.tensor([1, 28 * 8]))[1] == texts[1]
    assert len(recognition.read(images, torch.tensor([1, 28 * 8]))[0]) <= 1
    pad = ALPHABET.index(PADDING)
    assert recognition.references(torch.tensor([[*ALPHABET.encode("a b"), pad]])) == ["a b"]


def test_a_character_is_read_as_the_most_likely_token() -> None:
    recognition = CharacterRecognition(torch.nn.Flatten(), ALPHABET)
    images = torch.nn.functional.one_hot(torch.tensor(ALPHABET.encode("aB")), len(ALPHABET)).view(2, 1, 1, -1)
    assert recognition.read(images) == ["a", "B"]


@pytest.mark.parametrize(
    "flag",
    [{"lr": 0.0}, {"lr": float("nan")}, {"weight_decay": -1.0}, {"one_cycle_total_steps": 0}, {"label_smoothing": 1.0}],
)
def test_impossible_values_are_refused(flag: dict[str, float]) -> None:
    model = LineCNN(input_shape=(1, 28, 28 * 8))
    with pytest.raises(UsageError, match=next(iter(flag))):
        LineRecognition(model, ALPHABET, input_width=28 * 8, target_length=8, **flag)


def test_ctc_needs_an_output_a_character_and_one_between_equal_ones() -> None:
    pad = ALPHABET.index(PADDING)
    texts = ["", "ab", "aab", "aaaa"]
    targets = torch.tensor([[*ALPHABET.encode(text), *[pad] * (5 - len(text))] for text in texts])
    lengths = torch.tensor([len(text) for text in texts])
    assert needed_steps(targets, lengths).tolist() == [0, 2, 4, 7]
    for steps in range(1, 8):
        log_probs = torch.zeros(steps, 4, len(ALPHABET)).log_softmax(2)
        losses = torch.nn.functional.ctc_loss(log_probs, targets, torch.full((4,), steps), lengths, reduction="none")
        assert (losses.isinf() == (needed_steps(targets, lengths) > steps)).all()


TRAINER: dict[str, Any] = {
    "max_epochs": 2,
    "logger": False,
    "limit_val_batches": 0,
    "enable_checkpointing": False,
    "enable_progress_bar": False,
    "enable_model_summary": False,
}


@pytest.mark.parametrize(("stride", "said"), [(28, True), (8, False)])
def test_lines_too_long_for_ctc_are_counted_in_one_line(
    stride: int, said: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    flags: dict[str, Any] = {"max_length": 8, "glyphs": "strokes", "text": "builtin", "min_overlap": 0.5}
    data = EMNISTLines(**flags, max_overlap=0.5, num_train=64, num_val=8, num_test=8, batch_size=32)
    data.prepare_data()
    data.setup()
    batch = data.datasets["train"].batch(np.arange(64))
    steps = [min(8, -(-width // 28)) for width in batch.widths]
    texts = [ALPHABET.decode(row) for row in batch.targets]
    repeats = [sum(a == b for a, b in pairwise(text)) for text in texts]
    long = sum(len(text) + again > step for text, again, step in zip(texts, repeats, steps, strict=True))
    model = LineCNN(**data.config(), window_stride=stride, conv_dim=8, fc_dim=8)
    recognition = LineRecognition(model, ALPHABET, input_width=data.input_shape[2], target_length=8, loss="ctc")
    L.Trainer(**TRAINER).fit(recognition, datamodule=data)
    printed = [line for line in capsys.readouterr().out.splitlines() if "CTC" in line]
    expected = f"{long} of 64 lines of epoch 0 have more text than outputs, and CTC learns nothing from these. "
    assert long > 20
    assert printed == ([f"{expected}A smaller --window_stride gives more outputs."] if said else [])


def test_a_model_trains_in_training_mode_and_reads_in_the_other() -> None:
    data = PenStrokes(batch_size=32)
    data.setup()
    model = CNN(**data.config(), conv_dim=4, fc_dim=8)
    recognition = CharacterRecognition(model, data.alphabet).eval()
    modes = []
    model.register_forward_hook(lambda module, *_: modes.append(module.training))
    L.Trainer(**TRAINER | {"max_epochs": 1, "limit_train_batches": 2}).fit(recognition, datamodule=data)
    assert modes == [True, True]
    assert not recognition.training
    assert not model.training


@pytest.mark.parametrize(
    "flags", ["--model_class=CNN --data_class=PenStrokes", "--model_class=LineReader --data_class=PaperLines"]
)
def test_frozen_features_stay_as_they_are_with_their_norms(flags: str) -> None:
    recognition = build(parse([*flags.split(), "--freeze=features"], "train"))[1].train()
    frozen = {name for name, weight in recognition.named_parameters() if not weight.requires_grad}
    assert frozen == {name for name, _ in recognition.named_parameters() if name.startswith("model.features.")}
    norms = {name: one for name, one in recognition.named_modules() if isinstance(one, torch.nn.BatchNorm2d)}
    still = {name for name, one in norms.items() if not one.training}
    assert still == {name for name in norms if name.startswith("model.features.")} != set()


def test_features_that_are_none_cannot_be_frozen() -> None:
    flags = "--model_class=MLP --data_class=PenStrokes --freeze=features"
    with pytest.raises(UsageError, match="--freeze is features, but MLP has none that can be told apart"):
        build(parse(flags.split(), "train"))


def test_composed_lines_among_labelled_ones_keep_what_the_model_gave() -> None:
    torch.manual_seed(0)
    recognition = LineRecognition(LineReader(conv_dim=4, context_dim=8), ALPHABET, input_width=None, target_length=8)
    recognition.loss = "ctc"
    recognition.hold(norms=True, features=True)
    names = set(recognition.state_dict())
    recognition.keep()
    assert set(recognition.state_dict()) == names
    for layer in recognition.modules():
        layer.train(not isinstance(layer, torch.nn.Dropout | torch.nn.Dropout2d | torch.nn.BatchNorm2d))
    lines = {"widths": torch.full((4,), 80), "lengths": torch.full((4,), 8)}
    images, targets = torch.rand(4, 1, 40, 80), torch.randint(3, 80, (4, 8))

    def loss(composed: list[bool], targets: torch.Tensor = targets) -> torch.Tensor:
        return recognition.loss_and_update(Batch(images, targets, **lines, composed=torch.tensor(composed)), None)

    labelled = recognition.loss_and_update(Batch(images, targets, **lines), None)
    assert loss([False] * 4).item() == pytest.approx(labelled.item())
    assert loss([True] * 4).item() == pytest.approx(0, abs=1e-6)
    mixed = [False, True, True, True]
    assert loss(mixed).item() == pytest.approx(loss(mixed, targets.index_fill(0, torch.tensor([1, 2, 3]), 5)).item())
    with torch.no_grad():
        recognition.model.classifier[1].bias += torch.randn(len(ALPHABET))
    forgotten = loss([True] * 4)
    assert forgotten.item() > 0.01
    forgotten.backward()
    assert recognition.before[0].classifier[1].bias.grad is None
