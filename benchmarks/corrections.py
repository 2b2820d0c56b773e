"""Which lines are worth correcting: ``python benchmarks/corrections.py``.

Of lines of writers whom no reader has learned from (those of ``own_lines.py``), some are corrected and learned, chosen
in two ways: at random, or as the reader doubts them. Doubted are lines whose characters have the least confidence,
summed up over the line; a character that was chosen before counts less each time, so that the lines differ. Then the
writer's other 60 lines are read. Both ways correct as many lines, and ``finetune`` takes as many steps.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
from own_lines import Line, read_pictures, writers
from report import machine, write

from text_recognizer.command_line import run_safely
from text_recognizer.commands.finetune import finetune
from text_recognizer.evaluation.measures import error_counts
from text_recognizer.evaluation.significance import difference_of, rate_of
from text_recognizer.labels.corrections import Corrections
from text_recognizer.reading.recognizer import Reading, TextRecognizer


def doubted(readings: Sequence[Reading], count: int) -> list[int]:
    """Numbers of the lines to correct, the one that teaches most first."""
    chosen: list[int] = []
    seen: Counter[str] = Counter()

    def doubt(number: int) -> float:
        return sum((1 - one.confidence) / (1 + seen[one.character]) for one in readings[number].characters)

    for _ in range(count):
        best = max((number for number in range(len(readings)) if number not in chosen), key=doubt)
        chosen.append(best)
        seen.update(one.character for one in readings[best].characters)
    return chosen


def learned(lines: Sequence[Line], epochs: int, seed: int) -> TextRecognizer:
    """The reader that ships, after it has learned lines."""
    with tempfile.TemporaryDirectory() as folder:
        corrections, model = Corrections(Path(folder) / "lines"), f"{folder}/learned.onnx"
        for picture, text in lines:
            corrections.keep(picture, text)
        with redirect_stdout(sys.stderr):
            finetune(str(corrections.folder), out=model, epochs=epochs, minutes=60, num_workers=0, seed=seed)
        return TextRecognizer(model)


def errors(reader: TextRecognizer, lines: list[Line]) -> np.ndarray:
    """Edits and characters of each line, (N, 2)."""
    return error_counts(read_pictures(reader, lines), [text for _, text in lines])[:, :2]


def of_writer(lines: list[Line], arguments: argparse.Namespace) -> dict[str, Any]:
    """What was chosen, what it covers, and errors in the other lines before and after."""
    pool, tested = lines[: -arguments.tested][: arguments.pool], lines[-arguments.tested :]
    reader = TextRecognizer()
    readings = [one for one in reader.read_each([picture for picture, _ in pool]) if isinstance(one, Reading)]
    assert len(readings) == len(pool)
    wrong, before = errors(reader, pool), errors(reader, tested)
    order = np.random.default_rng(arguments.seed).permutation(len(pool))[: arguments.count].tolist()
    row: dict[str, Any] = {"pool": len(pool), "characters": before[:, 1].tolist(), "before": before[:, 0].tolist()}
    for way, chosen in (("doubted", doubted(readings, arguments.count)), ("random", order)):
        row[way] = {
            "characters": int(wrong[chosen, 1].sum()),
            "covered": float(wrong[chosen, 0].sum() / wrong[:, 0].sum()),
        }
        if not arguments.choose:
            after = learned([pool[number] for number in chosen], arguments.epochs, arguments.seed)
            row[way]["errors"] = errors(after, tested)[:, 0].tolist()
    return row


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    rows = {}
    for name, lines in writers(arguments.writers).items():
        rows[name] = of_writer(lines, arguments)
        print(json.dumps({name: rows[name]}), file=sys.stderr, flush=True)
    return {"writers": rows, "count": arguments.count, "epochs": arguments.epochs, "machine": machine()}


def table(figures: dict[str, Any]) -> str:
    """The figures as Markdown."""
    ways = ("random", "doubted")
    lines = ["| writer | lines | errors covered: random | doubted | before | after random | after doubted |"]
    lines.append("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for name, row in figures["writers"].items():
        covered = [f"{row[way]['covered']:.0%}" for way in ways]
        rates = [sum(one) / sum(row["characters"]) for one in (row["before"], *(row[way]["errors"] for way in ways))]
        cells = [name, f"{figures['count']} of {row['pool']}", *covered, *(f"{rate:.3f}" for rate in rates)]
        lines.append(f"| {' | '.join(cells)} |")
    of = figures["writers"].values()
    wholes = np.concatenate([row["characters"] for row in of])
    before = np.concatenate([row["before"] for row in of])
    at_random, as_doubted = (np.concatenate([row[way]["errors"] for row in of]) for way in ways)
    units = np.arange(len(wholes))
    totals = [rate_of(one, wholes, units) for one in (before, at_random, as_doubted)]
    change = difference_of(at_random, as_doubted, wholes, units)
    listed = ", ".join(f"{rate} {when}" for rate, when in zip(totals, ("before", "random", "doubted"), strict=True))
    said = (
        f"All {len(wholes)} lines together: {listed}. Doubted less random: {change.rate}, p = {change.p:.4f}. "
        f"{figures['epochs']} epochs. Machine: {figures['machine']}."
    )
    return "\n".join([*lines, "", said])


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of the table")
    parser.add_argument("--writers", type=int, default=3, help="how many writers")
    parser.add_argument("--pool", type=int, default=200, help="most lines of each to choose from")
    parser.add_argument("--count", type=int, default=20, help="lines of each that are corrected")
    parser.add_argument("--tested", type=int, default=60, help="lines of each that are only read")
    parser.add_argument("--epochs", type=int, default=30, help="epochs of each training")
    parser.add_argument("--seed", type=int, default=0, help="of the random choice and the trainings")
    parser.add_argument("--choose", action="store_true", help="only choose: print what is covered, learn nothing")
    parser.add_argument("--write", type=Path, help="also put the table into this file")
    arguments = parser.parse_args(argv)
    figures = measure(arguments)
    if arguments.json or arguments.choose:
        print(json.dumps(figures, indent=2))
        return
    print(table(figures))
    if arguments.write:
        write(arguments.write, table(figures), "corrections")


if __name__ == "__main__":
    sys.exit(run_safely(main))
