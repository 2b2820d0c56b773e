"""Reads fields with and without what is known of them: ``python benchmarks/fields.py --pictures FOLDER``.

The folder has a ``labels.tsv`` with the columns ``file``, ``text`` and ``style``, the kind of a field. ``PATTERNS``
says what the form would say of each kind; a kind that it does not name is left out. The character error rate counts
edits per character of the texts.
"""

from __future__ import annotations

import argparse
import csv
import re
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, get_args

import numpy as np
from rapidfuzz.distance import Levenshtein
from report import machine, write

from text_recognizer.command_line import run_safely
from text_recognizer.reading.recognizer import Decoder, Reading, TextRecognizer

_DATE = r"(19|20)\d\d-[01]\d-[0-3]\d|[0-3]\d/[01]\d/(19|20)\d\d"
_PHONE = r"\(\d{3}\) \d{3}-\d{4}|555-\d{4}|\+44 \d\d \d{4}"
_AMOUNT = r"\$?\d{1,3}(,\d{3})*\.\d\d|\d\.\d|\d{1,3}%"
_TIME = r"([01]\d|2[0-3]):[0-5]\d"
_NUMBERS = rf"{_DATE}|{_PHONE}|{_AMOUNT}|{_TIME}|No\. \d{{1,4}}|\d\.\d\.\d|\d\d-\d\d-\d\d"
_CODES = r"[A-Z]\d/\d\d|[A-Z]{3} \d{3}|\d[A-Z]{2}\d{3}|[A-Z]\d[A-Z] \d[A-Z]\d|[A-Z]{2}-\d{4}"
_WORDS = "[A-Z]?[a-z]+( [A-Z]?[a-z]+){0,3}"
PATTERNS = {
    "numbers": _NUMBERS,
    "framed_numbers": _NUMBERS,
    "codes": _CODES,
    "comb": r"\d{8}|[A-Z]{3}\d{3}|\d[A-Z]{2}\d{3}|[A-Z]{2}-\d{4}",
    "repeated": r"\d{4}|\d{7}|\d\d:\d\d",
    "lone": r"[A-Za-z\d]",
    "underlined": _WORDS,
    "dashed": _WORDS,
    "dotted": _WORDS,
    "framed": _WORDS,
}
"""Of the kinds of field of the drawn forms: numbers of all sorts; codes; combs of six or eight boxes; words."""


class Field(NamedTuple):
    """A picture of a field and what it says."""

    file: Path
    text: str


def labelled_fields(folder: Path) -> dict[str, list[Field]]:
    """The fields of each kind that has a pattern."""
    fields: dict[str, list[Field]] = defaultdict(list)
    with (folder / "labels.tsv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
            if row["style"] in PATTERNS:
                fields[row["style"]].append(Field(folder / row["file"], row["text"]))
    return fields


def edits(readings: Sequence[Reading], fields: Sequence[Field]) -> int:
    """Edits that mend the readings."""
    return sum(Levenshtein.distance(one.text, field.text) for one, field in zip(readings, fields, strict=True))


def measure(fields: Mapping[str, Sequence[Field]]) -> str:
    """The table: error rates of each kind by decoder, without and with its pattern."""
    lines = [
        "| kind | fields | matching | beam | with pattern | greedy | with pattern |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    counts = {
        kind: [count for decoder in get_args(Decoder) for count in _edits(own, PATTERNS[kind], decoder)]
        for kind, own in fields.items()
    }
    words = {kind for kind in fields if PATTERNS[kind] == _WORDS}
    groups = {kind: {kind} for kind in fields} | {"words": words, "others": set(fields) - words, "all": set(fields)}
    for name, kinds in groups.items():
        own = [field for kind in kinds for field in fields[kind]]
        fit = sum(re.fullmatch(PATTERNS[kind], field.text) is not None for kind in kinds for field in fields[kind])
        totals = np.sum([counts[kind] for kind in kinds], axis=0) / sum(len(field.text) for field in own)
        lines.append(f"| {name} | {len(own)} | {fit} | " + " | ".join(f"{rate:.3f}" for rate in totals) + " |")
    return "\n".join([*lines, "", f"{machine()}."])


def _edits(fields: Sequence[Field], pattern: str, decoder: Decoder) -> tuple[int, int]:
    """Edits that mend the readings without and with the pattern."""
    reader = TextRecognizer(decoder=decoder)
    pictures = [str(field.file) for field in fields]
    return edits(reader.read(pictures), fields), edits(reader.read(pictures, pattern=pattern), fields)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=Path, required=True, help="folder with pictures of fields and labels.tsv")
    parser.add_argument("--write", type=Path, help="also put the table into this file")
    arguments = parser.parse_args()

    def command() -> None:
        table = measure(labelled_fields(arguments.pictures))
        print(table)
        if arguments.write:
            write(arguments.write, table, "fields")

    return run_safely(command)


if __name__ == "__main__":
    sys.exit(main())
