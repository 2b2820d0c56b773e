"""What came of a sweep: the best first, a plot, and flags that ``train`` takes."""

from __future__ import annotations

from pathlib import Path

import pytest

from text_recognizer.errors import UsageError
from text_recognizer.training.arguments import parse
from text_recognizer.training.sweep.file import Sweep
from text_recognizer.training.sweep.outcome import leaderboard, write_outcome
from text_recognizer.training.sweep.run import Trained, claim

SWEEP = Sweep.model_validate(
    {
        "method": "random",
        "run_cap": 5,
        "metric": {"name": "val_acc", "goal": "maximize"},
        "parameters": {
            "model_class": {"value": "MLP"},
            "data_class": {"value": "PenStrokes"},
            "lr": {"min": 1e-4, "max": 0.1, "distribution": "log_uniform_values"},
            "fc1": {"values": [8, 16]},
        },
    }
)
TRAINED = [
    Trained(1, {"lr": 0.001, "fc1": 8}, 0.5, 3, 1.0),
    Trained(2, {"lr": 0.00123456, "fc1": 16}, 0.75, 9, 2.5),
    Trained(3, {"lr": 0.1, "fc1": 16}, None, error="The disk is full."),
    Trained(4, {"lr": 0.01, "fc1": 16}, float("-inf"), 1),
    Trained(5, {"lr": 0.02, "fc1": 8}, 0.25, 1, ended=False),
]


def test_the_best_is_first() -> None:
    rows = [row.split() for row in leaderboard(SWEEP, TRAINED).splitlines()]
    assert rows[0] == ["val_acc", "validations", "minutes", "lr", "fc1"]
    assert rows[1] == ["1", "0.7500", "9", "2.5", "0.00123", "16"]
    assert [row[1] for row in rows[2:]] == ["0.5000", "0.2500", "-", "-"]
    assert rows[3][-2:] == ["not", "ended"]
    assert rows[4][-4:] == ["The", "disk", "is", "full."]


def test_the_best_flags_are_a_file_of_train(tmp_path: Path) -> None:
    best = write_outcome(SWEEP, TRAINED, tmp_path)
    found = parse([f"--config={best}"], "train")
    assert (found.experiment.model_class, found.model["fc1"], found.recognition["lr"]) == ("MLP", 16, 0.00123456)
    assert found.experiment.log_dir == "training/logs"
    assert (tmp_path / "sweep.png").stat().st_size > 10_000


def test_nothing_is_written_of_nothing(tmp_path: Path) -> None:
    assert write_outcome(SWEEP, TRAINED[2:4], tmp_path) is None
    assert list(tmp_path.iterdir()) == []


def test_a_folder_holds_one_sweep(tmp_path: Path) -> None:
    claim(SWEEP, tmp_path, resume=False)
    claim(SWEEP, tmp_path, resume=True)
    with pytest.raises(UsageError, match=r"holds a sweep already\. Go on with it: --resume"):
        claim(SWEEP, tmp_path, resume=False)
    with pytest.raises(UsageError, match="holds another sweep"):
        claim(SWEEP.model_copy(update={"run_cap": 6}), tmp_path, resume=True)
