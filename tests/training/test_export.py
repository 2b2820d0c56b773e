import numpy as np
import onnx
import pytest
import torch

from text_recognizer.alphabet import ALPHABET
from text_recognizer.commands.export import export
from text_recognizer.errors import UserError
from text_recognizer.imaging.normalization import HEIGHT
from text_recognizer.models import LineReader
from text_recognizer.reading.calibration import Calibration, Confidence
from text_recognizer.reading.finder import FINDER
from text_recognizer.reading.model_file import LineModel, Metadata, graph_of
from text_recognizer.training.checkpoint import Description
from text_recognizer.training.export import read_model, verify, weights_of, write_graph, write_model
from text_recognizer.training.weights import load_model

METADATA = Metadata(tuple(ALPHABET), 4, beam=Confidence(Calibration(0.5, 1.0), Calibration(2.0, -1.0)))
ARGS = {"input_shape": (1, HEIGHT, 896), "num_classes": 83, "conv_dim": 8, "context_dim": 16, "context_blocks": 2}
DESCRIPTION = Description("LineReader", ARGS, ALPHABET)


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    model = LineReader(**ARGS)
    model.train()(torch.rand(4, 1, HEIGHT, 200))  # so that the norms' statistics are not trivial
    return model.eval()


@pytest.fixture(scope="module")
def exported(model, tmp_path_factory):
    path = tmp_path_factory.mktemp("export") / "model.onnx"
    write_model(model, DESCRIPTION, METADATA, path)
    return path


def save_run(folder, model, model_class, args):
    checkpoint = {"state_dict": {f"model.{name}": value for name, value in model.state_dict().items()}, "epoch": 0}
    Description(model_class, args, ALPHABET).write(checkpoint)
    torch.save(checkpoint, folder / "best.ckpt")


def test_agrees_with_the_original_at_three_widths_and_batch_sizes(model, exported):
    assert verify(model, LineModel(exported), stride=4) < 1e-3


def test_a_model_file_can_be_trained_on(model, exported):
    assert verify(read_model(exported), LineModel(exported), stride=4) < 1e-5
    line = torch.rand(1, 1, HEIGHT, 100)
    assert torch.allclose(read_model(exported)(line), model(line), atol=0.02)


def test_what_cannot_be_trained_on_is_refused(tmp_path, exported):
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(exported.read_bytes()[:1000])
    for path in (broken, tmp_path / "missing.onnx", FINDER):
        with pytest.raises(UserError, match=path.name):
            read_model(path)


def test_verify_refuses_other_weights(exported):
    torch.manual_seed(1)
    other = LineReader(**ARGS).eval()
    torch.nn.init.normal_(other.classifier[1].bias, std=3)
    with pytest.raises(UserError, match="differs"):
        verify(other, LineModel(exported), stride=4)


def test_no_width_is_frozen(exported):
    reader = LineModel(exported)
    for width in (8, 128, 1400):
        assert reader.log_probabilities([np.zeros((HEIGHT, width), np.uint8)])[0].shape == (width // 4, 83)


def test_metadata_travel_with_the_file(exported):
    assert LineModel(exported).metadata == METADATA


def test_no_path_of_this_machine_is_in_the_file(exported):
    assert b"line_reader.py" not in exported.read_bytes()


def test_large_weights_are_stored_at_half_precision(exported):
    for weight in onnx.load(exported).graph.initializer:
        assert weight.data_type != onnx.TensorProto.FLOAT or np.prod(weight.dims) < 1024


def test_export_writes_a_model_and_its_weights(model, tmp_path):
    save_run(tmp_path, model, "LineReader", ARGS)
    export(str(tmp_path), out=str(tmp_path / "mine.onnx"))
    line = torch.rand(1, 1, HEIGHT, 100)
    assert LineModel(tmp_path / "mine.onnx").metadata.stride == 4
    loaded = load_model(tmp_path / "mine.safetensors")
    assert torch.allclose(loaded(line), model(line), atol=0.02)


@pytest.mark.parametrize(
    "content", [b"", b"junk", b"PK\x03\x04junk", b"\x80\x02]q\x00.", bytes(range(256)), b"\n" * 99]
)
def test_what_is_no_checkpoint_is_named(tmp_path, content):
    (tmp_path / "best.ckpt").write_bytes(content)
    with pytest.raises(UserError, match=r"best\.ckpt is damaged or no checkpoint of this program"):
        export(str(tmp_path))


@pytest.mark.parametrize("content", [[1], {"text_recognizer": []}, {"text_recognizer": {"alphabet": "a"}}])
def test_a_checkpoint_of_another_program_is_named(tmp_path, content):
    torch.save(content, tmp_path / "best.ckpt")
    with pytest.raises(UserError, match=r"best\.ckpt is damaged or no checkpoint of this program"):
        export(str(tmp_path))


def test_weights_put_into_the_graph_read_as_the_model_file_does(model, exported):
    write_graph(model, DESCRIPTION, METADATA, graph_of(exported))
    assert graph_of(exported).stat().st_size < exported.stat().st_size
    with_weights = LineModel(exported, weights_of(model))
    assert with_weights.metadata == METADATA
    assert verify(model, with_weights, stride=4) < 1e-3
    with pytest.raises(UserError, match="does not take these weights"):
        LineModel(exported, weights_of(LineReader(**ARGS | {"conv_dim": 12})))


def test_weights_of_something_else_are_refused(tmp_path):
    (tmp_path / "weights.safetensors").write_bytes(b"nothing of the kind")
    with pytest.raises(UserError, match="holds no weights"):
        load_model(tmp_path / "weights.safetensors")
    with pytest.raises(UserError, match="no weights"):
        load_model(tmp_path / "none.safetensors")
