"""The file of a sweep: what it may say, and what is wrong with one in a line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from text_recognizer.errors import UsageError
from text_recognizer.training.sweep.file import Sweep, argv, read_sweep

LAB = """
program: training/run_experiment.py
method: random
metric:
  goal: minimize
  name: val_cer
parameters:
  model_class: {value: LineCNN}
  lr: {min: 1e-4, max: 0.01, distribution: log_uniform_values}
  conv_dim: {values: [16, 32]}
  seed: {min: 1, max: 9}
  ema_decay: {min: 0.0, max: 1}
run_cap: 4
"""


def sweep(**changes: Any) -> dict[str, Any]:
    """What the file above holds, with changes; None leaves a key out."""
    content = yaml.safe_load(LAB) | changes
    return {name: value for name, value in content.items() if value is not None}


def read(content: Any, tmp_path: Path) -> Sweep:
    path = tmp_path / "sweep.yaml"
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    return read_sweep(path)[0]


def test_a_file_of_the_course(tmp_path: Path) -> None:
    (tmp_path / "sweep.yaml").write_text(LAB)
    found, unused = read_sweep(tmp_path / "sweep.yaml")
    assert unused == ["program"]
    drawn = {name: one.drawn for name, one in found.parameters.items()}
    assert drawn == {
        "model_class": "constant",
        "lr": "log_uniform_values",
        "conv_dim": "categorical",
        "seed": "int_uniform",
        "ema_decay": "uniform",
    }
    assert found.fixed == {"model_class": "LineCNN"}
    assert found.parameters["lr"].ends == [1e-4, 0.01]
    assert found.trainings == 4


def test_each_value_and_each_end_occurs_in_a_corner(tmp_path: Path) -> None:
    corners = list(read(sweep(), tmp_path).corners)
    assert len(corners) == 5
    for name, values in {"lr": {1e-4, 0.01}, "conv_dim": {16, 32}, "seed": {1, 9}}.items():
        assert {corner[name] for corner in corners} == values


@pytest.mark.parametrize(("run_cap", "trainings"), [(None, 6), (5, 5), (20, 6)])
def test_a_grid_is_all_combinations(run_cap: int | None, trainings: int, tmp_path: Path) -> None:
    parameters = {"lr": {"values": [0.1, 0.2]}, "fc1": {"values": [1, 2, 3]}, "fc2": {"value": 4}}
    found = read(sweep(method="grid", run_cap=run_cap, parameters=parameters), tmp_path)
    assert found.trainings == len({tuple(one.items()) for one in found.grid}) == trainings
    assert next(found.grid) == {"lr": 0.1, "fc1": 1}


def one(parameter: dict[str, Any]) -> dict[str, Any]:
    return {"parameters": {"lr": parameter}}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"method": "evolution"}, "method: Input should be 'bayes', 'random' or 'grid'"),
        ({"metric": None}, "metric: Field required"),
        ({"metric": {"name": "val_cer", "goal": "low"}}, "metric.goal: Input should be 'minimize' or 'maximize'"),
        ({"run_cap": None}, "run_cap is missing: how many trainings random draws, as run_cap: 20"),
        ({"run_cap": 0}, "run_cap: Input should be greater than 0"),
        ({"seeds": 3}, "seeds: Extra inputs are not permitted"),
        ({"early_terminate": {"type": "envelope"}}, "early_terminate.type: Input should be 'hyperband'"),
        ({"method": "grid"}, "grid takes values, but lr is a range"),
        (one({"value": 1}), "no parameter has several values, so there is nothing to search"),
        (one({"min": 1}), "parameters.lr: has min, but uniform takes max and min"),
        (one({"min": 2, "max": 1}), "parameters.lr: min is 2 and max 1, but min must be below max"),
        (one({"min": 0, "max": 1, "distribution": "log_uniform_values"}), "takes numbers above 0"),
        (
            one({"mu": 0, "sigma": 1, "distribution": "normal"}),
            "lr.distribution: Input should be 'constant'",
        ),
        (
            one({"min": 0, "max": 1, "distribution": "q_uniform"}),
            "but q_uniform takes max and min and q",
        ),
        (
            one({"min": 0.1, "max": 0.95, "q": 0.1, "distribution": "q_uniform"}),
            "max is 0.95, but q_uniform draws multiples of q, which is 0.1",
        ),
        (
            one({"min": 1, "max": 9, "q": 2, "distribution": "q_uniform"}),
            "min is 1, but q_uniform draws multiples of q, which is 2",
        ),
        (one({"min": 0.5, "max": 1, "distribution": "int_uniform"}), "int_uniform takes whole numbers"),
        (one({"values": []}), "parameters.lr.values: List should have at least 1 item"),
    ],
)
def test_what_is_wrong_is_named(changes: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        read(sweep(**changes), tmp_path)
    said = str(caught.value)
    assert said.startswith(f"--config {tmp_path / 'sweep.yaml'}: ")
    assert message in said
    assert "\n" not in said


@pytest.mark.parametrize("content", ["- a list", "a: [", None])
def test_a_file_that_is_none(content: str | None, tmp_path: Path) -> None:
    path = tmp_path / "sweep.yaml"
    if content is not None:
        path.write_text(content)
    with pytest.raises(UsageError, match=r"--config .*sweep.yaml (cannot be read as YAML|must hold a sweep)"):
        read_sweep(path)


def test_flags_are_those_of_the_command_line() -> None:
    flags = {"lr": 1e-05, "fresh_lines": True, "model_class": "CNN", "batch_size": 8}
    assert argv(flags) == ["--lr=1e-05", "--fresh_lines=true", "--model_class=CNN", "--batch_size=8"]
