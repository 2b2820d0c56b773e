"""The checkpoint from which a run goes on by itself."""

from __future__ import annotations

import sys
import zipfile
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import yaml

from text_recognizer.errors import UserError
from text_recognizer.training.arguments import Arguments
from text_recognizer.training.checkpoint import Checkpoint
from text_recognizer.training.interruption import LAST, PREVIOUS

_MAY_DIFFER = {"num_workers"}


def newest(arguments: Arguments, besides: Collection[str] = ()) -> str | None:
    """The newest sound checkpoint of a run with the data, the model and the loss of these arguments; None if none is.

    Runs whose folders have the names ``besides`` are left out. What is damaged is named on standard error, and the one
    before it is taken.
    """
    path = next(filter(_is_sound, _checkpoints(arguments, besides)), None)
    if path is None:
        return None
    print(f"Going on from {path}", file=sys.stderr)
    return str(path)


def _checkpoints(arguments: Arguments, besides: Collection[str]) -> Iterator[Path]:
    """Checkpoints of runs with these flags, newest first."""
    experiment = arguments.experiment
    runs = Path(experiment.log_dir).glob(f"*-{experiment.model_class}-{experiment.data_class}")
    taken = (run for run in runs if run.name not in besides and _has_flags(run, arguments))
    found = [run / name for run in taken for name in (LAST, PREVIOUS)]
    yield from sorted(
        (path for path in found if path.is_file()),
        key=lambda path: (path.stat().st_mtime, path.name == LAST),
        reverse=True,
    )


def _has_flags(run: Path, arguments: Arguments) -> bool:
    """Whether a run has the data, the model and the loss of these arguments."""
    wanted, found = yaml.safe_load(arguments.yaml), _flags_of(run)
    names = (arguments.data.keys() | arguments.model.keys() | arguments.recognition.keys()) - _MAY_DIFFER
    return bool(found) and all(found.get(name, wanted[name]) == wanted[name] for name in names & wanted.keys())


def _flags_of(run: Path) -> dict[str, Any]:
    try:
        flags = yaml.safe_load((run / "config.yaml").read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return {}
    return flags if isinstance(flags, dict) else {}


def _is_sound(path: Path) -> bool:
    """Whether every byte of a checkpoint is what was written, and it is one of this program."""
    try:
        with zipfile.ZipFile(path) as file:
            broken = file.testzip()
        if broken is None:
            Checkpoint.load(str(path))
            return True
    except (OSError, zipfile.BadZipFile, UserError):
        pass
    print(f"{path} is damaged: looking for the one before.", file=sys.stderr)
    return False
