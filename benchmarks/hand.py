"""How well a hand is learned from a sheet of paper.

    python benchmarks/hand.py --photos 200             sheets found and boxes cut, on simulated photographs; 20 minutes
    python benchmarks/hand.py --learning --hands 12    hands learned and read; two minutes each
    python benchmarks/hand.py --learning --json

``photographs.py`` says what is simulated, and ``is_cut_right`` there when a box counts as cut right. All boxes are
written in; a photograph whose sheet is not found has none cut right. ``hands.py`` says whose hands are learned, and
what they write. It is read before and after by the default decoder, as are lines of the other hands and of many more
people, which learning one hand should not spoil.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hands import Hand, Lines, many_hands, simulate_hand
from photographs import is_cut_right, simulate
from report import machine, write
from tqdm import tqdm

from text_recognizer.errors import UserError
from text_recognizer.evaluation.measures import cer
from text_recognizer.hand.file import model_of
from text_recognizer.hand.learning import learn
from text_recognizer.hand.sheet.photo import find_sheet
from text_recognizer.reading.recognizer import TextRecognizer

BADLY_READ = 0.1
"""Character error rate above which a hand should be read with less than half of the errors once it is learned."""
MOST_WORSE, MOST_FORGOTTEN = 0.005, 0.01
"""What the rate of a hand, and of others, may rise by."""
LINES_OF_OTHERS, LINES_OF_MANY = 20, 200


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Measure how well a hand is learned from a sheet of paper.")
    parser.add_argument("--photos", type=int, default=200, help="how many photographs are simulated")
    parser.add_argument("--learning", action="store_true", help="learn hands instead")
    parser.add_argument("--hands", type=int, default=12, help="how many hands are learned")
    parser.add_argument("--lines", type=int, default=200, help="new lines of each hand that are read")
    parser.add_argument("--first", type=int, default=0, help="the seed of the first photograph or hand")
    parser.add_argument("--json", action="store_true", help="print the results as one JSON object")
    parser.add_argument("--write", type=Path, help="also put the table into this file")
    arguments = parser.parse_args(argv)
    if arguments.learning:
        results = measure_learning(arguments.first, arguments.hands, arguments.lines)
        text, mark = learning_table(results), "hand-learning"
    else:
        results = measure_photos(arguments.first, arguments.photos)
        text, mark = photos_table(results), "hand-photos"
    print(json.dumps(results) if arguments.json else text)
    if arguments.write:
        write(arguments.write, text, mark)


def measure_photos(first: int, count: int) -> dict[str, Any]:
    """Shares of sheets found and of boxes cut right, and the time that takes."""
    found, right, states, boxes, seconds, lost = 0, 0, {"ok": 0, "empty": 0, "doubtful": 0}, 0, [], {}
    for seed in tqdm(range(first, first + count), unit="photo", disable=None):
        sent = simulate(seed)
        boxes += len(sent.sheet.boxes)
        start = time.perf_counter()
        try:
            sheet = find_sheet(sent.photo)
        except UserError as error:
            lost[seed] = str(error)
            continue
        seconds.append(time.perf_counter() - start)
        found += 1
        for box in sheet.boxes:
            right += is_cut_right(box, sent.ink)
            states[box.state] += 1
    return {
        "photos": count,
        "sheets_found": found / count,
        "boxes": boxes,
        "boxes_cut_right": round(right / boxes, 5),
        "boxes_called_empty": states["empty"],
        "boxes_called_doubtful": states["doubtful"],
        "seconds_a_photo": round(sum(seconds) / max(len(seconds), 1), 2),
        "slowest_seconds": round(max(seconds, default=0.0), 2),
        "not_found": lost,
        "machine": machine(),
    }


def photos_table(results: dict[str, Any]) -> str:
    return "\n".join(
        [
            "| simulated photographs | sheets found | boxes cut right | seconds each | slowest |",
            "| ---: | ---: | ---: | ---: | ---: |",
            f"| {results['photos']} | {results['sheets_found']:.1%} | {results['boxes_cut_right']:.2%} of "
            f"{results['boxes']:,} | {results['seconds_a_photo']} | {results['slowest_seconds']} |",
            "",
            f"Machine: {results['machine']}.",
        ]
    )


def measure_learning(first: int, count: int, lines: int) -> dict[str, Any]:
    """Character error rates of hands, and of others, before and after each hand is learned."""
    hands = [simulate_hand(number, lines) for number in range(first, first + count)]
    many, general = many_hands(LINES_OF_MANY), TextRecognizer()
    rows = []
    for number, hand in enumerate(tqdm(hands, unit="hand", disable=None), first):
        others = sum((other.lines[:LINES_OF_OTHERS] for other in hands if other is not hand), many)
        rows.append(_learned(hand, others, general, number))
        tqdm.write(_row(rows[-1]), file=sys.stderr)
    return summary(rows) | {"lines_of_each": lines, "machine": machine()}


def summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """The rows, and what they say together."""
    bad = [row for row in rows if row["before"] > BADLY_READ]
    return {
        "hands": rows,
        "badly_read": len(bad),
        "of_these_halved": sum(row["after"] < row["before"] / 2 for row in bad),
        "largest_rise": max(row["after"] - row["before"] for row in rows),
        "largest_rise_of_others": max(row["others_after"] - row["others_before"] for row in rows),
        "slowest_seconds": max(row["seconds"] for row in rows),
    }


def _learned(hand: Hand, others: Lines, general: TextRecognizer, seed: int) -> dict[str, Any]:
    start = time.perf_counter()
    learned = learn(hand.samples, seed, lambda phase, done: None)
    seconds = round(time.perf_counter() - start, 1)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "learned.hand"
        file.write_bytes(learned.to_bytes())
        reader = TextRecognizer(model_of(file))
    return {
        "hand": hand.name,
        "before": error_rate(general, hand.lines),
        "after": error_rate(reader, hand.lines),
        "others_before": error_rate(general, others),
        "others_after": error_rate(reader, others),
        "seconds": seconds,
    }


def error_rate(reader: TextRecognizer, lines: Lines) -> float:
    """Edits / characters."""
    return cer([reading.text for reading in reader.read(lines.pictures)], lines.texts)


def learning_table(results: dict[str, Any]) -> str:
    return "\n".join(
        [
            "| hand | before | after | others before | others after | seconds |",
            "| --- | ---: | ---: | ---: | ---: | ---: |",
            *(_row(row) for row in results["hands"]),
            "",
            f"Hands with more than {BADLY_READ:.0%} errors before: {results['badly_read']}; "
            f"with less than half of them after: {results['of_these_halved']}. "
            f"Largest change of a hand's rate: {_points(results['largest_rise'])} "
            f"(aim: at most {_points(MOST_WORSE)}); "
            f"of the others' rate: {_points(results['largest_rise_of_others'])} "
            f"(aim: at most {_points(MOST_FORGOTTEN)}). "
            f"{results['lines_of_each']} lines of each hand. Machine: {results['machine']}.",
        ]
    )


def _row(row: dict[str, Any]) -> str:
    rates: Sequence[str] = [f"{row[name]:.3f}" for name in ("before", "after", "others_before", "others_after")]
    return f"| {row['hand']} | {' | '.join(rates)} | {row['seconds']:.0f} |"


def _points(share: float) -> str:
    return f"{100 * share:+.2f} points" if share else "0 points"


if __name__ == "__main__":
    main()
