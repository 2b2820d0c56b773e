"""One experiment: build data and model, train, test, write down what came out."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import lightning as L
import torch
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.tuner.tuning import Tuner
from lightning.pytorch.utilities import rank_zero_only
from torch import Tensor, nn

from text_recognizer.alphabet import READER_ALPHABET
from text_recognizer.data.figures import save_figure
from text_recognizer.data.sets.data_module import DataModule
from text_recognizer.data.sets.labelled_lines import LabelledLines
from text_recognizer.data.sets.script_lines import ScriptLines
from text_recognizer.errors import UsageError, UserError, check_at_least, check_seed
from text_recognizer.files import write_text
from text_recognizer.registry import DATA_CLASSES, load_class
from text_recognizer.training.arguments import Arguments, Experiment
from text_recognizer.training.checkpoint import Checkpoint, Description
from text_recognizer.training.example_figures import confusion_figure
from text_recognizer.training.interruption import (
    BestCheckpoint,
    Continuing,
    LastCheckpoint,
    MeanOfWeights,
    StopEarly,
    StopOnSignal,
    Stopped,
    WholeFiles,
    best_beside,
)
from text_recognizer.training.logs import LogPictures, build_loggers, close_loggers
from text_recognizer.training.recognition import CharacterRecognition, LineRecognition, Recognition
from text_recognizer.training.runs.cost import Cost, CostBar
from text_recognizer.training.runs.newest import newest
from text_recognizer.training.weights import load_reader, load_weights, widened

LOG_REFRESH_STEPS = 100
MONITOR = "val_loss"
LR_FIND_BATCHES = 100
EXACT = ("optimizer", "lr", "one_cycle_max_lr", "weight_decay", "batch_size", "seed")
"""Flags that a training which goes on must share with the earlier run, besides those of the model."""
AT_LEAST_ONE = ("accumulate_grad_batches", "check_val_every_n_epoch")
NOTES = {
    "test_acc": "share of all positions, padding counted: the lab's accuracy",
    "test_char_acc": "share of the positions that hold a character. A blank cell is a space or padding, which a model "
    "that sees one cell alone cannot tell apart",
    "test_cer": "edits / reference characters, padding never counted",
}


class DescribeCheckpoint(Callback):
    """Writes into every checkpoint what rebuilds its model."""

    def __init__(self, description: Description) -> None:
        self.description = description

    def on_save_checkpoint(self, trainer: L.Trainer, pl_module: L.LightningModule, checkpoint: dict[str, Any]) -> None:
        assert isinstance(pl_module, Recognition)
        self.description.write(checkpoint, pl_module.loss)


def placement(experiment: Experiment) -> dict[str, Any]:
    """Lightning's accelerator and devices for an experiment; of nodes, too, where ``torchrun`` started this process.

    Raises:
        UsageError: If ``gpus`` is nothing that it may be.
    """
    where = wanted_devices(experiment)
    if where["accelerator"] in ("gpu", "cuda", "mps") and not _has_gpu():
        print("PyTorch finds no GPU on this machine, so it trains on the CPU.")
        where = {"accelerator": "cpu", "devices": 1}
    if (local := os.environ.get("LOCAL_WORLD_SIZE")) is not None:
        where |= {"devices": int(local), "num_nodes": int(os.environ["WORLD_SIZE"]) // int(local)}
        _warn_of_stale_addresses()
    return where


def _warn_of_stale_addresses() -> None:
    """Of a store that ``torchrun`` keeps over restarts, in which processes find those that died (pytorch#135712)."""
    said = os.environ.get
    restarts, shared = said("TORCHELASTIC_MAX_RESTARTS", "0"), said("TORCHELASTIC_USE_AGENT_STORE")
    if restarts != "0" and shared == "True" and said("RANK") == "0":
        print(
            "Set TORCH_DISABLE_SHARE_RDZV_TCP_STORE=1 for torchrun: after a restart, processes may otherwise wait half "
            "an hour for one that is gone (pytorch#135712).",
            file=sys.stderr,
        )


def wanted_devices(experiment: Experiment) -> dict[str, Any]:
    """Accelerator and devices that the flags name, whatever this machine has; ``auto`` where they name none.

    Raises:
        UsageError: If ``gpus`` is nothing that it may be.
    """
    if experiment.gpus is not None:
        return _of_gpus(experiment.gpus)
    return {"accelerator": experiment.accelerator or "auto", "devices": experiment.devices or "auto"}


def _of_gpus(gpus: str) -> dict[str, Any]:
    """Accelerator and devices for the lab's ``--gpus``: "0" the CPU; "N" so many; "-1" all; "0," those so numbered."""
    try:
        numbers = [int(part) for part in gpus.split(",") if part.strip()]
        if not numbers or min(numbers) < (0 if "," in gpus else -1):
            raise ValueError
    except ValueError:
        message = f"--gpus is {gpus!r}, but must be a number of GPUs, -1 for all, or a list of GPU numbers like '0,'."
        raise UsageError(message) from None
    if gpus.strip() == "0":
        return {"accelerator": "cpu", "devices": 1}
    return {"accelerator": "gpu", "devices": numbers if "," in gpus else numbers[0]}


def _has_gpu() -> bool:
    return torch.cuda.is_available() or torch.backends.mps.is_available()


def check(arguments: Arguments, where: dict[str, Any]) -> None:
    """Check the seed and Lightning's flags, on the devices ``where``, before anything is read or written.

    Raises:
        UsageError: If one has an impossible value.
    """
    check_seed(arguments.data["seed"])
    flags = arguments.trainer
    check_at_least(1, **{name: flags[name] for name in AT_LEAST_ONE if flags[name] is not None})
    if flags["val_check_interval"] == 0:
        raise UsageError("--val_check_interval is 0, but must be a share of an epoch or a number of batches.")
    if flags["precision"] == "16-true":
        raise UsageError(
            "--precision is 16-true, but the optimiser's steps are too small for weights of 16 bits. "
            "Use 16-mixed, or bf16-true."
        )
    try:
        L.Trainer(**flags | where, logger=False)
    except (MisconfigurationException, ModuleNotFoundError, TypeError, ValueError) as error:
        raise UsageError(f"A flag of Lightning's Trainer has an impossible value: {error}") from error


def check_amounts(arguments: Arguments, batches: int) -> None:
    """Check that of an epoch of so many batches something is trained, and that it gets to its first validation.

    Raises:
        UsageError: If not.
    """
    flags = arguments.trainer
    for name in ("overfit_batches", "limit_train_batches"):
        share = flags[name]
        if isinstance(share, float) and 0 < share * batches < 1:
            raise UsageError(
                f"--{name} is {share}, but an epoch has {batches} batches, of which that is less than one."
            )
    interval, limit = flags["val_check_interval"], flags["overfit_batches"] or flags["limit_train_batches"]
    if limit is not None:
        batches = min(batches, limit) if isinstance(limit, int) else int(batches * limit)
    if isinstance(interval, int) and flags["check_val_every_n_epoch"] is not None and interval > batches:
        raise UsageError(f"--val_check_interval is {interval}, but an epoch has {batches} batches.")


def make_run_dir(log_dir: str, name: str) -> Path:
    """A new folder ``<log_dir>/<time>-<name>`` that no other run has.

    Raises:
        UserError: If it cannot be made.
    """
    started = datetime.now().strftime("%Y%m%d-%H%M%S-%f")
    path = Path(log_dir) / f"{started}-{name}"
    try:
        path.mkdir(parents=True)
    except OSError as error:
        raise UserError(f"Cannot make the run folder {path}: {error.strerror}. Choose another --log_dir.") from error
    return path


def build(arguments: Arguments) -> tuple[DataModule, Recognition, Description]:
    """Data, what is trained on it, and what its checkpoints say, from the flags."""
    experiment = arguments.experiment
    data = load_class(DATA_CLASSES, experiment.data_class, "--data_class")(**arguments.data)
    reader = reader_for(data, experiment.init) if experiment.init is not None else None
    model_args = {"input_shape": data.input_shape, "num_classes": len(data.alphabet), **arguments.model}
    training = {name: value for name, value in (arguments.recognition | arguments.data).items() if name in EXACT}
    description = Description(experiment.model_class, model_args, data.alphabet, training)
    model = description.build()
    if experiment.load_weights is not None:
        start_from(experiment.load_weights, load_weights(experiment.load_weights), model, description)
    if experiment.init is not None and reader is not None:
        start_from(experiment.init, reader, model, description)
    reads_lines = hasattr(model, "output_length")
    if reads_lines != bool(data.target_shape):
        reads, holds = ("lines", "single characters") if reads_lines else ("single characters", "lines")
        raise UsageError(
            f"--model_class {experiment.model_class} reads {reads}, "
            f"but --data_class {experiment.data_class} holds {holds}."
        )
    recognition: Recognition
    if reads_lines:
        width = None if data.varying_widths else data.input_shape[2]
        sizes = {"input_width": width, "target_length": data.target_shape[0]}
        recognition = LineRecognition(model, data.alphabet, **sizes, **_loss_for(data, arguments.recognition))
    else:
        recognition = CharacterRecognition(model, data.alphabet, **arguments.recognition)
    recognition.hold(norms=experiment.init is not None, features=experiment.freeze == "features")
    if isinstance(recognition, LineRecognition) and isinstance(data, LabelledLines) and experiment.init is not None:
        recognition.keep()
    return data, recognition, description


def reader_for(data: DataModule, init: str) -> tuple[Description, dict[str, Tensor]]:
    """A reader to start from, as :func:`load_reader` gives it, and lines as it reads them.

    It gets the characters of the lines that it lacks, if the data are to be read with these.
    """
    found, weights = load_reader(init)
    if not isinstance(data, LabelledLines | ScriptLines) or not found.alphabet.extends(READER_ALPHABET):
        return found, weights
    data.read_with(found.alphabet)
    return widened(found, weights, data.alphabet)


def _loss_for(data: DataModule, flags: dict[str, Any]) -> dict[str, Any]:
    """The flags of the recognition, their loss one that the data can be learned with.

    Raises:
        UsageError: If the loss needs to know where characters stand, and the data does not.
    """
    if data.has_boxes or flags["loss"] == "ctc":
        return flags
    if flags["loss"] is not None:
        raise UsageError(
            f"--loss is {flags['loss']}, but {type(data).__name__} does not know where its characters stand. "
            "Use --loss=ctc."
        )
    return flags | {"loss": "ctc"}


def start_from(
    path: str, found_weights: tuple[Description, dict[str, Tensor]], model: nn.Module, description: Description
) -> None:
    """Give a model, described by ``description``, the weights that a file was found to hold, and for what model.

    Raises:
        UserError: If they are those of another model or alphabet.
    """
    found, weights = found_weights
    if (found.model_class, found.alphabet) != (description.model_class, description.alphabet):
        raise UserError(
            f"{path} holds a {found.model_class} that reads {len(found.alphabet)} classes, but a "
            f"{description.model_class} that reads {len(description.alphabet)} is to be trained."
        )
    try:
        model.load_state_dict(weights)
    except RuntimeError as error:
        raise UserError(f"{path} has weights of other sizes. Its model was built with {found.model_args}.") from error


def build_trainer(
    arguments: Arguments,
    where: dict[str, Any],
    run_dir: Path,
    description: Description,
    stop: StopOnSignal,
    resumed: Checkpoint | None,
    others: Sequence[Callback] = (),
) -> tuple[L.Trainer, BestCheckpoint | None]:
    """The Lightning trainer of a run on the devices ``where``, and what keeps its best checkpoint, if anything does.

    ``others`` are called back too.
    """
    experiment = arguments.experiment
    validates = arguments.trainer["limit_val_batches"] != 0
    best = last = None
    callbacks: list[Callback] = [DescribeCheckpoint(description), Continuing(), stop, *others]
    if validates and experiment.logger:
        callbacks.append(LogPictures())
    if experiment.enable_checkpointing:
        if validates:
            callbacks.append(best := BestCheckpoint(run_dir, MONITOR, resumed.path if resumed else None))
        callbacks.append(last := LastCheckpoint(run_dir, experiment.checkpoint_minutes, stop))
    callbacks.append(cost := Cost(last))
    if experiment.ema_decay:
        callbacks.append(MeanOfWeights(decay=experiment.ema_decay))
    if arguments.trainer["enable_progress_bar"] is not False:
        callbacks.append(CostBar(cost, 1 if sys.stderr.isatty() else LOG_REFRESH_STEPS))
    if validates and experiment.stop_early and not arguments.trainer["overfit_batches"]:
        callbacks.append(StopEarly(MONITOR, patience=experiment.stop_early, strict=False))
    trainer = L.Trainer(
        **arguments.trainer | where,
        callbacks=callbacks,
        logger=build_loggers(run_dir, arguments.yaml, wandb=experiment.wandb) if experiment.logger else False,
        enable_checkpointing=experiment.enable_checkpointing,
        plugins=[WholeFiles()],
        default_root_dir=run_dir,
        use_distributed_sampler=False,
    )
    return trainer, best


def run(
    arguments: Arguments,
    callbacks: Sequence[Callback] = (),
    *,
    where: dict[str, Any] | None = None,
    checkpoint: str | None = None,
    stop: StopOnSignal | None = None,
) -> tuple[dict[str, Any], int]:
    """Train and test as the flags say. Of several processes the first writes.

    Args:
        arguments: The flags.
        callbacks: What else the training calls back.
        where: Flags of Lightning's Trainer that say on what it trains, in place of those among the arguments.
        checkpoint: From which to go on, in place of that which the flags name.
        stop: What ends it early, in place of signals to this process alone.

    Returns:
        What ``metrics.json`` holds, and the exit code: 0, or what a signal that ended the run asks for.
    """
    where = placement(arguments.experiment) if where is None else where
    check(arguments, where)
    experiment = arguments.experiment
    L.seed_everything(arguments.data["seed"], workers=True, verbose=False)
    data, recognition, description = build(arguments)
    resumed = to_resume(arguments, description, checkpoint)
    data.prepare_data()
    data.setup("fit")
    check_amounts(arguments, len(data.train_dataloader()))
    is_first = rank_zero_only.rank == 0  # type: ignore[attr-defined]
    run_dir = Path(experiment.log_dir)
    if is_first:
        print(data)
        run_dir = make_run_dir(experiment.log_dir, f"{experiment.model_class}-{experiment.data_class}")
        write_text(run_dir / "config.yaml", arguments.yaml)
    if experiment.compile:
        recognition.model.compile()
    stop = stop or StopOnSignal()
    trainer, best = build_trainer(arguments, where, run_dir, description, stop, resumed, callbacks)
    figures = {
        "model_class": experiment.model_class,
        "data_class": experiment.data_class,
        "parameters": sum(parameter.numel() for parameter in recognition.model.parameters()),
    }
    with stop.listening(), suppress(Stopped):
        if experiment.auto_lr_find and resumed is None:
            find_learning_rate(trainer, recognition, data)
        figures |= fit(trainer, recognition, data, arguments, resumed)
        if not stop.signal:
            figures |= test(trainer, recognition, data, tested_checkpoint(best, resumed, figures))
    figures["interrupted"] = bool(stop.signal)
    close_loggers(trainer.loggers)
    if is_first:
        write_results(figures, recognition, run_dir)
    return figures, stop.exit_code


def to_resume(arguments: Arguments, description: Description, checkpoint: str | None) -> Checkpoint | None:
    """The checkpoint from which a run goes on, if it does: ``checkpoint``, or that which the flags name.

    Raises:
        UserError: If it is no checkpoint, or not of the model that ``description`` says.
    """
    experiment = arguments.experiment
    path = checkpoint or (newest(arguments) if experiment.resume else experiment.load_checkpoint)
    if path is None:
        return None
    resumed = Checkpoint.load(path)
    resumed.description.require(description, path)
    return resumed


def find_learning_rate(trainer: L.Trainer, recognition: Recognition, data: DataModule) -> None:
    """Let Lightning look for a learning rate, if an epoch has the batches that this takes, and say what came out."""
    batches = len(data.train_dataloader())
    if batches < LR_FIND_BATCHES:
        print(
            f"--auto_lr_find needs {LR_FIND_BATCHES} batches, but an epoch has {batches}: "
            f"the learning rate stays {recognition.lr:.2g}."
        )
        return
    Tuner(trainer).lr_find(recognition, datamodule=data, num_training=LR_FIND_BATCHES)
    print(f"Learning rate found: {recognition.lr:.2g}")


def tested_checkpoint(best: BestCheckpoint | None, resumed: Checkpoint | None, figures: dict[str, Any]) -> str | None:
    """The checkpoint to test: the best; that of the run resumed, if nothing was trained; else the model as it is."""
    if best is not None and best.best_model_path:
        return best.best_model_path
    return best_beside(resumed.path) if resumed is not None and not figures["train_seconds"] else None


def fit(
    trainer: L.Trainer, recognition: Recognition, data: DataModule, arguments: Arguments, resumed: Checkpoint | None
) -> dict[str, Any]:
    """Train, unless the checkpoint's training has ended; returns what is known of training and validation."""
    if resumed is not None and (ended := why_ended(resumed, trainer)):
        print(ended)
        return {"epochs": resumed.finished_epochs, "train_seconds": 0.0}
    started = time.perf_counter()
    with suppress(Stopped):
        trainer.fit(recognition, datamodule=data, ckpt_path=resumed.path if resumed else None, weights_only=True)
    seconds = time.perf_counter() - started
    figures = {"epochs": trainer.current_epoch, "steps": trainer.global_step, "train_seconds": round(seconds, 1)}
    figures |= {name: value.item() for name, value in trainer.callback_metrics.items()}
    if arguments.trainer["overfit_batches"]:
        validated = [name for name in figures if name.startswith("val_")]
        figures |= {name.replace("val_", "train_"): figures.pop(name) for name in validated}
    return figures


def why_ended(resumed: Checkpoint, trainer: L.Trainer) -> str:
    """Why nothing is to be trained after a checkpoint, and what to do to go on; nothing if something is."""
    only_tested = "nothing to train, only to test. Raise"
    epochs, stopper = resumed.finished_epochs, trainer.early_stopping_callback
    if epochs >= (trainer.max_epochs or 0) >= 0:
        said = f"{resumed.path} has {epochs} epochs behind it and --max_epochs is {trainer.max_epochs}"
        return f"{said}: {only_tested} --max_epochs to go on."
    if stopper and resumed.waited >= stopper.patience and not (trainer.min_epochs or trainer.min_steps):
        said = f"Before {resumed.path}, the validation loss had not fallen for {resumed.waited} validations"
        return f"{said} and --stop_early is {stopper.patience}: {only_tested} --stop_early to go on, or set it to 0."
    return ""


def test(trainer: L.Trainer, recognition: Recognition, data: DataModule, checkpoint: str | None) -> dict[str, float]:
    """Test the model of a checkpoint, or the model as it is; returns the figures."""
    trainer.test(recognition, datamodule=data, ckpt_path=checkpoint, weights_only=True, verbose=False)
    return {name: value.item() for name, value in trainer.callback_metrics.items() if name.startswith("test")}


def write_results(figures: dict[str, Any], recognition: Recognition, run_dir: Path) -> None:
    """Write ``metrics.json`` and, of characters that were tested, the confusion matrix; print the figures."""
    write_text(run_dir / "metrics.json", json.dumps(figures, indent=2) + "\n")
    if "test_acc" in figures:
        confusion = recognition.test_metrics.confusion.cpu().numpy()
        save_figure(confusion_figure(confusion, recognition.alphabet), run_dir / "confusion.png")
    show(figures, run_dir)


def show(figures: dict[str, Any], run_dir: Path) -> None:
    """Print the figures of a run and what they mean."""
    for name, value in figures.items():
        if name.startswith(("train_", "val_", "test_")):
            note = NOTES.get(name, "") if "test_cer" in figures else ""
            print(f"  {name:20} {value:10.4f}" + (f"  ({note})" if note else ""))
    print(f"  {run_dir}")
