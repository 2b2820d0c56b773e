"""The flags of an experiment, derived from the signatures and docstrings of the chosen classes."""

from __future__ import annotations

import argparse
import importlib.util
import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning as L
import yaml

from text_recognizer.command_line import Parser
from text_recognizer.errors import UsageError
from text_recognizer.registry import DATA_CLASSES, MODEL_CLASSES, load_class
from text_recognizer.training.recognition import CharacterRecognition, LineRecognition

TRAINER_FLAGS = (
    "precision",
    "max_epochs",
    "min_epochs",
    "max_steps",
    "max_time",
    "limit_train_batches",
    "limit_val_batches",
    "limit_test_batches",
    "val_check_interval",
    "check_val_every_n_epoch",
    "num_sanity_val_steps",
    "log_every_n_steps",
    "enable_progress_bar",
    "enable_model_summary",
    "accumulate_grad_batches",
    "gradient_clip_val",
    "gradient_clip_algorithm",
    "deterministic",
    "benchmark",
    "fast_dev_run",
    "profiler",
    "detect_anomaly",
    "strategy",
    "num_nodes",
    "sync_batchnorm",
)
TRAINER_DEFAULTS = {"max_epochs": 5, "enable_model_summary": False, "num_sanity_val_steps": 0, "log_every_n_steps": 20}


@dataclass(frozen=True)
class Experiment:
    """What to run and where.

    Args:
        model_class: The model that is trained.
        data_class: The data that it is trained on.
        gpus: So many GPUs (0 none, -1 all), or a list of GPU numbers like "0,". By default what the machine has.
        overfit_batches: Train and validate on so many fixed batches, or on this share of them; no early stopping.
        load_checkpoint: Resume model, optimiser and epoch from this file of an earlier run.
        load_weights: Start from the weights of this ``.safetensors`` file, which ``export`` wrote.
        log_dir: Folder in which the run gets a folder of its own.
        auto_lr_find: Look for a learning rate first.
        compile: Compile the model with torch.compile.
        wandb: Log to Weights & Biases too; into the run's folder where this machine is not logged in.

    Raises:
        UsageError: If overfit_batches is negative, or a fraction above 1, or Weights & Biases is not installed, or
            weights are to come from two files.
    """

    model_class: str = "MLP"
    data_class: str = "MNIST"
    gpus: str | None = None
    overfit_batches: int | float = 0
    load_checkpoint: str | None = None
    load_weights: str | None = None
    log_dir: str = "training/logs"
    auto_lr_find: bool = False
    compile: bool = False
    wandb: bool = False

    def __post_init__(self) -> None:
        share = isinstance(self.overfit_batches, float)
        if self.overfit_batches < 0 or (share and self.overfit_batches > 1):
            raise UsageError(f"--overfit_batches is {self.overfit_batches}, but must be a count or a fraction up to 1.")
        if self.load_checkpoint and self.load_weights:
            raise UsageError("--load_checkpoint brings weights of its own. Leave out it or --load_weights.")
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
    chosen = _chosen_classes(argv)
    data_class = load_class(DATA_CLASSES, chosen["data_class"], "--data_class")
    model_class = load_class(MODEL_CLASSES, chosen["model_class"], "--model_class")
    recognition_class = LineRecognition if hasattr(model_class, "output_length") else CharacterRecognition
    parser = Parser(prog=prog, description="Train a model on data and test it.")
    parser.add_argument("--config", action="config", help="YAML file with flags; those on the command line win.")
    trainer_skipped = {name for name in inspect.signature(L.Trainer).parameters if name not in TRAINER_FLAGS}
    groups = {
        "experiment": parser.add_class_arguments(Experiment, instantiate=False),
        "data": parser.add_class_arguments(data_class, instantiate=False),
        "model": parser.add_class_arguments(model_class, skip={"input_shape", "num_classes"}, instantiate=False),
        "recognition": parser.add_class_arguments(
            recognition_class, skip={"model", "alphabet", "input_width", "target_length"}, instantiate=False
        ),
        "trainer": parser.add_class_arguments(L.Trainer, skip=trainer_skipped, instantiate=False),
    }
    parser.set_defaults(TRAINER_DEFAULTS | chosen)
    config = parser.parse_args(list(argv))
    built = parser.instantiate(config)
    values = {group: {name: built[name] for name in names} for group, names in groups.items()}
    experiment = Experiment(**values.pop("experiment"))
    return Arguments(experiment=experiment, **values, yaml=parser.dump(config, skip_unset=False))


def _chosen_classes(argv: Sequence[str]) -> dict[str, str]:
    """Model and data class, which decide what other flags there are: from the flags, else from the config file."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    for flag in ("--model_class", "--data_class", "--config"):
        parser.add_argument(flag)
    known, _ = parser.parse_known_args(list(argv))
    config = {}
    if known.config is not None and Path(known.config).is_file():
        config = yaml.safe_load(Path(known.config).read_text(encoding="utf-8"))
    return {
        name: getattr(known, name) or config.get(name) or getattr(Experiment, name)
        for name in ("model_class", "data_class")
    }
