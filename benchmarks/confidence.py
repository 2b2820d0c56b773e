"""What a confidence is worth: ``python benchmarks/confidence.py``.

Reads lines written as by hand and degraded, of characters and texts that no training has seen, and compares the
confidences of lines and of characters with the share that is right, for both decoders.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from matplotlib.figure import Figure
from rapidfuzz.distance import Levenshtein
from reading import AS_BY_HAND, THREADS, PictureSet, composed_set, error_rates
from report import data_source, machine, write

from text_recognizer.evaluation.measures import right_characters
from text_recognizer.files import replacing
from text_recognizer.reading.recognizer import Decoder, Reading, TextRecognizer

BINS = 5
LEASTS = (0.0, 0.5, 0.7, 0.9)
DECODERS: tuple[Decoder, ...] = ("beam", "greedy")


class ReliabilityBin(NamedTuple):
    """Readings of similar confidence."""

    low: float
    high: float
    readings: int
    confidence: float
    accuracy: float


def reliability_table(
    confidences: np.ndarray, right: np.ndarray, bins: int = 10, weights: np.ndarray | None = None
) -> list[ReliabilityBin]:
    """Mean confidence against the share that is right in bins of equal width; empty bins are left out.

    Args:
        confidences: float (N,), from 0 to 1.
        right: bool or float (N,), whether each was right, or which share of it.
        bins: How many bins.
        weights: float (N,), how much each counts; by default all count once.
    """
    confidences, right = np.asarray(confidences, np.float64), np.asarray(right, np.float64)
    weights = np.ones_like(confidences) if weights is None else np.asarray(weights, np.float64)
    numbers = np.minimum((confidences * bins).astype(int), bins - 1)
    return [
        ReliabilityBin(
            number / bins,
            (number + 1) / bins,
            int(np.count_nonzero(numbers == number)),
            float(np.average(confidences[numbers == number], weights=weights[numbers == number])),
            float(np.average(right[numbers == number], weights=weights[numbers == number])),
        )
        for number in np.unique(numbers).tolist()
    ]


def reliability(readings: list[Reading], texts: list[str]) -> dict[str, list[dict[str, float]]]:
    """For lines and for characters, in ranges of confidence: how many, their mean confidence, the share that is right.

    Lines count by their characters. What is right of a line is 1 less its edits per character.
    """
    read = [(one, text) for one, text in zip(readings, texts, strict=True) if one.text]
    lines = np.array([one.confidence for one, _ in read])
    shares = np.array([Levenshtein.normalized_similarity(one.text, text) for one, text in read])
    counts = np.array([len(one.text) for one, _ in read])
    characters = np.array([character.confidence for one, _ in read for character in one.characters])
    right = np.array([hit for one, text in read for hit in right_characters(one.text, text)])
    return {
        "lines": [row._asdict() for row in reliability_table(lines, shares, BINS, counts)],
        "characters": [row._asdict() for row in reliability_table(characters, right, BINS)],
    }


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
    lines = [
        "| decoder | of | confidence | count | mean confidence | share right |",
        "| --- | --- | --- | ---: | ---: | ---: |",
    ]
    lines += [
        f"| {decoder} | {kind} | {row['low']:.1f} to {row['high']:.1f} | {row['readings']} | {row['confidence']:.3f} "
        f"| {row['accuracy']:.3f} |"
        for decoder, own in figures["reliability"].items()
        for kind, rows in own.items()
        for row in rows
    ]
    lines += ["", "| least confidence | share of lines kept | character error rate |", "| ---: | ---: | ---: |"]
    lines += [f"| {row['least']:g} | {row['share']:.2f} | {row['cer']:.3f} |" for row in figures["rejection"]]
    return "\n".join([*lines, "", f"Data: {figures['data']}. Machine: {figures['machine']}."])


def plot(curves: dict[str, dict[str, list[dict[str, float]]]], path: Path) -> None:
    """Draw the share that is right against confidence."""
    picture = Figure(figsize=(7.6, 3.8), layout="constrained")
    for axes, kind in zip(picture.subplots(1, 2), ("lines", "characters"), strict=True):
        axes.plot([0, 1], [0, 1], color="0.7", linestyle=":")
        for decoder, own in curves.items():
            rows = own[kind]
            axes.plot([row["confidence"] for row in rows], [row["accuracy"] for row in rows], marker="o", label=decoder)
        axes.set(xlabel="mean confidence", ylabel=f"share that is right, {kind}", xlim=(0, 1), ylim=(0, 1))
        axes.grid(alpha=0.3)
        axes.legend()
    with replacing(path) as temporary:
        picture.savefig(temporary, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, default=1000, help="lines to read")
    parser.add_argument("--text", default="brown", help="text source of the lines")
    parser.add_argument("--model", help="model file; by default the one that ships")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of the table")
    parser.add_argument("--write", type=Path, help="also put the table into this file")
    parser.add_argument(
        "--plot", type=Path, help="also draw confidence against the share that is right into this picture"
    )
    arguments = parser.parse_args()
    lines: PictureSet = composed_set(AS_BY_HAND, arguments.lines, arguments.text)
    readings = {one: TextRecognizer(arguments.model, one, THREADS).read(lines.pictures) for one in DECODERS}
    figures: dict[str, Any] = {
        "reliability": {decoder: reliability(own, lines.texts) for decoder, own in readings.items()},
        "rejection": rejection(readings["beam"], lines.texts),
    }
    figures |= {"machine": machine(), "data": data_source()}
    print(json.dumps(figures) if arguments.json else table(figures))
    if arguments.write:
        write(arguments.write, table(figures), "confidence")
    if arguments.plot:
        plot(figures["reliability"], arguments.plot)


if __name__ == "__main__":
    main()
