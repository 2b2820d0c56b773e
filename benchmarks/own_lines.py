"""What a reader gains from one writer's lines, and what that costs others: ``python benchmarks/own_lines.py``.

Writers are those of UNIPEN's test and validation splits, whom no reader has learned from; those with most writing come
first. A writer's words and texts are drawn several to a line, each piece of writing in one line alone: as scans, all
with one pen on white paper, or with --photographs on papers and in lights that differ from line to line. The lines are
written as pictures with labels.tsv, the last 60 as the part test, and ``text-recognizer finetune`` learns the others,
of which it keeps some to choose by. Then both readers read the writer's test lines, lines of the other writers, and
composed lines (PaperLines) that are not those that were mixed in. ``--keep FILE`` adds each writer to a file as it
ends, and learns from none again that is there.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from report import keep, kept, machine, write

from text_recognizer.alphabet import READER_ALPHABET
from text_recognizer.command_line import run_safely
from text_recognizer.commands.finetune import finetune
from text_recognizer.data.glyphs.unipen import PenWriting, load_unipen
from text_recognizer.data.sets.paper_lines import InkShares, PaperLines, reader_view
from text_recognizer.data.splits import Split
from text_recognizer.data.synthesis.ink import Ink
from text_recognizer.data.synthesis.paper import photograph
from text_recognizer.data.synthesis.writers import PenWords
from text_recognizer.evaluation.measures import error_counts
from text_recognizer.evaluation.significance import difference_of, rate_of
from text_recognizer.files import write_text
from text_recognizer.imaging.normalization import NormalizedLine
from text_recognizer.reading.recognizer import Reading, TextRecognizer

Line = tuple[np.ndarray, str]
"""A picture or a crop, and its text."""
Read = Callable[[TextRecognizer, list[Line]], list[str]]
CHARACTERS = (12, 34)
"""Of a line, the least and the most that words are put together to."""
SEED = 3
BAND, PEN = 26, 0.12
"""Of scans: rows of the band of writing, and the width of the pen in bands."""


def pieces_of(writing: PenWriting, own: np.ndarray, rng: np.random.Generator) -> list[tuple[int, ...]]:
    """A writer's words and texts as lines: each piece once."""
    lines: list[tuple[int, ...]] = [(int(number),) for number in own if writing.levels[number] == "text"]
    line: list[int] = []
    room = int(rng.integers(*CHARACTERS))
    for number in rng.permutation([number for number in own if writing.levels[number] == "word"]).tolist():
        line.append(number)
        if sum(len(str(writing.labels[one])) + 1 for one in line) > room:
            lines.append(tuple(line))
            line, room = [], int(rng.integers(*CHARACTERS))
    return [lines[k] for k in rng.permutation(len(lines))]


def photograph_of(ink: Ink, rng: np.random.Generator) -> np.ndarray:
    """A line on paper as a camera sees it, uint8 (h, w), dark on light."""
    return photograph(ink, [], reader_view(ink, ink.width, rng), rng)


def scan_of(ink: Ink, rng: np.random.Generator) -> np.ndarray:
    """A line on white paper as a scanner sees it, uint8 (h, w), dark on light."""
    size = round(3.4 * BAND), round((ink.width + 1.6) * BAND)
    matrix = np.array([[BAND, 0, 0.8 * BAND], [0, BAND, 1.7 * BAND]])
    drawn = cv2.GaussianBlur(ink.draw(matrix, size, PEN * BAND), (0, 0), 0.7)
    return np.asarray(np.clip(235 - 0.75 * drawn + rng.normal(0, 3, size), 0, 255).astype(np.uint8))


def writers(
    count: int,
    picture_of: Callable[[Ink, np.random.Generator], np.ndarray] = photograph_of,
    splits: Sequence[Split] = ("test",),
) -> dict[str, list[Line]]:
    """Pictures and texts of the lines of the writers with most writing in these splits of UNIPEN."""
    found = [load_unipen(split) for split in splits]
    writing, segments = found[0][0], np.concatenate([numbers for _, numbers in found])
    known = set(READER_ALPHABET.characters)
    usable = [k for k in segments if writing.levels[k] != "character" and known.issuperset(str(writing.labels[k]))]
    pen = PenWords(writing, segments, frozenset(known))
    of: dict[int, list[int]] = {}
    for number in usable:
        of.setdefault(int(writing.writers[number]), []).append(int(number))
    longest = sorted(of, key=lambda writer: -sum(len(str(writing.labels[k])) for k in of[writer]))[:count]
    lines_of = {}
    for writer in longest:
        rng = np.random.default_rng((SEED, writer))
        lines = [pen.write(pieces, rng) for pieces in pieces_of(writing, np.array(of[writer]), rng)]
        lines_of[f"UNIPEN writer {writer}"] = [(picture_of(ink, rng), ink.text) for ink in lines]
    return lines_of


def write_folder(lines: list[Line], tested: int, folder: Path) -> None:
    """Pictures and labels.tsv; the last ``tested`` lines are the part test."""
    rows = ["file\ttext\tsplit"]
    for number, (picture, text) in enumerate(lines):
        cv2.imwrite(str(folder / f"{number:04}.png"), picture)
        rows.append(f"{number:04}.png\t{text}\t{'test' if number >= len(lines) - tested else ''}")
    write_text(folder / "labels.tsv", "\n".join(rows) + "\n")


def composed(count: int) -> list[Line]:
    """Crops of PaperLines' test split, of fonts, characters and strokes of the pen, and their texts."""
    data = PaperLines(shares=InkShares(), seed=SEED)
    data.prepare_data()
    data.setup()
    lines: Any = data.datasets["test"]
    return [lines.line(number)[:2] for number in range(count)]


def read_crops(reader: TextRecognizer, lines: list[Line]) -> list[str]:
    read = reader.read_normalized([NormalizedLine(crop, 1.0, 0.0) for crop, _ in lines])
    return [one.text if isinstance(one, Reading) else "" for one in read]


def read_pictures(reader: TextRecognizer, lines: list[Line]) -> list[str]:
    read = reader.read_each([picture for picture, _ in lines])
    return [one.text if isinstance(one, Reading) else "" for one in read]


def compare(before: TextRecognizer, after: TextRecognizer, lines: list[Line], read: Read) -> dict[str, Any]:
    """Error rates before and after, and their difference with its interval and p."""
    texts = [text for _, text in lines]
    counts = [error_counts(read(reader, lines), texts) for reader in (before, after)]
    lengths, units = counts[0][:, 1], np.arange(len(texts))
    rates = [rate_of(one[:, 0], lengths, units) for one in counts]
    change = difference_of(counts[0][:, 0], counts[1][:, 0], lengths, units)
    return {
        "lines": len(texts),
        "before": rates[0].value,
        "after": rates[1].value,
        "change": [change.rate.value, change.rate.low, change.rate.high],
        "p": change.p,
    }


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """All figures, writer by writer."""
    everyone = writers(arguments.writers, photograph_of if arguments.photographs else scan_of, ("test", "val"))
    before = TextRecognizer()
    crops = composed(arguments.composed)
    rows = kept(arguments.keep, "writer")
    for name in [one for one in list(everyone)[: arguments.taught] if one not in rows and arguments.only in one]:
        lines = everyone[name][: arguments.lines + arguments.tested]
        others = [line for other, own in everyone.items() if other != name for line in own[: arguments.others]]
        with tempfile.TemporaryDirectory() as folder:
            write_folder(lines, arguments.tested, Path(folder))
            started = time.perf_counter()
            model = f"{folder}/finetuned.onnx"
            flags = {"minutes": arguments.minutes, "epochs": arguments.epochs, "num_workers": arguments.workers}
            with redirect_stdout(sys.stderr):
                finetune(folder, out=model, **flags)
            seconds = time.perf_counter() - started
            after = TextRecognizer(model)
        rows[name] = {
            "learned": len(lines) - arguments.tested,
            "seconds": seconds,
            "own": compare(before, after, lines[-arguments.tested :], read_pictures),
            "others": compare(before, after, others, read_pictures),
            "composed": compare(before, after, crops, read_crops),
            "machine": machine(),
        }
        keep(arguments.keep, "writer", name, rows[name])
    return rows


def table(rows: dict[str, Any]) -> str:
    """The figures as Markdown, with the machines named."""
    heading = "| writer | lines learned | own lines | other writers | composed lines | minutes |"
    lines = [heading, "| --- | ---: | ---: | ---: | ---: | ---: |"]
    for name, row in rows.items():
        cells = [f"{row[one]['before']:.3f} to {row[one]['after']:.3f}" for one in ("own", "others", "composed")]
        lines.append(f"| {name} | {row['learned']} | {' | '.join(cells)} | {row['seconds'] / 60:.0f} |")
    machines = "; ".join(dict.fromkeys(row["machine"] for row in rows.values()))
    return "\n".join([*lines, "", f"Character error rates before and after. Machine: {machines}."])


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of the table")
    parser.add_argument("--photographs", action="store_true", help="lines as a camera sees them, each on another paper")
    parser.add_argument("--writers", type=int, default=6, help="how many writers")
    parser.add_argument("--taught", type=int, default=3, help="how many of them are learned from")
    parser.add_argument("--only", default="", help="learn from writers whose names contain this")
    parser.add_argument("--keep", type=Path, help="file of writers that were learned from, one JSON object a line")
    parser.add_argument("--lines", type=int, default=250, help="most lines of each that are learned")
    parser.add_argument("--tested", type=int, default=60, help="lines of each that are only read")
    parser.add_argument("--others", type=int, default=40, help="lines of each of the others that are read")
    parser.add_argument("--composed", type=int, default=200, help="composed lines that are read")
    parser.add_argument("--minutes", type=float, default=12.0, help="most minutes of each training")
    parser.add_argument("--epochs", type=int, default=100, help="most epochs of each training")
    parser.add_argument("--workers", type=int, default=1, help="processes that prepare lines")
    parser.add_argument("--write", type=Path, help="also put the table into this file")
    arguments = parser.parse_args(argv)
    figures = measure(arguments)
    print(json.dumps(figures, indent=2) if arguments.json else table(figures))
    if arguments.write:
        write(arguments.write, table(figures), "own-lines")


if __name__ == "__main__":
    sys.exit(run_safely(main))
