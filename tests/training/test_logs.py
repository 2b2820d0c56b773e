"""Pictures in the logs of a run, in TensorBoard and in Weights & Biases."""

from __future__ import annotations

import importlib.util
import io
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from text_recognizer.alphabet import ALPHABET
from text_recognizer.commands.train import main
from text_recognizer.models import MLP
from text_recognizer.training.logs import LogPictures
from text_recognizer.training.recognition import CharacterRecognition

LINES = (
    "--model_class LineCNN --data_class EMNISTLines --glyphs strokes --text builtin --max_length 8 --max_overlap 0 "
    "--num_train 32 --num_val 16 --num_test 16 --batch_size 16 --conv_dim 8 --fc_dim 16 --gpus 0 --max_epochs 2"
)
CHARACTERS = (
    "--model_class MLP --data_class PenStrokes --fc1 32 --fc2 32 --gpus 0 --max_epochs 1 "
    "--limit_train_batches 2 --limit_val_batches 2 --limit_test_batches 2"
)


def logged_pictures(run: Path) -> dict[str, list[tuple[int, np.ndarray]]]:
    """Step and pixels of the pictures of each name in a run's TensorBoard files."""
    events = EventAccumulator(str(run))
    events.Reload()
    return {
        name: [
            (one.step, np.asarray(Image.open(io.BytesIO(one.encoded_image_string)).convert("RGB")))
            for one in events.Images(name)
        ]
        for name in events.Tags()["images"]
    }


def test_tensorboard_shows_lines_with_what_was_read_at_the_end(tmp_path: Path) -> None:
    assert main([*LINES.split(), "--log_dir", str(tmp_path)]) == 0
    [run] = tmp_path.iterdir()
    assert (run / "confusion.png").stat().st_size > 1_000
    pictures = logged_pictures(run)
    assert sorted(pictures) == ["val_confusion", "val_readings"]
    for shown in pictures.values():
        assert [step for step, _ in shown] == [4]
    pixels = pictures["val_readings"][0][1]
    assert pixels.min() == 0
    assert pixels.shape[1] > 800
    captions = pixels.astype(int)
    assert ((captions[..., 0] > captions[..., 1] + 60) | (captions[..., 1] > captions[..., 0] + 60)).any()


def test_tensorboard_shows_characters_and_their_confusion(tmp_path: Path) -> None:
    assert main([*CHARACTERS.split(), "--log_dir", str(tmp_path)]) == 0
    assert sorted(logged_pictures(next(tmp_path.iterdir()))) == ["val_confusion", "val_readings"]


@pytest.mark.parametrize(("seconds_of_a_step", "logged"), [(0.0, [4]), (11.0, [1, 2, 3, 4])])
def test_pictures_take_little_of_the_time_of_a_training(
    seconds_of_a_step: float, logged: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds, at = 0.0, []
    monkeypatch.setattr("text_recognizer.training.logs.time.monotonic", lambda: seconds)

    def draw(*_: Any) -> dict[str, Any]:
        nonlocal seconds
        seconds += 0.5
        at.append(trainer.global_step)
        return {}

    monkeypatch.setattr("text_recognizer.training.logs._figures", draw)
    trainer, recognition = SimpleNamespace(global_step=0, loggers=[]), CharacterRecognition(MLP(), ALPHABET)
    pictures: Any = LogPictures()
    pictures.on_train_start(trainer, recognition)
    for _ in range(4):
        trainer.global_step += 1
        seconds += seconds_of_a_step
        pictures.on_validation_batch_end(trainer, recognition, None, "a batch", 0)
        pictures.on_validation_epoch_end(trainer, recognition)
    pictures.on_train_end(trainer, recognition)
    assert at == logged


def test_without_validation_there_are_no_pictures(tmp_path: Path) -> None:
    assert main([*LINES.split(), "--limit_val_batches", "0", "--log_dir", str(tmp_path)]) == 0
    assert logged_pictures(next(tmp_path.iterdir())) == {}


def test_weights_and_biases_gets_the_same_offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("wandb", reason="needs the extra wandb")
    monkeypatch.delenv("WANDB_MODE", raising=False)
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "no-login"))
    monkeypatch.setenv("WANDB_CONFIG_DIR", str(tmp_path / "settings"))
    logs = tmp_path / "logs"
    assert main([*CHARACTERS.split(), "--wandb", "--log_dir", str(logs)]) == 0
    run = next(logs.iterdir())
    offline = next((run / "wandb").glob("offline-run-*"))
    assert next(offline.glob("*.wandb")).stat().st_size > 1_000
    names = {path.name.rpartition("_")[0].rpartition("_")[0] for path in offline.glob("files/media/images/*.png")}
    assert names == set(logged_pictures(run))
    import wandb

    assert wandb.run is None


def test_without_weights_and_biases_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert main([*LINES.split(), "--wandb", "--log_dir", str(tmp_path / "logs")]) == 2
    assert "pip install 'text-recognizer[wandb]'" in capsys.readouterr().err
    assert not (tmp_path / "logs").exists()
