"""Prepare a data set and look at it: a summary before and after loading, and a picture of samples."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from text_recognizer.command_line import Parser, run_safely
from text_recognizer.data.data_module import DataModule
from text_recognizer.errors import UsageError
from text_recognizer.files import replacing
from text_recognizer.registry import DATA_CLASSES, load_class

CHARACTER_GRID = (8, 16)
NUM_LINES = 12


def save_samples(data: DataModule, path: str | Path) -> None:
    """Save a picture of the first training examples of a data module that is set up, each with its label."""
    rows, columns = (NUM_LINES, 1) if data.target_shape else CHARACTER_GRID
    count = min(rows * columns, len(data.datasets["train"]))
    images, targets, *_ = data.datasets["train"].batch(np.arange(count))
    width = 12.0 if data.target_shape else 0.6 * columns
    figure = Figure(figsize=(width, 0.75 * rows), layout="constrained")
    for axes in figure.subplots(rows, columns, squeeze=False).flat:
        axes.set_axis_off()
    for axes, image, target in zip(figure.axes, images, targets, strict=False):
        axes.imshow(image, cmap="gray", vmin=0, vmax=255)
        axes.set_title(
            data.alphabet.decode(np.atleast_1d(target)), fontsize=9, loc="left" if data.target_shape else "center"
        )
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=110)


def main(argv: Sequence[str], prog: str = "text-recognizer data") -> int:
    """``text-recognizer data EMNISTLines --max_overlap 0.2 --picture samples.png``; returns the exit code."""
    return run_safely(lambda: _look(list(argv), prog))


def _look(argv: list[str], prog: str) -> None:
    if not argv or argv[0].startswith("-"):
        raise UsageError(
            f"Name a data set: {prog} {{{', '.join(DATA_CLASSES)}}} [flags], or {prog} EMNISTLines --help."
        )
    data_class = load_class(DATA_CLASSES, argv[0], "data set")
    parser = Parser(prog=f"{prog} {argv[0]}", description="Prepare a data set and look at it.")
    names = parser.add_class_arguments(data_class, instantiate=False)
    parser.add_argument("--picture", default=f"{argv[0].lower()}.png", help="Where the picture of samples goes.")
    config = parser.instantiate(parser.parse_args(argv[1:]))
    data = data_class(**{name: config[name] for name in names})
    print(f"Before loading:\n{data}\n")
    data.prepare_data()
    data.setup()
    save_samples(data, config.picture)
    print(f"After loading:\n{data}\n\nSamples: {config.picture}")
