"""One training of a sweep, as ``train`` runs it, in a process of its own that may be lost at any time."""

from __future__ import annotations

import contextlib
import io
import math
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightning as L
from lightning.pytorch.callbacks import Callback

from text_recognizer.cluster import work_in
from text_recognizer.errors import UsageError, UserError
from text_recognizer.training.arguments import Arguments, parse
from text_recognizer.training.experiment import build, check, placement, run
from text_recognizer.training.logs import quiet_lightning
from text_recognizer.training.sweep.file import Sweep, argv

OWN_FLAGS = {"resume": "auto", "limit_test_batches": 0, "enable_progress_bar": False}
"""Of every training of a sweep. The test split is left for what wins."""


class Report(Callback):
    """Tells of each validation the best figure so far; a figure that is no number ends the training.

    Args:
        metric: Name of the figure.
        goal: ``minimize`` or ``maximize``.
        tell: Gets the figure under its name, and ``validations``, how many there were.
    """

    def __init__(self, metric: str, goal: str, tell: Callable[[dict[str, Any]], None]) -> None:
        self._metric, self._sign, self._tell = metric, 1 if goal == "minimize" else -1, tell
        self._validations, self._best = 0, math.inf

    def state_dict(self) -> dict[str, Any]:
        """What a training that goes on needs to know."""
        return {"validations": self._validations, "best": self._best}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on with what was."""
        self._validations, self._best = state_dict["validations"], state_dict["best"]

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        value = trainer.callback_metrics[self._metric].item()
        self._validations += 1
        if not math.isfinite(value):
            trainer.should_stop = True
        else:
            self._best = min(self._best, self._sign * value)
        self._tell({self._metric: self._sign * self._best, "validations": self._validations})


def check_flags(sweep: Sweep) -> None:
    """Check that ``train`` could run with all that may be drawn, and measures what it is judged by.

    Raises:
        UsageError: If not; it says what ``train`` would.
    """
    quiet_lightning()
    for name in sweep.parameters:
        if name in (*OWN_FLAGS, "log_dir"):
            raise UsageError(f"--{name} is set by the sweep itself. Leave it out.")
    for flags in sweep.corners:
        arguments = arguments_of(flags)
        if arguments.experiment.engine == "ray":
            raise UsageError("--engine is ray, but a sweep itself places its trainings on Ray. Leave it out.")
        check(arguments, placement(arguments.experiment))
        _, recognition, _ = build(arguments)
        with warnings.catch_warnings(action="ignore"):
            figures = ["val_loss", *(f"val_{name}" for name in recognition.val_metrics.compute())]
        if sweep.metric.name not in figures:
            raise UsageError(f"metric.name is {sweep.metric.name}, but must be one of {', '.join(figures)}.")


def arguments_of(flags: dict[str, Any]) -> Arguments:
    """The arguments of a training.

    Raises:
        UsageError: If ``train`` does not take these flags; its message without its usage.
    """
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            return parse(argv(flags), "train")
    except SystemExit as error:
        message = said.getvalue().removeprefix("train: error: ").rpartition("\nTry ")[0]
        raise UsageError(" ".join(message.split())) from error


def train_trial(config: dict[str, Any]) -> None:
    """Train with the flags that were drawn, and report to Ray Tune. A training that was lost goes on.

    Args:
        config: ``flags`` that were drawn and ``fixed`` ones, ``metric`` and ``goal``; ``logs``, a folder of all
            trainings; and ``folder``, where the command was given.
    """
    from ray import tune

    work_in(config["folder"])
    log_dir = Path(config["logs"]) / tune.get_context().get_trial_id()
    flags = config["fixed"] | config["flags"] | OWN_FLAGS | {"log_dir": str(log_dir)}
    quiet_lightning()
    try:
        run(arguments_of(flags), [Report(config["metric"], config["goal"], tune.report)])
    except UserError as error:
        worst = math.inf if config["goal"] == "minimize" else -math.inf
        tune.report({config["metric"]: worst, "validations": 0, "failed": str(error)})
