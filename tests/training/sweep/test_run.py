"""What a training of a sweep gets of the cluster."""

from __future__ import annotations

from typing import Any

import pytest

from text_recognizer.commands.sweep import sweep as command
from text_recognizer.errors import UsageError
from text_recognizer.training.sweep.file import Sweep
from text_recognizer.training.sweep.run import gpus_of


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
