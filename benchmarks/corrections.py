"""Which lines are worth correcting: ``python benchmarks/corrections.py``.

Of lines of writers whom no reader has learned from (those of ``own_lines.py``), some are corrected and learned, chosen
in two ways: at random, or as the reader doubts them. Doubted are lines whose characters have the least confidence,
summed up over the line; a character that was chosen before counts less each time, so that the lines differ. Then the
writer's other 60 lines are read. Both ways correct as many lines, and ``finetune`` takes as many steps. Each way is
tried ``--draws`` times, with other seeds of the random choice and of the trainings.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
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
from text_recognizer.evaluation.suggestions import most_doubted
from text_recognizer.labels.corrections import Corrections
from text_recognizer.reading.recognizer import Reading, TextRecognizer

WAYS = ("random", "doubted")


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
    """What was chosen, what it covers, and errors in the other lines before and after, for each draw."""
    pool, tested = lines[: -arguments.tested][: arguments.pool], lines[-arguments.tested :]
    reader = TextRecognizer()
    readings = [one for one in reader.read_each([picture for picture, _ in pool]) if isinstance(one, Reading)]
    assert len(readings) == len(pool)
    wrong, before = errors(reader, pool), errors(reader, tested)
    most = most_doubted(readings, arguments.count)
    row: dict[str, Any] = {"pool": len(pool), "characters": before[:, 1].tolist(), "before": before[:, 0].tolist()}
    for way in WAYS:
        row[way] = {"characters": [], "covered": [], "errors": []}
        for seed in range(arguments.seed, arguments.seed + arguments.draws):
            order = np.random.default_rng(seed).permutation(len(pool))[: arguments.count].tolist()
            chosen = order if way == "random" else most
            row[way]["characters"].append(int(wrong[chosen, 1].sum()))
            row[way]["covered"].append(float(wrong[chosen, 0].sum() / wrong[:, 0].sum()))
            if not arguments.choose:
                after = learned([pool[number] for number in chosen], arguments.epochs, seed)
                row[way]["errors"].append(errors(after, tested)[:, 0].tolist())
    return row


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    rows = {}
    for name, lines in writers(arguments.writers).items():
        rows[name] = of_writer(lines, arguments)
        print(json.dumps({name: rows[name]}), file=sys.stderr, flush=True)
    settings = {name: getattr(arguments, name) for name in ("count", "epochs", "draws")}
    return {"writers": rows, **settings, "machine": machine()}


def table(figures: dict[str, Any]) -> str:
    """The figures as Markdown: means of all draws."""
    lines = [
        "| writer | lines | characters: random | doubted | errors covered: random | doubted "
        "| before | after random | after doubted |",
        "| --- |" + " ---: |" * 8,
    ]
    draws = figures["draws"]
    for name, row in figures["writers"].items():
        characters = [f"{np.mean(row[way]['characters']):.0f}" for way in WAYS]
        covered = [f"{np.mean(row[way]['covered']):.0%}" for way in WAYS]
        counts = [np.sum(row["before"]), *(np.sum(row[way]["errors"]) / draws for way in WAYS)]
        rates = [f"{count / sum(row['characters']):.3f}" for count in counts]
        chosen = f"{figures['count']} of {row['pool']}"
        lines.append(f"| {' | '.join([name, chosen, *characters, *covered, *rates])} |")
    of = figures["writers"].values()
    wholes = np.concatenate([row["characters"] for row in of])
    before = np.concatenate([row["before"] for row in of])
    at_random, as_doubted = (np.concatenate([np.mean(row[way]["errors"], axis=0) for row in of]) for way in WAYS)
    units = np.arange(len(wholes))
    totals = [rate_of(one, wholes, units) for one in (before, at_random, as_doubted)]
    change = difference_of(at_random, as_doubted, wholes, units)
    listed = ", ".join(f"{rate} {when}" for rate, when in zip(totals, ("before", *WAYS), strict=True))
    said = (
        f"All {len(wholes)} lines together: {listed}. Doubted less random: {change.rate}, p = {change.p:.4f}. "
        f"Means of {draws} draws, {figures['epochs']} epochs each. Machine: {figures['machine']}."
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
    parser.add_argument("--draws", type=int, default=3, help="random choices, and trainings of each way")
    parser.add_argument("--seed", type=int, default=0, help="of the first random choice and the first trainings")
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
