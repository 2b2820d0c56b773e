"""What a confidence is worth: ``python benchmarks/confidence.py``.

Reads lines written as by hand and degraded, of characters and texts that no training has seen, and compares the
confidence of the readings with how often they are right to the letter.
"""

from __future__ import annotations

import argparse
import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from reading import AS_BY_HAND, THREADS, PictureSet, composed_set, error_rates
from report import data_source, machine, write

from text_recognizer.files import replacing
from text_recognizer.reading.recognizer import Reading, TextRecognizer

BINS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
LEASTS = (0.0, 0.5, 0.7, 0.9)


def reliability(readings: list[Reading], texts: list[str]) -> list[dict[str, float]]:
    """For each range of confidences: its lines, their mean confidence, and the share that is right to the letter."""
    confidences = np.array([one.confidence for one in readings])
    right = np.array([one.text == text for one, text in zip(readings, texts, strict=True)])
    rows = []
    for low, high in pairwise(BINS):
        inside = (confidences >= low) & ((confidences < high) | (high == 1))
        if inside.any():
            means = {"confidence": float(confidences[inside].mean()), "right": float(right[inside].mean())}
            rows.append({"low": low, "high": high, "lines": int(inside.sum()), **means})
    return rows


def rejection(readings: list[Reading], texts: list[str]) -> list[dict[str, float]]:
    """What is left, and with which error rate, when readings below a confidence are rejected."""
    rows = []
    for least in LEASTS:
        kept = [(one.text, text) for one, text in zip(readings, texts, strict=True) if one.confidence >= least]
        if kept:
            found, true = map(list, zip(*kept, strict=True))
            rows.append({"least": least, "share": len(kept) / len(texts), "cer": error_rates(found, true)["cer"]})
    return rows


def table(figures: dict[str, Any]) -> str:
    """The figures as Markdown."""
    lines = ["| confidence | lines | mean confidence | right to the letter |", "| --- | ---: | ---: | ---: |"]
    lines += [
        f"| {row['low']:g} to {row['high']:g} | {row['lines']} | {row['confidence']:.2f} | {row['right']:.2f} |"
        for row in figures["reliability"]
    ]
    lines += ["", "| kept from confidence | share of the lines | character error rate |", "| ---: | ---: | ---: |"]
    lines += [f"| {row['least']:g} | {row['share']:.2f} | {row['cer']:.3f} |" for row in figures["rejection"]]
    return "\n".join([*lines, "", f"Data: {figures['data']}. Machine: {figures['machine']}."])


def plot(rows: list[dict[str, float]], path: Path) -> None:
    """Draw how often readings are right against their confidence."""
    picture = Figure(figsize=(4.2, 3.8), layout="constrained")
    axes = picture.subplots()
    axes.plot([0, 1], [0, 1], color="0.7", linestyle=":")
    axes.plot([row["confidence"] for row in rows], [row["right"] for row in rows], marker="o")
    axes.set(xlabel="mean confidence", ylabel="share of lines right to the letter", xlim=(0, 1), ylim=(0, 1))
    axes.grid(alpha=0.3)
    with replacing(path) as temporary:
        picture.savefig(temporary, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, default=1000, help="lines to read")
    parser.add_argument("--text", default="brown", help="text source of the lines")
    parser.add_argument("--model", help="model file; by default the one that ships")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of the table")
    parser.add_argument("--write", type=Path, help="also put the table into this file")
    parser.add_argument("--plot", type=Path, help="also draw confidence against rightness into this picture")
    arguments = parser.parse_args()
    lines: PictureSet = composed_set(AS_BY_HAND, arguments.lines, arguments.text)
    readings = TextRecognizer(arguments.model, threads=THREADS).read(lines.pictures)
    figures: dict[str, Any] = {
        "reliability": reliability(readings, lines.texts),
        "rejection": rejection(readings, lines.texts),
    }
    figures |= {"machine": machine(), "data": data_source()}
    print(json.dumps(figures) if arguments.json else table(figures))
    if arguments.write:
        write(arguments.write, table(figures), "confidence")
    if arguments.plot:
        plot(figures["reliability"], arguments.plot)


if __name__ == "__main__":
    main()
