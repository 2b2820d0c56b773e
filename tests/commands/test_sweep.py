"""``text-recognizer sweep``: what it ends with."""

from __future__ import annotations

from pathlib import Path

import pytest

from text_recognizer.commands import sweep
from text_recognizer.errors import UserError
from text_recognizer.training.sweep.run import Trained

SWEEP = """
method: random
run_cap: 2
metric: {name: val_acc, goal: maximize}
parameters:
  model_class: {value: MLP}
  data_class: {value: PenStrokes}
  lr: {min: 0.001, max: 0.1}
"""


@pytest.mark.parametrize(
    ("error", "message"),
    [("The disk is full.", "No training came to a validation that counts: The disk is full."), (None, "finite number")],
)
def test_a_sweep_without_a_best_training_fails(
    error: str | None, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = [Trained(number, {"lr": 0.01}, float("-inf"), error=error) for number in (1, 2)]
    monkeypatch.setattr(sweep, "check_ray", lambda _: None)
    monkeypatch.setattr(sweep, "run_sweep", lambda *_: (failed, 0))
    (tmp_path / "sweep.yaml").write_text(SWEEP)
    with pytest.raises(UserError, match=message):
        sweep.sweep(config=str(tmp_path / "sweep.yaml"), out=str(tmp_path / "out"))
