"""A training of a sweep: its flags are checked before any, and it tells of its validations."""

from __future__ import annotations

import math
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from documents import ROOT, fenced

from text_recognizer.errors import UsageError
from text_recognizer.training.sweep.file import Sweep, read_sweep
from text_recognizer.training.sweep.trial import Report, check_flags

FLAGS = {"model_class": "MLP", "data_class": "PenStrokes", "fc1": 8, "fc2": 8}


def sweep(metric: str = "val_acc", **searched: Any) -> Sweep:
    parameters = {name: {"value": value} for name, value in FLAGS.items()} | searched
    return Sweep.model_validate(
        {"method": "random", "run_cap": 1, "metric": {"name": metric, "goal": "maximize"}, "parameters": parameters}
    )


def test_flags_that_train_takes_are_fine() -> None:
    steps = {"min": 8, "max": 32, "q": 8, "distribution": "q_uniform"}
    check_flags(sweep(lr={"min": 1e-4, "max": 1e-2}, model_class={"values": ["MLP"]}, fc1=steps))


@pytest.mark.parametrize(
    ("searched", "message"),
    [
        ({"lrr": {"min": 1e-4, "max": 1e-2}}, "--lrr=0.0001 Did you mean --lr?"),
        ({"lr": {"values": ["high", "low"]}}, "--lr is 'high', but must be a number."),
        ({"fc1": {"min": 0, "max": 8}}, "--fc1 is 0"),
        (
            {"fc1": {"min": 4, "max": 8, "distribution": "log_uniform_values"}},
            "--fc1 is '4.0', but must be a whole number",
        ),
        ({"limit_test_batches": {"values": [1, 2]}}, "--limit_test_batches is set by the sweep itself. Leave it out."),
        ({"log_dir": {"values": ["a", "b"]}}, "--log_dir is set by the sweep itself. Leave it out."),
        ({"seed": {"min": 0, "max": 2**32}}, "--seed is 4294967296"),
        ({"model_class": {"values": ["MLP", "LineCNN"]}}, "fc1"),
        ({"data_class": {"values": ["PenStrokes", "EMNISTLines"]}}, "reads single characters"),
        pytest.param(
            {"engine": {"values": ["here", "ray"]}},
            "a sweep itself places its trainings",
            marks=pytest.mark.skipif(find_spec("ray") is None, reason="needs the extra cluster"),
        ),
    ],
)
def test_what_train_does_not_take_is_named(searched: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_flags(sweep(**searched))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_file_of_the_documents_is_a_sweep(tmp_path: Path) -> None:
    [content] = fenced(ROOT / "docs" / "scaling.md", "yaml")
    (tmp_path / "sweep.yaml").write_text(content)
    check_flags(read_sweep(tmp_path / "sweep.yaml")[0])


def test_figures_that_validations_lack_are_named() -> None:
    with pytest.raises(UsageError, match=r"metric.name is val_cer, but must be one of val_loss, val_acc"):
        check_flags(sweep("val_cer", lr={"min": 1e-4, "max": 1e-2}))


@pytest.mark.parametrize(("goal", "best"), [("minimize", [3, 2, 2]), ("maximize", [3, 3, 5])])
def test_the_best_so_far_is_told(goal: str, best: list[float]) -> None:
    told: list[dict[str, Any]] = []
    report = Report("val_cer", goal, told.append)
    for value in (3.0, 2.0, 5.0):
        report.on_validation_end(trainer(value), None)  # type: ignore[arg-type]
        again = Report("val_cer", goal, told.append)
        again.load_state_dict(report.state_dict())
        report = again
    assert [one["val_cer"] for one in told] == best
    assert [one["validations"] for one in told] == [1, 2, 3]


def test_a_figure_that_is_no_number_ends_the_training() -> None:
    told: list[dict[str, Any]] = []
    lost = trainer(math.nan)
    Report("val_cer", "minimize", told.append).on_validation_end(lost, None)  # type: ignore[arg-type]
    assert lost.should_stop
    assert told == [{"val_cer": math.inf, "validations": 1}]


def trainer(value: float) -> Any:
    return SimpleNamespace(callback_metrics={"val_cer": torch.tensor(value)}, should_stop=False)
