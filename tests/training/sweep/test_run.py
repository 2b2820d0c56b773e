"""What a training of a sweep gets of the cluster."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from text_recognizer.commands.sweep import sweep as command
from text_recognizer.errors import UsageError
from text_recognizer.training.sweep.file import Parameter, Sweep
from text_recognizer.training.sweep.run import SWEEP_FILE, _domain, claim, gpus_of


def sweep(**fixed: Any) -> Sweep:
    parameters = {name: {"value": value} for name, value in fixed.items()} | {"lr": {"values": [0.1, 0.2]}}
    return Sweep.model_validate({"method": "grid", "metric": {"name": "val_cer"}, "parameters": parameters})


@pytest.mark.parametrize(
    ("fixed", "wanted", "there", "expected"),
    [
        ({}, None, 0, 0.0),
        ({}, None, 4, 1.0),
        ({"gpus": 0}, None, 4, 0.0),
        ({"gpus": "0"}, None, 4, 0.0),
        ({"gpus": 1}, None, 4, 1.0),
        ({"accelerator": "cpu"}, None, 4, 0.0),
        ({}, 0.5, 1, 0.5),
        ({}, 0.0, 1, 0.0),
    ],
)
def test_trainings_are_on_gpus_where_there_are_some(
    fixed: dict[str, Any], wanted: float | None, there: int, expected: float
) -> None:
    assert gpus_of(sweep(**fixed), wanted, there) == expected


def test_gpus_that_are_not_there_are_refused() -> None:
    with pytest.raises(UsageError, match=r"--gpus is 0\.5, but the cluster has no GPU"):
        gpus_of(sweep(), 0.5, 0)


@pytest.mark.parametrize("gpus", [-1.0, 2.0])
def test_a_training_has_one_gpu_at_most(gpus: float) -> None:
    pytest.importorskip("ray", reason="needs the extra cluster")
    with pytest.raises(UsageError, match="from 0 to 1"):
        command(config="sweep.yaml", gpus=gpus)


@pytest.mark.parametrize(("low", "high", "step", "kind"), [(16, 64, 8, int), (0.1, 0.4, 0.1, float)])
def test_steps_are_drawn_from_end_to_end(low: float, high: float, step: float, kind: type) -> None:
    pytest.importorskip("ray", reason="needs the extra cluster")
    domain = _domain(Parameter(min=low, max=high, q=step, distribution="q_uniform"))
    drawn = {domain.sample() for _ in range(500)}
    assert {type(number) for number in drawn} == {kind}
    assert sorted(drawn) == pytest.approx([low + k * step for k in range(round((high - low) / step) + 1)])


def test_a_folder_of_another_sweep_is_refused(tmp_path: Path) -> None:
    claim(sweep(), tmp_path, resume=False)
    claim(sweep(), tmp_path, resume=True)
    (tmp_path / SWEEP_FILE).write_bytes(b"\xff")
    with pytest.raises(UsageError, match="holds another sweep"):
        claim(sweep(), tmp_path, resume=True)
