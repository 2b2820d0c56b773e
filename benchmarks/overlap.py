"""What overlap does to the lab's line models and to the reader: ``python benchmarks/overlap.py RUN RUN``.

The runs are those of LineReshapeCNN and LineCNN, trained by the lab's commands with overlap. All read the same lines of
characters and texts that no training has seen, each set with one overlap, from none to half a character.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from reading import MARGIN, error_rates
from report import data_source, machine, write

from text_recognizer.alphabet import ALPHABET
from text_recognizer.data.emnist_lines import EMNISTLines
from text_recognizer.files import replacing
from text_recognizer.reading.recognizer import TextRecognizer
from text_recognizer.training.checkpoint import Checkpoint

OVERLAPS = tuple(step / 20 for step in range(11))
READER = "the reader that ships"


def accuracies(runs: list[Path], count: int, text: str) -> dict[str, list[float]]:
    """Share of the characters read right (1 - character error rate, at least 0), a figure for each overlap."""
    checkpoints = [Checkpoint.load(str(run / "best.ckpt")) for run in runs]
    models = {one.description.model_class: one.model() for one in checkpoints}
    max_length = checkpoints[0].description.model_args["input_shape"][2] // 28
    reader = TextRecognizer()
    found: dict[str, list[float]] = {name: [] for name in (*models, READER)}
    for overlap in OVERLAPS:
        data = EMNISTLines(max_length=max_length, min_overlap=overlap, max_overlap=overlap, text=text, seed=7)
        data.prepare_data()
        data.setup()
        lines: Any = data.datasets["test"].batch(np.arange(count))
        texts = [ALPHABET.decode(row) for row in lines.targets]
        for name, model in models.items():
            with torch.inference_mode():
                best = model(torch.from_numpy(lines.images).unsqueeze(1).float() / 255).argmax(1)
            readings = [ALPHABET.decode(row).strip() for row in best]
            found[name].append(max(0.0, 1 - error_rates(readings, texts)["cer"]))
        pictures = [
            np.pad(255 - image[:, :width], MARGIN, constant_values=255)
            for image, width in zip(lines.images, lines.widths, strict=True)
        ]
        found[READER].append(1 - error_rates([one.text for one in reader.read(pictures)], texts)["cer"])
    return found


def table(found: dict[str, list[float]]) -> str:
    """The accuracies as Markdown."""
    lines = [f"| overlap | {' | '.join(found)} |", "| ---: |" + " ---: |" * len(found)]
    for row, overlap in enumerate(OVERLAPS):
        lines.append(f"| {overlap:g} | {' | '.join(f'{one[row]:.3f}' for one in found.values())} |")
    return "\n".join([*lines, "", f"Data: {data_source()}. Machine: {machine()}."])


def plot(found: dict[str, list[float]], path: Path) -> None:
    """Draw the accuracies against the overlap."""
    picture = Figure(figsize=(5.6, 3.4), layout="constrained")
    axes = picture.subplots()
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
    parser.add_argument("--plot", type=Path, help="also draw the curves into this picture")
    arguments = parser.parse_args()
    found = accuracies(arguments.runs, arguments.lines, arguments.text)
    print(json.dumps({"overlap": OVERLAPS, **found, "machine": machine()}) if arguments.json else table(found))
    if arguments.write:
        write(arguments.write, table(found), "overlap")
    if arguments.plot:
        plot(found, arguments.plot)


if __name__ == "__main__":
    main()
