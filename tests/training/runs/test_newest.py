"""``train --resume auto`` goes on from what is sound, with everything that the training was."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import torch
from training_tools import READER, train, weights

from text_recognizer.errors import UsageError
from text_recognizer.training.arguments import Experiment, parse
from text_recognizer.training.runs.newest import newest

ALL = "--ema_decay 0.9 --accumulate_grad_batches 2 --precision bf16-mixed --checkpoint_minutes 0.000001"


def content(run: Path, name: str = "last.ckpt") -> dict[str, Any]:
    return torch.load(run / name, weights_only=True)


def found(logs: Path, more: str = "") -> str | None:
    """The checkpoint from which a run of these flags would go on."""
    flags = f"{READER} {ALL} {more} --resume auto --log_dir {logs}"
    return newest(parse(flags.split(), "train"))


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a run that was stopped in its second epoch."""
    logs = tmp_path_factory.mktemp("logs")
    with pytest.MonkeyPatch.context() as monkeypatch:
        code, run = train(f"{READER} {ALL}", logs, monkeypatch, stopped_at=6)
    assert code == 143
    assert content(run)["global_step"] == 3
    assert content(run, "previous.ckpt")["global_step"] == 2
    return logs


def test_means_of_weights_accumulated_gradients_and_bf16_go_on_to_the_same_bytes(
    logs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, whole = train(f"{READER} {ALL}", tmp_path / "whole", monkeypatch)
    code, run = train(f"{READER} {ALL} --resume auto --log_dir {logs}", logs, monkeypatch)
    assert code == 0
    for state in ("state_dict", "current_model_state", "averaging_state"):
        expected, got = content(whole)[state], content(run)[state]
        assert [name for name, value in expected.items() if not torch.equal(got[name], value)] == []
    assert any(not torch.equal(weights(run)[name], now) for name, now in content(run)["current_model_state"].items())


def test_what_is_damaged_is_named_and_the_one_before_taken(
    logs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = min(logs.iterdir())
    copy = tmp_path / run.name
    copy.mkdir()
    for name in ("config.yaml", "previous.ckpt", "last.ckpt"):
        (copy / name).write_bytes((run / name).read_bytes())
    assert found(tmp_path) == str(copy / "last.ckpt")
    whole = (run / "last.ckpt").read_bytes()
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 1
    for damaged in (whole[: len(whole) // 2], bytes(flipped), b""):
        (copy / "last.ckpt").write_bytes(damaged)
        assert found(tmp_path) == str(copy / "previous.ckpt")
        assert "last.ckpt is damaged" in capsys.readouterr().err
    (copy / "previous.ckpt").unlink()
    assert found(tmp_path) is None


@pytest.mark.parametrize("more", ["--lr 0.1", "--max_length 9", "--conv_dim 16", "--model_class LineCNN", "--seed 1"])
def test_another_training_is_no_place_to_go_on_from(more: str, logs: Path) -> None:
    flags = READER.replace("--conv_dim 8 --context_dim 16", "") if "LineCNN" in more else READER
    arguments = parse(f"{flags} {more} --resume auto --log_dir {logs}".split(), "train")
    assert newest(arguments) is None


@pytest.mark.parametrize("more", ["--max_epochs 9", "--num_workers 1", "--checkpoint_minutes 2"])
def test_how_long_and_with_whose_help_may_change(more: str, logs: Path) -> None:
    assert found(logs, more) is not None


def test_the_newest_of_several_runs_is_taken(logs: Path, tmp_path: Path) -> None:
    run = min(logs.iterdir())
    for number, name in enumerate(["1-LineReader-EMNISTLines", "2-LineReader-EMNISTLines", "3-LineReader-EMNISTLines"]):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.yaml").write_bytes((run / "config.yaml").read_bytes())
        if number < 2:
            (tmp_path / name / "last.ckpt").write_bytes((run / "last.ckpt").read_bytes())
            os.utime(tmp_path / name / "last.ckpt", (number, number))
    assert found(tmp_path) == str(tmp_path / "2-LineReader-EMNISTLines" / "last.ckpt")


def test_two_ways_to_go_on_are_refused() -> None:
    with pytest.raises(UsageError, match="--resume looks for a checkpoint"):
        Experiment(resume="auto", load_checkpoint="last.ckpt")
    with pytest.raises(UsageError, match=r"--ema_decay is 1\.0"):
        Experiment(ema_decay=1.0)
