"""``text-recognizer train``: train and test a model."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from text_recognizer.command_line import run_safely
from text_recognizer.training.arguments import parse
from text_recognizer.training.cluster.run import run_on_cluster
from text_recognizer.training.experiment import run
from text_recognizer.training.logs import quiet_lightning


def main(argv: Sequence[str] | None = None, prog: str = "run_experiment.py") -> int:
    """The lab's entry point; returns the exit code: 130 if Ctrl-C ended the training, 143 if SIGTERM did."""
    quiet_lightning()
    return run_safely(lambda: _train(sys.argv[1:] if argv is None else argv, prog))


def _train(argv: Sequence[str], prog: str) -> int:
    arguments = parse(argv, prog)
    train = run_on_cluster if arguments.experiment.engine == "ray" else run
    return train(arguments)[1]
