"""Once a minute a training says what it costs."""

from __future__ import annotations

import csv
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from training_tools import READER, STEPS_OF_AN_EPOCH, train

from text_recognizer.training.runs import cost as module
from text_recognizer.training.runs.cost import Cost, CostBar, Costs, memory, said


def test_shares_are_of_the_time_of_training() -> None:
    figures = Costs(examples=1200, seconds=60.0, waited=6.0, saved=0.6).figures()
    assert (figures["examples_per_second"], figures["waiting_share"], figures["saving_share"]) == (20.0, 0.1, 0.01)
    assert said(figures | {"memory": 5e8}) == "20 examples a second, 10% waiting for data, 1.0% saving, 500 MB"


def test_waiting_is_neither_validation_nor_saving(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(module.time, "monotonic", lambda: now)
    last: Any = SimpleNamespace(spent=0.0)
    trainer: Any = SimpleNamespace(
        world_size=2, loggers=[], is_global_zero=True, global_step=1, progress_bar_callback=None
    )
    batch: Any = SimpleNamespace(targets=[0] * 30)
    cost = Cost(last)
    cost.on_train_start(trainer, trainer)
    now = 5.0
    cost.on_train_batch_start(trainer)
    now = 40.0
    cost.on_train_batch_end(trainer, trainer, None, batch, 0)
    last.spent, now = 2.0, 42.0
    cost.on_validation_start(trainer, trainer)
    now = 100.0
    cost.on_validation_end(trainer, trainer)
    now = 101.0
    cost.on_train_batch_start(trainer)
    now = 158.0
    cost.on_train_batch_end(trainer, trainer, None, batch, 1)
    assert cost.latest["examples_per_second"] == 120 / 100
    assert cost.latest["waiting_share"] == pytest.approx(0.05)
    assert cost.latest["saving_share"] == pytest.approx(0.02)


def test_figures_are_said_logged_and_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(module, "REPORT_SECONDS", 0.0)
    _, run = train(f"{READER} --max_epochs 1", tmp_path, monkeypatch)
    assert capsys.readouterr().err.count("examples a second") == STEPS_OF_AN_EPOCH
    with (run / "metrics.csv").open() as file:
        logged = [row["examples_per_second"] for row in csv.DictReader(file) if row.get("examples_per_second")]
    assert len(logged) == STEPS_OF_AN_EPOCH
    assert min(map(float, logged)) > 0


def test_the_bar_shows_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.TQDMProgressBar, "get_metrics", lambda *_: {"v_num": 1})
    cost: Any = Cost()
    nothing: Any = None
    assert CostBar(cost, 1).get_metrics(nothing, nothing) == {"v_num": 1}
    cost.latest = Costs(1, 1.0).figures()
    assert "1 examples a second" in CostBar(cost, 1).get_metrics(nothing, nothing)["cost"]


def test_memory_is_that_of_this_process() -> None:
    assert 50e6 < memory() < 50e9
