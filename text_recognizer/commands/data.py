"""Prepare a data set and look at it: a summary before and after loading, and a picture of samples."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from text_recognizer.command_line import Parser, run_safely
from text_recognizer.data.figures import characters_figure, check_figure_name, lines_figure, save_figure
from text_recognizer.data.sets.data_module import DataModule
from text_recognizer.errors import UsageError
from text_recognizer.files import check_can_be_written, check_not_read
from text_recognizer.registry import DATA_CLASSES, load_class

NUM_CHARACTERS = 128
NUM_LINES = 12


def samples_figure(data: DataModule) -> Figure:
    """Samples of a data module that is set up, each with its label."""
    images, targets, *_ = data.samples(NUM_LINES if data.target_shape else NUM_CHARACTERS)
    labels = [data.alphabet.decode(np.atleast_1d(target)) for target in targets]
    return lines_figure(images, labels) if data.target_shape else characters_figure(images, labels)


def main(argv: Sequence[str], prog: str = "text-recognizer data") -> int:
    """``text-recognizer data EMNISTLines --max_overlap 0.2 --picture samples.png``; returns the exit code."""
    return run_safely(lambda: _look(list(argv), prog))


def _look(argv: list[str], prog: str) -> None:
    if argv and argv[0] in ("-h", "--help"):
        print(f"usage: {prog} DATA_SET [flags]\n\nPrepare a data set and look at it.\n\ndata sets:")
        print("\n".join(f"  {name}" for name in DATA_CLASSES), f"\n\nEach takes --help: {prog} EMNISTLines --help")
        return
    if not argv or argv[0].startswith("-"):
        raise UsageError(
            f"Name a data set: {prog} {{{', '.join(DATA_CLASSES)}}} [flags], or {prog} EMNISTLines --help."
        )
    data_class = load_class(DATA_CLASSES, argv[0], "data set")
    parser = Parser(prog=f"{prog} {argv[0]}", description="Prepare a data set and look at it.")
    names = parser.add_class_arguments(data_class, instantiate=False)
    parser.add_argument("--picture", default=f"{argv[0].lower()}.png", help="Where the picture of samples goes.")
    config = parser.instantiate(parser.parse_args(argv[1:]))
    check_figure_name(config.picture, "--picture")
    check_can_be_written(config.picture)
    data = data_class(**{name: config[name] for name in names})
    print(f"Before loading:\n{data}\n")
    data.prepare_data()
    data.setup()
    check_not_read("--picture", config.picture, data.inputs())
    save_figure(samples_figure(data), config.picture)
    print(f"After loading:\n{data}\n\nSamples: {config.picture}")
