"""What a training costs, once a minute: speed, waiting, memory."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning as L
import torch
from lightning.pytorch.callbacks import Callback, TQDMProgressBar

from text_recognizer.training.interruption import LastCheckpoint

REPORT_SECONDS = 60.0


@dataclass
class Costs:
    """What happened since the last report.

    Attributes:
        examples: That all processes trained.
        seconds: Without validations.
        waited: Of these, between two steps, where the next batch is waited for.
        saved: Of these, while checkpoints were written.
    """

    examples: int = 0
    seconds: float = 0.0
    waited: float = 0.0
    saved: float = 0.0

    def figures(self) -> dict[str, float]:
        """Examples a second, shares of the time from 0 to 1, and this process's memory in bytes."""
        seconds = max(self.seconds, 1e-9)
        return {
            "examples_per_second": self.examples / seconds,
            "waiting_share": self.waited / seconds,
            "saving_share": self.saved / seconds,
            "memory": float(memory()),
        }


class Cost(Callback):
    """Says once a minute, on standard error, in the progress bar and to the loggers, what the training costs.

    Args:
        last: What writes checkpoints, if anything does.
    """

    def __init__(self, last: LastCheckpoint | None = None) -> None:
        self.latest: dict[str, float] = {}
        self._last, self._costs = last, Costs()
        self._since = self._ended = self._paused = self._saved_before = 0.0

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._since = self._ended = time.monotonic()
        self._saved_before = self._saved

    def on_train_batch_start(self, trainer: L.Trainer, *others: Any) -> None:
        now = time.monotonic()
        saved, self._saved_before = self._saved - self._saved_before, self._saved
        self._costs.saved += saved
        self._costs.waited += max(now - self._ended - saved, 0.0)

    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        self._ended = time.monotonic()
        self._costs.examples += len(batch.targets) * trainer.world_size
        if self._ended - self._since >= REPORT_SECONDS:
            self._costs.seconds = self._ended - self._since
            self._report(trainer)
            self._costs, self._since = Costs(), self._ended

    def on_validation_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._paused = time.monotonic()

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._ended = time.monotonic()
        self._since += self._ended - self._paused

    @property
    def _saved(self) -> float:
        return self._last.spent if self._last is not None else 0.0

    def _report(self, trainer: L.Trainer) -> None:
        if not trainer.is_global_zero:
            return
        self.latest = self._costs.figures()
        for logger in trainer.loggers:
            logger.log_metrics(self.latest, trainer.global_step)
        if trainer.progress_bar_callback is None or not sys.stderr.isatty():
            print(f"step {trainer.global_step}: {said(self.latest)}", file=sys.stderr)


class CostBar(TQDMProgressBar):
    """A progress bar that shows the latest costs besides.

    Args:
        cost: Knows them.
        refresh_rate: Steps between two drawings.
    """

    def __init__(self, cost: Cost, refresh_rate: int) -> None:
        super().__init__(refresh_rate=refresh_rate)
        self._cost = cost

    def get_metrics(self, trainer: L.Trainer, pl_module: L.LightningModule) -> dict[str, Any]:
        """Lightning's figures, and the costs as a sentence."""
        figures: dict[str, Any] = super().get_metrics(trainer, pl_module)
        return figures | ({"cost": said(self._cost.latest)} if self._cost.latest else {})


def said(figures: dict[str, float]) -> str:
    """Figures of :class:`Costs` in words."""
    return (
        f"{figures['examples_per_second']:,.0f} examples a second, {figures['waiting_share']:.0%} waiting for data, "
        f"{figures['saving_share']:.1%} saving, {figures['memory'] / 1e6:,.0f} MB"
    )


def memory() -> int:
    """Bytes that this process holds: on the GPU if it trains there, else in memory; 0 where neither is known."""
    if reserved := torch.cuda.memory_reserved() if torch.cuda.is_available() else 0:
        return reserved
    status = Path("/proc/self/statm")  # Linux
    return int(status.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") if status.exists() else _peak()


def _peak() -> int:
    """The most that this process ever held."""
    try:
        import resource
    except ImportError:  # Windows
        return 0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
