"""Models of every kind become ONNX files, and come back ready to call."""

import json
import os
import re
from pathlib import Path
from typing import Any

import onnx
import pytest
import torch

import text_recognizer
from text_recognizer.alphabet import ALPHABET
from text_recognizer.commands.export import export
from text_recognizer.errors import UsageError, UserError
from text_recognizer.reading.finder import FINDER
from text_recognizer.reading.model_file import DEFAULT_MODEL, LineModel
from text_recognizer.registry import MODEL_CLASSES, load_class
from text_recognizer.training.checkpoint import Description
from text_recognizer.training.recognition import CharacterRecognition, LineRecognition
from text_recognizer.training.weights import load_model

SMALL = {"conv_dim": 8, "fc_dim": 16}
MODELS: dict[str, dict[str, Any]] = {
    "MLP": {"fc1": 16, "fc2": 16},
    "CNN": SMALL,
    "LineReshapeCNN": SMALL,
    "LineCNNSimple": SMALL | {"window_stride": 20, "limit_output_length": True},
    "LineCNN": SMALL | {"window_stride": 18},
    "LineCNNLSTM": SMALL | {"window_stride": 18, "lstm_dim": 8, "lstm_layers": 2},
    "LineReader": {"conv_dim": 8, "context_dim": 16, "context_blocks": 2},
}
EXPORTED_BY_DEFAULT = ("CNN", "LineCNNLSTM")


def save_run(folder: Path, name: str) -> torch.nn.Module:
    """A checkpoint of a small model as a training leaves it; the model."""
    torch.manual_seed(0)
    model_class = load_class(MODEL_CLASSES, name, "--model_class")
    args = MODELS[name] | {"input_shape": (1, 28, 28 * 8 if name.startswith("Line") else 28), "num_classes": 83}
    model: torch.nn.Module = model_class(**args)
    model(torch.rand(8, *args["input_shape"]))  # so that the norms' statistics are not trivial
    checkpoint = {"state_dict": {f"model.{key}": value for key, value in model.state_dict().items()}, "epoch": 0}
    loss = "ctc" if name in ("LineCNNLSTM", "LineReader") or args.get("window_stride") == 18 else "cross_entropy"
    Description(name, args, ALPHABET).write(checkpoint, loss)
    torch.save(checkpoint, folder / "best.ckpt")
    return model.eval()


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in EXPORTED_BY_DEFAULT else pytest.mark.slow) for name in MODELS]
)
def test_an_exported_model_gives_the_same_logits(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model, file = save_run(tmp_path, name), tmp_path / "mine.onnx"
    export(str(tmp_path), out=str(file))
    assert "text_recognizer.load" in capsys.readouterr().out
    loaded, run = text_recognizer.load(file), text_recognizer.load(tmp_path)
    reads_lines = name.startswith("Line")
    assert type(loaded) is type(run) is (LineRecognition if reads_lines else CharacterRecognition)
    assert (loaded.alphabet, loaded.loss, loaded.training) == (run.alphabet, run.loss, False)
    for batch, width in [(1, 224), (5, 224), (2, 500)] if reads_lines else [(1, 28), (5, 28)]:
        x = torch.rand(batch, 1, 28, width)
        torch.testing.assert_close(loaded(x), model(x), atol=0.01, rtol=0.01)
        assert len(loaded.read(x)) == batch
    assert loaded(torch.rand(2, 1, 28, 224 if reads_lines else 28)).std() > 0.01
    weights = load_model(file.with_suffix(".safetensors"))
    x = torch.rand(1, 1, 28, 224 if reads_lines else 28)
    torch.testing.assert_close(weights(x), model(x), atol=0.01, rtol=0.01)


@pytest.fixture(scope="module")
def character_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("character")
    save_run(folder, "CNN")
    export(str(folder), out=str(folder / "mine.onnx"))
    return folder / "mine.onnx"


def test_the_reader_that_ships_can_be_called() -> None:
    reader = text_recognizer.load(DEFAULT_MODEL)
    assert isinstance(reader, LineRecognition)
    assert reader.loss == "ctc"
    logits = reader(torch.zeros(2, 1, 40, 120))
    assert logits.shape == (2, len(reader.alphabet), 30)


def test_pictures_of_another_size_are_refused(character_file: Path) -> None:
    loaded = text_recognizer.load(character_file)
    with pytest.raises(UserError, match=r"mine\.onnx: cannot read pictures of \(1, 1, 20, 28\)"):
        loaded(torch.rand(1, 1, 20, 28))


def test_a_lab_model_is_no_reader_of_pictures(character_file: Path) -> None:
    with pytest.raises(UserError, match=r"expected the input images .* are for text_recognizer\.load"):
        LineModel(character_file)


def test_confidences_of_a_lab_model_are_not_fitted(tmp_path: Path) -> None:
    save_run(tmp_path, "CNN")
    with pytest.raises(UsageError, match="a CNN for pictures of 28 rows"):
        export(str(tmp_path), out=str(tmp_path / "mine.onnx"), calibration_lines=10)
    assert [path.name for path in tmp_path.iterdir()] == ["best.ckpt"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("alphabet", None),
        ("alphabet", '["ab"]'),
        ("alphabet", '["a", "b"]'),
        ("loss", '"magic"'),
        ("model", '{"class": "CNN", "args": {"input_shape": [1, -28, 28]}}'),
        ("model", "not json"),
    ],
)
def test_files_with_other_metadata_are_refused(
    name: str, value: str | None, character_file: Path, tmp_path: Path
) -> None:
    exported = onnx.load(character_file)
    said = {entry.key: entry.value for entry in exported.metadata_props if entry.key != name}
    onnx.helper.set_model_props(exported, said | ({} if value is None else {name: value}))
    onnx.save(exported, tmp_path / "changed.onnx")
    with pytest.raises(UserError, match=rf"changed\.onnx: not a model of this package: .*{name}"):
        text_recognizer.load(tmp_path / "changed.onnx")


def test_files_of_others_are_refused(tmp_path: Path) -> None:
    (tmp_path / "text.onnx").write_text("not a model")
    for file, reason in {
        tmp_path / "missing.onnx": "no such model file",
        tmp_path / "text.onnx": "not a readable ONNX model",
        FINDER: "it takes and gives pictures, maps",
    }.items():
        with pytest.raises(UserError, match=re.escape(reason)):
            text_recognizer.load(file)


class _Trap:
    """Makes a folder when it is unpickled."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.mkdir, (str(self.folder),)


@pytest.mark.parametrize("suffix", [".onnx", ".ckpt"])
def test_nothing_in_a_file_is_executed(suffix: str, tmp_path: Path) -> None:
    file = tmp_path / f"trap{suffix}"
    torch.save(_Trap(tmp_path / "executed"), file)
    with pytest.raises(UserError, match="trap"):
        text_recognizer.load(file)
    assert not (tmp_path / "executed").exists()
    torch.load(file, weights_only=False)
    assert (tmp_path / "executed").exists()


def test_a_file_says_how_its_model_was_built(character_file: Path) -> None:
    said = {entry.key: json.loads(entry.value) for entry in onnx.load(character_file).metadata_props}
    assert said["model"] == {"class": "CNN", "args": SMALL | {"input_shape": [1, 28, 28], "num_classes": 83}}
