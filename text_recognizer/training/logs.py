"""Where the figures and pictures of a run go: TensorBoard and CSV files, and Weights & Biases where it is asked for."""

from __future__ import annotations

import logging
import os
import time
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import yaml
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.loggers import CSVLogger, Logger, TensorBoardLogger, WandbLogger
from lightning.pytorch.utilities import rank_zero_only
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from text_recognizer.training.example_figures import character_readings_figure, confusion_figure, line_readings_figure
from text_recognizer.training.recognition import LineRecognition, Recognition

MOST_TIME = 0.05
"""Share of the time of a training that pictures may take before its end."""
FIRST_SECONDS = 0.5
"""What the first pictures are thought to take."""
NUM_LINES = 12
NUM_CHARACTERS = 64


def build_loggers(run_dir: Path, flags: str, *, wandb: bool) -> list[Logger]:
    """Loggers of a run whose ``flags`` are this YAML; with ``wandb`` Weights & Biases too, for which a login suffices.

    Without a login, Weights & Biases writes to the run's folder, from where ``wandb sync`` uploads it.
    """
    loggers: list[Logger] = [TensorBoardLogger(run_dir, name="", version=""), CSVLogger(run_dir, name="", version="")]
    if wandb:
        import wandb as wandb_package

        mode = os.environ.get("WANDB_MODE")
        if mode is None:
            mode = "online" if wandb_package.login(prompt=False, verify=False) else "offline"
        project = os.environ.get("WANDB_PROJECT", "text-recognizer")
        about = {"name": run_dir.name, "config": yaml.safe_load(flags)}
        loggers.append(WandbLogger(save_dir=run_dir, project=project, mode=mode, **about))
    return loggers


def close_loggers(loggers: Iterable[Logger]) -> None:
    """Let Weights & Biases finish its run, so that another of the same process does not go on in it."""
    for logger in loggers:
        if isinstance(logger, WandbLogger):
            logger.experiment.finish()


class LogPictures(Callback):
    """Logs examples under what was read in them, and the confusion matrix of characters.

    After each validation, as long as that takes no more than ``MOST_TIME`` of the training, and at its end.
    """

    def __init__(self) -> None:
        self._batch: Any = None
        self._started = self._spent = 0.0
        self._longest = FIRST_SECONDS
        self._logged_at = -1

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._started = time.monotonic()

    def on_validation_batch_end(
        self,
        trainer: L.Trainer,
        pl_module: L.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        if batch_idx == 0:
            self._batch = batch

    @rank_zero_only
    def on_validation_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        if self._spent + self._longest <= MOST_TIME * (time.monotonic() - self._started):
            self._log(trainer, pl_module)

    @rank_zero_only
    def on_train_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        if self._batch is not None and self._logged_at != trainer.global_step:
            self._log(trainer, pl_module)

    def _log(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        assert isinstance(pl_module, Recognition)
        begun = time.monotonic()
        for name, figure in _figures(pl_module, self._batch).items():
            picture = _pixels(figure)
            for logger in trainer.loggers:
                _log(logger, name, picture, trainer.global_step)
        seconds = time.monotonic() - begun
        self._spent, self._longest = self._spent + seconds, max(self._longest, seconds)
        self._logged_at = trainer.global_step


def _figures(recognition: Recognition, batch: Any) -> dict[str, Figure]:
    lines = isinstance(recognition, LineRecognition)
    batch = batch[: NUM_LINES if lines else NUM_CHARACTERS]
    images = (batch.images[:, 0] * 255).byte().cpu().numpy()
    readings = recognition.read(batch.images, batch.widths)
    references = recognition.references(batch.targets)
    confusion = recognition.val_metrics.confusion.cpu().numpy()
    return {
        "val_readings": (line_readings_figure if lines else character_readings_figure)(images, readings, references),
        "val_confusion": confusion_figure(confusion, recognition.alphabet),
    }


def _pixels(figure: Figure) -> np.ndarray:
    """A figure drawn, uint8 (H, W, 3)."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()  # type: ignore[no-untyped-call]
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()  # type: ignore[no-untyped-call]


def _log(logger: Logger, name: str, picture: np.ndarray, step: int) -> None:
    """Give a picture to a logger that takes pictures."""
    if isinstance(logger, TensorBoardLogger):
        logger.experiment.add_image(name, picture, step, dataformats="HWC")
    elif isinstance(logger, WandbLogger):
        logger.log_image(name, [picture], step)


def quiet_lightning() -> None:
    """Silence Lightning's information messages and its warnings on loaders and loggers, which are set up on purpose."""
    for name in ("lightning.pytorch", "lightning.fabric", "lightning.pytorch.utilities.rank_zero"):
        logging.getLogger(name).setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", module="lightning")
    warnings.filterwarnings("ignore", category=FutureWarning)
