"""A training that is stopped saves what it has, says where, and goes on from there as if nothing had been."""

from __future__ import annotations

import os
import random
import shutil
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, cast

import lightning as L
import numpy as np
import torch
from lightning.fabric.plugins import TorchCheckpointIO
from lightning.pytorch.callbacks import Callback, Checkpoint, EarlyStopping, EMAWeightAveraging, ModelCheckpoint
from lightning.pytorch.trainer.states import TrainerFn

from text_recognizer.files import replacing

_RANDOM_STATES = "random_states"
BEST, LAST, PREVIOUS = "best.ckpt", "last.ckpt", "previous.ckpt"
SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stopped(Exception):
    """A signal ended the training or the test. Raised within Lightning, which then closes what it opened."""


class StopOnSignal(Callback):
    """Ctrl-C and SIGTERM end a training after its step, a second one ends it at once.

    Attributes:
        signal: Number of the signal that came; 0 if none did.
    """

    def __init__(self) -> None:
        self.signal = 0

    @property
    def exit_code(self) -> int:
        """What the shell expects of a program that a signal ended: 130 or 143; 0 if none did."""
        return 128 + self.signal if self.signal else 0

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Within this block, signals are noted. Python takes them in the main thread alone."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        previous = {number: signal.getsignal(number) for number in SIGNALS}
        self._listen()
        try:
            yield
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)

    def _listen(self) -> None:
        for number in SIGNALS:
            signal.signal(number, self._note)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.signal:
            os._exit(128 + number)
        self.signal = int(number)
        print("\nStopping after this step. Press Ctrl-C again to stop at once.", file=sys.stderr)

    def asked(self, trainer: L.Trainer) -> bool:
        """Whether any process of the run got a signal."""
        return bool(self.signal) if trainer.world_size == 1 else self._any_process_asked(trainer)

    def _any_process_asked(self, trainer: L.Trainer) -> bool:
        asked = trainer.strategy.reduce_boolean_decision(bool(self.signal), all=False)
        if asked and not self.signal:
            self.signal = int(signal.SIGTERM)
        return asked

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._replace_lightnings_handler()

    def on_test_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._replace_lightnings_handler()

    def _replace_lightnings_handler(self) -> None:
        """Lightning's own notes SIGTERM, and then ends the training without a checkpoint and with exit code 0."""
        if threading.current_thread() is threading.main_thread():
            self._listen()

    def on_test_batch_end(self, trainer: L.Trainer, *others: Any) -> None:
        if self.asked(trainer):
            raise Stopped


class StopOnFile(StopOnSignal):
    """Ends a training on many machines when one process, which need not train, gets a signal: it writes a file.

    Args:
        file: In a folder that all machines share. It is not there at first.
    """

    def __init__(self, file: Path) -> None:
        super().__init__()
        self._file = file

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._file.touch()
        super()._note(number, frame)

    def asked(self, trainer: L.Trainer) -> bool:
        """Whether any process got a signal."""
        if not self.signal and self._file.exists():
            self.signal = int(signal.SIGTERM)
        return super().asked(trainer)


class WholeFiles(TorchCheckpointIO):
    """Writes a checkpoint under a temporary name in its own folder, then renames it: it is whole or not there.

    A ``last.ckpt`` that was there is kept as ``previous.ckpt``.
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        with replacing(path) as temporary, temporary.open("wb") as file:
            torch.save(checkpoint, file)
            file.flush()
            os.fsync(file.fileno())
            if Path(path).name == LAST and Path(path).exists():
                Path(path).replace(Path(path).with_name(PREVIOUS))


class Continuing(Callback):
    """Keeps the state of all random numbers, of each process, in checkpoints, and goes on with it."""

    def __init__(self) -> None:
        self._loaded: list[dict[str, Any]] = []

    def on_save_checkpoint(self, trainer: L.Trainer, pl_module: L.LightningModule, checkpoint: dict[str, Any]) -> None:
        states: list[Any] = [None] * trainer.world_size
        states[trainer.global_rank] = random_state()
        if trainer.world_size > 1:
            torch.distributed.all_gather_object(states, states[trainer.global_rank])
        checkpoint[_RANDOM_STATES] = states

    def on_load_checkpoint(self, trainer: L.Trainer, pl_module: L.LightningModule, checkpoint: dict[str, Any]) -> None:
        self._loaded = checkpoint.get(_RANDOM_STATES, [])
        if trainer.max_steps != -1 and "loops" in checkpoint:
            _begin_next_epoch(checkpoint["loops"]["fit_loop"])

    def on_train_batch_start(self, trainer: L.Trainer, *others: Any) -> None:
        if self._loaded:
            set_random_state(self._loaded[trainer.global_rank % len(self._loaded)])
            self._loaded = []


def _begin_next_epoch(loop: dict[str, Any]) -> None:
    """Change the state of a finished epoch into that of a new one.

    Lightning does so itself but where steps limit the training: there it would leave the next epoch out.
    """
    epochs, batches = loop["epoch_progress"], loop["epoch_loop.batch_progress"]
    if epochs["current"]["processed"] < epochs["current"]["ready"]:
        return
    for counts in epochs.values():
        counts["completed"] = counts["processed"]
    batches["current"] = dict.fromkeys(batches["current"], 0)
    batches["is_last_batch"] = False


def random_state() -> dict[str, Any]:
    """The state of Python's, NumPy's and PyTorch's random numbers, in types that load without executing anything."""
    kind, keys, *rest = cast(tuple[Any, ...], np.random.get_state())  # noqa: NPY002
    return {
        "python": random.getstate(),
        "numpy": (kind, keys.tolist(), *rest),
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
    }


def set_random_state(state: dict[str, Any]) -> None:
    """Go on with the random numbers of :func:`random_state`."""
    random.setstate(state["python"])
    np.random.set_state(state["numpy"])  # noqa: NPY002
    torch.set_rng_state(state["torch"])
    if len(state["cuda"]) == torch.cuda.device_count() > 0:
        torch.cuda.set_rng_state_all(state["cuda"])


class StopEarly(EarlyStopping):
    """Lightning's, but the flags say how patient a run is that goes on, and not its checkpoint."""

    @property
    def state_key(self) -> str:
        return EarlyStopping(self.monitor).state_key

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        super().load_state_dict(state_dict | {"patience": self.patience})


class MeanOfWeights(EMAWeightAveraging):
    """A running mean of the weights, which is validated, saved and tested.

    Lightning's own goes on with the weights themselves, when it loads a checkpoint to test it, too.
    """

    def on_load_checkpoint(self, trainer: L.Trainer, pl_module: L.LightningModule, checkpoint: dict[str, Any]) -> None:
        if trainer.state.fn == TrainerFn.FITTING:
            super().on_load_checkpoint(trainer, pl_module, checkpoint)


class BestCheckpoint(ModelCheckpoint):
    """Keeps the weights of the lowest validation loss as ``best.ckpt``, and what an earlier run had of these.

    Args:
        run_dir: Folder of the run.
        monitor: What is to be low.
        resumed: The checkpoint from which the run goes on.
    """

    def __init__(self, run_dir: Path, monitor: str, resumed: str | None) -> None:
        super().__init__(run_dir, filename="best", monitor=monitor, enable_version_counter=False)
        self._resumed = resumed

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over score and weights of the best epoch so far; the file is copied into this run's folder."""
        score, kept = state_dict["best_model_score"], self._kept(state_dict["best_model_path"])
        if score is None:
            return
        if kept is None:
            print(f"{state_dict['best_model_path']} is gone: the best epoch is looked for anew.", file=sys.stderr)
            return
        assert self.dirpath is not None
        path = str(Path(self.dirpath) / BEST)
        if int(os.environ.get("LOCAL_RANK", 0)) == 0 and not Path(path).exists():
            with replacing(path) as temporary:
                shutil.copyfile(kept, temporary)
        super().load_state_dict(
            {
                **state_dict,
                "dirpath": self.dirpath,
                "best_model_path": path,
                "kth_best_model_path": path,
                "best_k_models": {path: score},
                "last_model_path": "",
            }
        )

    def _kept(self, path: str) -> Path | None:
        """The best checkpoint of the earlier run: beside the one that is resumed, or where it was written."""
        beside = [Path(self._resumed).with_name(BEST)] if self._resumed else []
        return next((one for one in [*beside, Path(path)] if path and one.is_file()), None)


def best_beside(path: str) -> str:
    """The best checkpoint of the run whose last one, or the one before, is ``path``; ``path`` if that is neither."""
    best = Path(path).with_name(BEST)
    return str(best) if Path(path).name in (LAST, PREVIOUS) and best.is_file() else path


class LastCheckpoint(Checkpoint):
    """Keeps ``last.ckpt``: after each epoch, every so many minutes, and when the run is told to stop or ends.

    Args:
        run_dir: Folder of the run.
        minutes: Time between two checkpoints within an epoch.
        stop: Knows whether the run is told to stop.

    Attributes:
        spent: Seconds that writing has taken.
    """

    def __init__(self, run_dir: Path, minutes: float, stop: StopOnSignal) -> None:
        self.path, self.seconds, self.stop = run_dir / LAST, 60 * minutes, stop
        self.spent = self._saved = 0.0

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._saved = time.monotonic()

    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if not _is_between_steps(trainer, batch_idx):
            return
        stops = self.stop.asked(trainer) and not _validates_now(trainer, batch_idx)
        if stops or _ends(trainer) or (self._is_due(trainer) and not _validates_now(trainer, batch_idx)):
            self._save(trainer)
        if stops:
            self._stop(trainer)

    def _is_due(self, trainer: L.Trainer) -> bool:
        return trainer.strategy.broadcast(time.monotonic() - self._saved >= self.seconds)

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Save a run that ends here, within an epoch, with what it knows of this validation."""
        fits = trainer.state.fn == TrainerFn.FITTING
        if fits and not trainer.is_last_batch and _ends(trainer):
            self._save(trainer)

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        if trainer.is_last_batch:
            self._save(trainer)
        if self.stop.asked(trainer):
            self._stop(trainer)

    def _save(self, trainer: L.Trainer) -> None:
        begun = time.monotonic()
        if not trainer.fast_dev_run:  # type: ignore[attr-defined]
            trainer.save_checkpoint(self.path)
        self._saved = time.monotonic()
        self.spent += self._saved - begun

    def _stop(self, trainer: L.Trainer) -> None:
        if trainer.is_global_zero:
            print(f"Stopped. Go on with --load_checkpoint={self.path}", file=sys.stderr)
        raise Stopped


def _ends(trainer: L.Trainer) -> bool:
    """Whether the training ends here, if need be within an epoch."""
    return trainer.should_stop or trainer.global_step == trainer.max_steps


def _is_between_steps(trainer: L.Trainer, batch_idx: int) -> bool:
    """Whether another step of the epoch follows. Gradients that are still accumulated are in no checkpoint."""
    return not trainer.is_last_batch and (batch_idx + 1) % trainer.accumulate_grad_batches == 0


def _validates_now(trainer: L.Trainer, batch_idx: int) -> bool:
    """Whether a validation follows, which a training that goes on from here would leave out."""
    if not isinstance(trainer.val_check_batch, int):
        return False
    done = trainer.fit_loop.total_batch_idx if trainer.check_val_every_n_epoch is None else batch_idx
    return (done + 1) % trainer.val_check_batch == 0
