"""How well a hand is learned from a sheet of paper.

    python benchmarks/hand.py --photos 200          sheets found and boxes cut, on simulated photographs; 20 minutes
    python benchmarks/hand.py --photos 200 --json

``photographs.py`` says what is simulated, and ``is_cut_right`` there when a box counts as cut right. All boxes are
written in; a photograph whose sheet is not found has none cut right.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

from photographs import is_cut_right, simulate
from report import machine, write
from tqdm import tqdm

from text_recognizer.errors import UserError
from text_recognizer.hand.photo import find_sheet


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure how well a hand is learned from a sheet of paper.")
    parser.add_argument("--photos", type=int, default=200, help="how many photographs are simulated")
    parser.add_argument("--first", type=int, default=0, help="the seed of the first")
    parser.add_argument("--json", action="store_true", help="print the results as one JSON object")
    parser.add_argument("--write", type=Path, help="also put the table into this file")
    arguments = parser.parse_args()
    results = measure_photos(arguments.first, arguments.photos)
    print(json.dumps(results) if arguments.json else table(results))
    if arguments.write:
        write(arguments.write, table(results), "hand-photos")


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


def table(results: dict[str, Any]) -> str:
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


if __name__ == "__main__":
    main()
