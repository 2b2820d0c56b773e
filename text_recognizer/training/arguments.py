"""The flags of an experiment, derived from the signatures and docstrings of the chosen classes."""

from __future__ import annotations

import argparse
import importlib.util
import inspect
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal

import lightning as L
import yaml

from text_recognizer.cluster import Engine, check_engine
from text_recognizer.command_line import Parser
from text_recognizer.errors import UsageError, check_at_least
from text_recognizer.registry import DATA_CLASSES, MODEL_CLASSES, load_class
from text_recognizer.training.recognition import CharacterRecognition, LineRecognition
from text_recognizer.training.weights import load_reader

_FLAGS = "flags, one a line, as config.yaml of a run does: max_epochs: 5"

TRAINER_SKIPPED = {
    "barebones",
    "callbacks",
    "default_root_dir",
    "enable_autolog_hparams",
    "inference_mode",
    "limit_predict_batches",
    "model_registry",
    "plugins",
    "use_distributed_sampler",
}
"""Parameters of Lightning's Trainer that are no flags: what an experiment decides itself, or has no use for."""
AMOUNTS = {
    "limit_train_batches": "How much of the training split an epoch takes",
    "limit_val_batches": "How much of the validation split is validated",
    "limit_test_batches": "How much of the test split is tested",
    "overfit_batches": "How much of the training split trains and validates, the same each epoch; no early stopping",
    "val_check_interval": "How much of an epoch is trained between two validations",
}
"""Flags that take a count or a share. Unions of typing forget whether int or float comes first, so these do without."""
TRAINER_DEFAULTS = {"max_epochs": 5, "enable_model_summary": False, "num_sanity_val_steps": 0, "log_every_n_steps": 20}


@dataclass(frozen=True)
class Experiment:
    """What to run and where.

    Args:
        model_class: The model to train.
        data_class: The data to train on.
        gpus: Number of GPUs (0 none, -1 all), or a list of GPU numbers like "0,". By default a GPU is used if there is
            one.
        accelerator: Lightning's name of the hardware (cpu, gpu, auto), instead of gpus.
        devices: Number of these devices, or a list of their numbers.
        load_checkpoint: Continue the earlier run that wrote this file.
        resume: auto continues from the newest intact checkpoint in log_dir of a run with the same data, model and loss.
        load_weights: Start from the weights of this ``.safetensors`` file, which ``export`` wrote.
        init: Start from a reader and build the same model: ``reader``, the one that ships, or a file that ``export`` or
            ``finetune`` wrote (.onnx or .safetensors). Its normalization layers are not trained.
        freeze: The layers that are not trained: nothing, or the features, which see the shapes of characters.
        log_dir: Folder for the folders of runs.
        auto_lr_find: Search for a learning rate first.
        compile: Compile the model with torch.compile.
        wandb: Also log to Weights & Biases, or to the run's folder if this machine is not logged in.
        logger: Write figures and pictures during the run.
        enable_checkpointing: Write checkpoints.
        checkpoint_minutes: Minutes between two checkpoints within an epoch.
        stop_early: Stop when the validation loss has not fallen for this number of validations; 0 never stops early.
        engine: Train in this process and those that it starts (here), or with ray: the processes run on a cluster whose
            machines share log_dir, and start anew from the last checkpoint when one is lost.
        address: With ray: the cluster, as ``ray start`` prints it, or auto; by default only this machine.
        restarts: With ray: how often the processes are started anew; -1 sets no limit.
        ema_decay: Validate, test and save an exponential moving average of the weights with this decay, such as 0.999;
            0 uses the weights themselves.

    Raises:
        UsageError: If Weights & Biases is not installed, weights are to come from two files, devices are named twice,
            checkpoint_minutes is not above 0, stop_early is below, ema_decay is not from 0 to below 1, or Ray is not
            installed.
    """

    model_class: str = "MLP"
    data_class: str = "MNIST"
    gpus: str | None = None
    accelerator: str | None = None
    devices: str | None = None
    load_checkpoint: str | None = None
    resume: Literal["auto"] | None = None
    load_weights: str | None = None
    init: str | None = None
    freeze: Literal["nothing", "features"] = "nothing"
    log_dir: str = "training/logs"
    auto_lr_find: bool = False
    compile: bool = False
    wandb: bool = False
    logger: bool = True
    enable_checkpointing: bool = True
    checkpoint_minutes: float = 5.0
    stop_early: int = 10
    engine: Engine = "here"
    address: str | None = None
    restarts: int = 3
    ema_decay: float = 0.0

    def __post_init__(self) -> None:
        if self.gpus is not None and (self.accelerator or self.devices) is not None:
            raise UsageError("--gpus says what --accelerator and --devices say. Leave out it or them.")
        if not self.checkpoint_minutes > 0:
            raise UsageError(f"--checkpoint_minutes is {self.checkpoint_minutes}, but must be above 0.")
        check_at_least(0, stop_early=self.stop_early)
        check_at_least(-1, restarts=self.restarts)
        check_engine(self.engine, self.address)
        if self.load_weights and self.init:
            raise UsageError("--load_weights and --init each bring weights to start from. Leave out one of them.")
        if not 0 <= self.ema_decay < 1:
            raise UsageError(f"--ema_decay is {self.ema_decay}, but must be from 0 to below 1.")
        if self.load_checkpoint and self.resume:
            raise UsageError("--resume looks for a checkpoint by itself. Leave out it or --load_checkpoint.")
        if self.wandb and importlib.util.find_spec("wandb") is None:
            raise UsageError(
                "--wandb needs Weights & Biases, which is not installed. "
                "Install it with: pip install 'text-recognizer[wandb]'"
            )


@dataclass(frozen=True)
class Arguments:
    """Parsed flags, by what they belong to, and all of them together as YAML that ``--config`` reads."""

    experiment: Experiment
    data: dict[str, Any]
    model: dict[str, Any]
    recognition: dict[str, Any]
    trainer: dict[str, Any]
    yaml: str


def parse(argv: Sequence[str], prog: str) -> Arguments:
    """Parse the flags of an experiment; ``--help`` and mistakes end the program as usual (exit codes 0 and 2)."""
    chosen, init = _chosen_classes(argv)
    data_class = load_class(DATA_CLASSES, chosen["data_class"], "--data_class")
    model_class = load_class(MODEL_CLASSES, chosen["model_class"], "--model_class")
    recognition_class = LineRecognition if hasattr(model_class, "output_length") else CharacterRecognition
    parser = Parser(prog=prog, description="Train a model on data and test it.")
    parser.add_argument("--config", action="config", help="YAML file with flags; those on the command line win.")
    trainer_skipped = TRAINER_SKIPPED | AMOUNTS.keys() | {field.name for field in fields(Experiment)}
    groups = {
        "experiment": parser.add_class_arguments(Experiment, instantiate=False),
        "data": parser.add_class_arguments(data_class, instantiate=False),
        "model": parser.add_class_arguments(model_class, skip={"input_shape", "num_classes"}, instantiate=False),
        "recognition": parser.add_class_arguments(
            recognition_class, skip={"model", "alphabet", "input_width", "target_length"}, instantiate=False
        ),
        "trainer": [*parser.add_class_arguments(L.Trainer, skip=trainer_skipped, instantiate=False), *AMOUNTS],
    }
    amounts = parser.add_argument_group("Amounts", "A count, as 2, or a share, as 0.5 or 1.0.")
    for name, meaning in AMOUNTS.items():
        default = inspect.signature(L.Trainer).parameters[name].default
        amounts.add_argument(f"--{name}", type=int | float | None, default=default, help=f"{meaning}.")
    parser.set_defaults(TRAINER_DEFAULTS | chosen | _model_flags(init))
    config = parser.parse_args(list(argv))
    built = parser.instantiate(config)
    values = {group: {name: built[name] for name in names} for group, names in groups.items()}
    experiment = Experiment(**values.pop("experiment"))
    return Arguments(experiment=experiment, **values, yaml=parser.dump(config, skip_unset=False))


def _chosen_classes(argv: Sequence[str]) -> tuple[dict[str, str], str | None]:
    """Model and data class, which decide what other flags there are: from the flags, else from the config file.

    Besides, the reader to start from, whose class the model's is by default.
    """
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    for name in ("model_class", "data_class", "init", "config"):
        parser.add_argument(f"--{name}", f"--{name.replace('_', '-')}")
    known, _ = parser.parse_known_args(list(argv))
    config = read_config(Path(known.config), _FLAGS) if known.config is not None else {}
    init = known.init or config.get("init")
    if not isinstance(init, str | None):
        raise UsageError(f"--init is {init!r}, but must be reader or a file.")
    defaults = {"model_class": load_reader(init)[0].model_class if init else Experiment.model_class}
    return {
        name: getattr(known, name) or config.get(name) or defaults.get(name) or getattr(Experiment, name)
        for name in ("model_class", "data_class")
    }, init


def _model_flags(init: str | None) -> dict[str, Any]:
    """The flags of the model of the reader to start from, which are its defaults."""
    arguments = load_reader(init)[0].model_args if init else {}
    return {name: value for name, value in arguments.items() if name not in ("input_shape", "num_classes")}


def read_config(path: Path, what: str) -> dict[str, Any]:
    """The mapping in a YAML file that ``--config`` names.

    Args:
        path: The file.
        what: It must hold, for the message.

    Raises:
        UsageError: If it is not a YAML mapping, or not there.
    """
    try:
        config = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        reason = error.strerror if isinstance(error, OSError) else " ".join(str(error).split())
        raise UsageError(f"--config {path} cannot be read as YAML: {reason}.") from error
    if not isinstance(config, dict):
        raise UsageError(f"--config {path} must hold {what}.")
    return config
