"""What overlap does to the lab's line models and to the reader: ``python benchmarks/overlap.py RUN RUN``.

The runs are those of LineReshapeCNN and LineCNN, trained by the lab's commands with overlap. All read the same lines of
characters and texts that no training has seen, each set with one overlap, from none to half a character.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from matplotlib.figure import Figure
from reading import MARGIN, error_rates, read_cells
from report import data_source, machine, write

from text_recognizer.alphabet import ALPHABET
from text_recognizer.data.sets.emnist_lines import EMNISTLines
from text_recognizer.files import replacing
from text_recognizer.reading.recognizer import TextRecognizer
from text_recognizer.training.checkpoint import Checkpoint

OVERLAPS = tuple(step / 20 for step in range(11))
SHOWN = (0.0, 0.25, 0.5)
READER = "the reader that ships"
RIGHT, WRONG = "#1a7f37", "#b3261e"


class Example(NamedTuple):
    """A line uint8 (H, W), ink 255 on 0, set with an overlap; what it says, and what each model reads."""

    overlap: float
    image: np.ndarray
    text: str
    readings: dict[str, str]


def compare(runs: list[Path], count: int, text: str) -> tuple[dict[str, list[float]], list[Example]]:
    """Share of the characters read right (1 - character error rate, at least 0) at each overlap, and examples."""
    checkpoints = [Checkpoint.load(str(run / "best.ckpt")) for run in runs]
    models = {one.description.model_class: one.model() for one in checkpoints}
    max_length = checkpoints[0].description.model_args["input_shape"][2] // 28
    reader = TextRecognizer()
    found: dict[str, list[float]] = {name: [] for name in (*models, READER)}
    examples = []
    for overlap in OVERLAPS:
        data = EMNISTLines(max_length=max_length, min_overlap=overlap, max_overlap=overlap, text=text, seed=7)
        data.prepare_data()
        data.setup()
        lines: Any = data.datasets["test"].batch(np.arange(count))
        texts = [ALPHABET.decode(row) for row in lines.targets]
        readings = {name: read_cells(model, lines.images) for name, model in models.items()}
        shown = [image[:, :width] for image, width in zip(lines.images, lines.widths, strict=True)]
        pictures = [np.pad(255 - image, MARGIN, constant_values=255) for image in shown]
        readings[READER] = [one.text for one in reader.read(pictures)]
        for name, texts_found in readings.items():
            found[name].append(max(0.0, 1 - error_rates(texts_found, texts)["cer"]))
        if overlap in SHOWN:
            longest = max(range(count), key=lambda index: len(texts[index]))  # the first of these
            chosen = {name: texts_found[longest] for name, texts_found in readings.items()}
            examples.append(Example(overlap, shown[longest], texts[longest], chosen))
    return found, examples


def table(found: dict[str, list[float]]) -> str:
    """The accuracies as Markdown."""
    lines = [f"| overlap | {' | '.join(found)} |", "| ---: |" + " ---: |" * len(found)]
    for row, overlap in enumerate(OVERLAPS):
        lines.append(f"| {overlap:g} | {' | '.join(f'{one[row]:.3f}' for one in found.values())} |")
    return "\n".join([*lines, "", f"Data: {data_source()}. Machine: {machine()}."])


def plot(found: dict[str, list[float]], examples: list[Example], path: Path) -> None:
    """Draw the examples with what is read in them, and the accuracies against the overlap."""
    picture = Figure(figsize=(10, 3.6), layout="constrained")
    halves: Any = picture.subfigures(1, 2, width_ratios=(1.15, 1))
    left, right = halves
    for axes, example in zip(left.subplots(len(examples), 1), examples, strict=True):
        axes.imshow(255 - example.image, cmap="gray", vmin=0, vmax=255)
        axes.set_title(f"overlap {example.overlap:g}", fontsize=9, loc="left")
        axes.set(xticks=[], yticks=[], xlim=(0, max(one.image.shape[1] for one in examples)))
        axes.spines[:].set_visible(False)
        for row, (name, text) in enumerate(example.readings.items()):
            colour = RIGHT if text == example.text else WRONG
            place = {"xycoords": "axes fraction", "textcoords": "offset points", "fontsize": 8.5}
            axes.annotate(f"{name}:", (0, 0), (0, -10 - 11 * row), **place)
            axes.annotate(text, (0, 0), (115, -10 - 11 * row), color=colour, family="monospace", **place)
    axes = right.subplots()
    for name, values in found.items():
        axes.plot(OVERLAPS, values, marker="o", markersize=3, label=name)
    axes.set(xlabel="overlap of neighbouring characters", ylabel="characters read right", ylim=(0, 1.02))
    axes.legend(loc="lower left")
    axes.grid(alpha=0.3)
    with replacing(path) as temporary:
        picture.savefig(temporary, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="run folders of the lab's line models")
    parser.add_argument("--lines", type=int, default=300, help="lines at each overlap")
    parser.add_argument("--text", default="brown", help="text source of the lines")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of the table")
    parser.add_argument("--write", type=Path, help="also put the table into this file")
    parser.add_argument("--plot", type=Path, help="also draw examples and curves into this picture")
    arguments = parser.parse_args()
    found, examples = compare(arguments.runs, arguments.lines, arguments.text)
    print(json.dumps({"overlap": OVERLAPS, **found, "machine": machine()}) if arguments.json else table(found))
    if arguments.write:
        write(arguments.write, table(found), "overlap")
    if arguments.plot:
        plot(found, examples, arguments.plot)


if __name__ == "__main__":
    main()
