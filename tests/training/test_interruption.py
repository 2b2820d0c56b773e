"""A training that was stopped goes on as if it had not been; nothing that was written is ever half a file."""

from __future__ import annotations

import json
import os
import random
import signal
import tempfile
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import pytest
import torch
from lightning.pytorch.callbacks import EarlyStopping
from training_tools import READER, STEPS_OF_AN_EPOCH, train, weights

from text_recognizer.commands.train import main
from text_recognizer.training import experiment, interruption
from text_recognizer.training.checkpoint import Checkpoint
from text_recognizer.training.interruption import (
    BestCheckpoint,
    StopEarly,
    StopOnFile,
    StopOnSignal,
    WholeFiles,
    random_state,
    set_random_state,
)
from text_recognizer.training.recognition import Recognition
from text_recognizer.training.weights import save_weights


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run of a training of two epochs that nobody stopped."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        return train(READER, tmp_path_factory.mktemp("whole"), monkeypatch)[1]


@pytest.mark.parametrize(
    ("more", "step", "number", "code"),
    [
        ("", STEPS_OF_AN_EPOCH + 2, signal.SIGINT, 130),
        ("--num_workers 1", 2, signal.SIGTERM, 143),
        ("--val_check_interval 0.5", STEPS_OF_AN_EPOCH + 1, signal.SIGTERM, 143),
        ("--max_epochs -1 --max_steps 8", STEPS_OF_AN_EPOCH, signal.SIGTERM, 143),
    ],
    ids=["within an epoch", "with a worker", "between validations", "at the end of an epoch, limited by steps"],
)
def test_a_training_that_was_stopped_goes_on_to_the_same_weights(
    more: str, step: int, number: int, code: int, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped, run = train(f"{READER} {more}", tmp_path / "stopped", monkeypatch, stopped_at=step, number=number)
    assert stopped == code
    assert torch.load(run / "last.ckpt", weights_only=True)["global_step"] == step
    metrics = json.loads((run / "metrics.json").read_text())
    assert metrics["interrupted"]
    assert "train_loss" in metrics
    assert "test_cer" not in metrics
    done, resumed = train(f"{READER} {more} --load_checkpoint {run / 'last.ckpt'}", tmp_path / "resumed", monkeypatch)
    assert done == 0
    found = weights(resumed)
    assert [name for name, value in weights(whole).items() if not torch.equal(found[name], value)] == []
    assert json.loads((resumed / "metrics.json").read_text())["steps"] == 2 * STEPS_OF_AN_EPOCH


@pytest.mark.parametrize("flag", ["--init", "--load_weights"])
def test_a_training_that_started_from_weights_goes_on_as_it_says(
    flag: str, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_weights(tmp_path / "reader.safetensors", Checkpoint.load(str(whole / "best.ckpt")))
    flags = f"{READER} --max_epochs 1 {flag} {tmp_path / 'reader.safetensors'}"
    _, uninterrupted = train(flags, tmp_path / "uninterrupted", monkeypatch)
    _, run = train(flags, tmp_path / "stopped", monkeypatch, stopped_at=2)
    again = f"--config {run / 'config.yaml'} --load_checkpoint {run / 'last.ckpt'}"
    code, resumed = train(again, tmp_path / "resumed", monkeypatch)
    assert code == 0
    expected = weights(uninterrupted)
    assert [name for name, value in weights(resumed).items() if not torch.equal(value, expected[name])] == []


def test_a_run_that_steps_end_within_an_epoch_goes_on_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, run = train(f"{READER} --max_steps 6", tmp_path, monkeypatch)
    content = torch.load(run / "last.ckpt", weights_only=True)
    assert content["global_step"] == 6
    assert content["EMNISTLines"] == {"epoch": 1, "batches": 2}


def validate_to(losses: dict[int, float], monkeypatch: pytest.MonkeyPatch) -> None:
    """Let validations after so many steps come to these losses."""
    evaluated = Recognition._evaluated

    def scripted(self: Recognition, batch: Any, metrics: Any) -> torch.Tensor:
        loss = evaluated(self, batch, metrics)
        return torch.tensor(losses.get(self.trainer.global_step, loss.item()))

    monkeypatch.setattr(Recognition, "_evaluated", scripted)


@pytest.mark.parametrize(
    ("flags", "losses", "best"),
    [
        ("--val_check_interval 0.5", {2: 3.0, 4: 2.0, 6: 1.0, 8: 4.0}, 6),
        ("--val_check_interval 2 --check_val_every_n_epoch null", {2: 3.0, 4: 1.0, 6: 2.0, 8: 4.0}, 4),
    ],
)
def test_the_weights_of_the_lowest_validation_loss_are_kept(
    flags: str, losses: dict[int, float], best: int, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    validate_to(losses, monkeypatch)
    _, run = train(f"{READER} {flags}", tmp_path / "first", monkeypatch)
    content = torch.load(run / "last.ckpt", weights_only=True)
    [kept] = [state for name, state in content["callbacks"].items() if name.startswith("BestCheckpoint")]
    assert torch.load(run / "best.ckpt", weights_only=True)["global_step"] == best
    assert kept["best_model_score"] == losses[best]
    _, resumed = train(f"{READER} {flags} --load_checkpoint {run / 'best.ckpt'}", tmp_path / "resumed", monkeypatch)
    expected = weights(whole)
    assert [name for name, value in weights(resumed).items() if not torch.equal(value, expected[name])] == []


def test_a_run_that_stops_early_within_an_epoch_goes_on_there(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    validate_to({2: 2.0, 4: 1.0, 6: 3.0}, monkeypatch)
    _, run = train(f"{READER} --val_check_interval 0.5 --stop_early 1", tmp_path / "first", monkeypatch)
    content = torch.load(run / "last.ckpt", weights_only=True)
    [stop] = [state for name, state in content["callbacks"].items() if name.startswith("EarlyStopping")]
    assert (content["global_step"], stop["wait_count"]) == (6, 1)
    flags = f"--val_check_interval 0.5 --stop_early 0 --load_checkpoint {run / 'last.ckpt'}"
    _, resumed = train(f"{READER} {flags}", tmp_path / "resumed", monkeypatch)
    expected = weights(whole)
    assert [name for name, value in weights(resumed).items() if not torch.equal(value, expected[name])] == []


def test_a_run_that_stopped_early_is_tested_again_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    tested: list[str] = []
    real_test = experiment.test
    monkeypatch.setattr(experiment, "test", lambda *args: tested.append(args[-1]) or real_test(*args))
    validate_to({4: 1.0, 8: 2.0}, monkeypatch)
    flags = f"{READER} --max_epochs 3 --stop_early 1 --resume auto"
    _, run = train(flags, tmp_path, monkeypatch)
    code, again = train(flags, tmp_path, monkeypatch)
    assert code == 0
    assert tested == [str(run / "best.ckpt")] * 2
    assert not (again / "last.ckpt").exists()
    assert "Raise --stop_early to go on" in capsys.readouterr().out


def test_the_flags_say_how_patient_a_resumed_run_is() -> None:
    before, now = EarlyStopping("val_loss", patience=2), StopEarly("val_loss", patience=5)
    now.load_state_dict(before.state_dict())
    assert (now.state_key, now.patience) == (before.state_key, 5)


def test_a_test_that_is_stopped_leaves_the_figures_of_the_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    test_step = Recognition.test_step

    def stop(self: Recognition, batch: Any, batch_idx: int) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        test_step(self, batch, batch_idx)

    monkeypatch.setattr(Recognition, "test_step", stop)
    code, run = train(f"{READER} --max_epochs 1", tmp_path, monkeypatch, number=signal.SIGINT)
    assert code == 130
    metrics = json.loads((run / "metrics.json").read_text())
    assert metrics["interrupted"]
    assert "val_cer" in metrics
    assert "test_cer" not in metrics


def test_a_second_signal_ends_at_once(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    ended: list[int] = []
    monkeypatch.setattr(os, "_exit", ended.append)
    before = signal.getsignal(signal.SIGTERM)
    stop = StopOnSignal()
    with stop.listening():
        os.kill(os.getpid(), signal.SIGTERM)
        assert (stop.signal, stop.exit_code, ended) == (signal.SIGTERM, 143, [])
        os.kill(os.getpid(), signal.SIGINT)
    assert ended == [130]
    assert "again to stop at once" in capsys.readouterr().err
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_signal_to_one_process_ends_a_training_in_others(tmp_path: Path) -> None:
    trainer = L.Trainer(logger=False, enable_checkpointing=False, accelerator="cpu")
    here, there = StopOnFile(tmp_path / "stop"), StopOnFile(tmp_path / "stop")
    assert not there.asked(trainer)
    with here.listening():
        os.kill(os.getpid(), signal.SIGINT)
    assert there.asked(trainer)
    assert (here.exit_code, there.exit_code) == (130, 143)


def test_a_checkpoint_is_written_every_so_many_minutes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    training_step = Recognition.training_step

    def step(self: Recognition, batch: Any, batch_idx: int) -> torch.Tensor:
        last = next(tmp_path.iterdir()) / "last.ckpt"
        seen.append(torch.load(last, weights_only=True)["global_step"] if last.exists() else 0)
        return training_step(self, batch, batch_idx)

    monkeypatch.setattr(Recognition, "training_step", step)
    assert main([*READER.split(), "--max_epochs=1", "--checkpoint_minutes=0.000001", "--log_dir", str(tmp_path)]) == 0
    assert seen == [0, 1, 2, 3]


def test_all_random_numbers_go_on() -> None:
    state = random_state()
    drawn = random.random(), np.random.rand(), torch.rand(3).tolist()  # noqa: NPY002
    set_random_state(state)
    assert (random.random(), np.random.rand(), torch.rand(3).tolist()) == drawn  # noqa: NPY002


def test_a_checkpoint_is_whole_or_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "no such folder"))  # nothing is written there first
    path = tmp_path / "last.ckpt"
    WholeFiles().save_checkpoint({"a": 1}, path)

    def full_disk(content: Any, file: Any) -> None:
        file.write(b"half of")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(interruption.torch, "save", full_disk)
    with pytest.raises(Exception, match="No space left"):
        WholeFiles().save_checkpoint({"a": 2}, path)
    assert torch.load(path, weights_only=True) == {"a": 1}
    assert [one.name for one in tmp_path.iterdir()] == ["last.ckpt"]


def state_of_a_best(folder: Path) -> dict[str, Any]:
    path = str(folder / "best.ckpt")
    best = {"best_model_score": torch.tensor(0.5), "best_model_path": path, "best_k_models": {path: torch.tensor(0.5)}}
    return best | {"kth_best_model_path": path, "kth_value": torch.tensor(0.5), "dirpath": str(folder)}


@pytest.mark.parametrize("moved", [False, True])
def test_a_resumed_run_knows_and_keeps_the_best_epoch(moved: bool, tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir()
    (old / "best.ckpt").write_text("weights")
    state = state_of_a_best(tmp_path / "elsewhere" if moved else old)
    best = BestCheckpoint(new, "val_loss", str(old / "last.ckpt"))
    best.load_state_dict(state)
    assert (new / "best.ckpt").read_text() == "weights"
    assert best.best_model_path == str(new / "best.ckpt")
    assert best.best_model_score == 0.5
    assert not best.check_monitor_top_k(L.Trainer(logger=False), torch.tensor(0.6))


def test_a_best_epoch_that_is_gone_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    best = BestCheckpoint(tmp_path / "new", "val_loss", str(tmp_path / "last.ckpt"))
    best.load_state_dict(state_of_a_best(tmp_path / "old"))
    assert best.best_model_path == ""
    assert "is gone" in capsys.readouterr().err
