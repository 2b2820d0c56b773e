"""What readers say of labelled lines: models of this program, and files that other programs wrote."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from text_recognizer.errors import UserError, attempt
from text_recognizer.imaging.normalization import NormalizedLine
from text_recognizer.labels.lines import LabelledLine, Labels
from text_recognizer.labels.tables import FILE_COLUMNS, TEXT_COLUMNS, cell, rows_of_tsv
from text_recognizer.labels.texts import read_text
from text_recognizer.reading.recognizer import Reading, TextRecognizer

_AT_ONCE = 64
_CONFIDENCE_COLUMNS = ("confidence",)
_HALF = re.compile("[\ud800-\udfff]")
"""A character of which JSON names one half: no text that can be written again."""
Progress = Callable[[int], None]


@dataclass(frozen=True)
class Said:
    """What a reader says of a line.

    Attributes:
        text: The text.
        confidence: From 0 to 1; None where the reader gives none.
        characters: Confidence of each character of the text; empty where the reader gives none.
    """

    text: str
    confidence: float | None = None
    characters: tuple[float, ...] = ()


@dataclass
class Reader:
    """A reader and what it says of lines, in their order."""

    name: str
    said: list[Said]


def read_with(
    recognizers: dict[str, TextRecognizer], labels: Labels, progress: Progress
) -> tuple[list[LabelledLine], list[Reader]]:
    """Read lines with each recognizer, some at a time, so that memory stays bounded.

    Args:
        recognizers: By name.
        labels: Gets a fault for each line whose picture cannot be read.
        progress: Is told of so many lines that were read.

    Returns:
        The lines that could be read, and what each recognizer says of them.
    """
    kept: list[LabelledLine] = []
    readers = [Reader(name, []) for name in recognizers]
    for first in range(0, len(labels.lines), _AT_ONCE):
        group = labels.lines[first : first + _AT_ONCE]
        pictures = [attempt(line.name, line.load) for line in group]
        said = [_said(recognizer, pictures) for recognizer in recognizers.values()]
        for number, line in enumerate(group):
            results = [pictures[number], *(one[number] for one in said)]
            wrong = next((one for one in results if isinstance(one, UserError)), None)
            if wrong is not None:
                labels.faults.append(f"Left out: {wrong}")
                continue
            kept.append(line)
            for reader, own in zip(readers, said, strict=True):
                reader.said.append(own[number])  # type: ignore[arg-type]
        progress(len(group))
    return kept, readers


def _said(recognizer: TextRecognizer, pictures: Sequence[np.ndarray | UserError]) -> list[Said | UserError]:
    lines = [picture if isinstance(picture, UserError) else _line(recognizer, picture) for picture in pictures]
    return [
        Said(one.text, one.confidence, tuple(character.confidence for character in one.characters))
        if isinstance(one, Reading)
        else one
        for one in recognizer.read_normalized(lines)
    ]


def _line(recognizer: TextRecognizer, picture: np.ndarray) -> NormalizedLine | UserError | None:
    return attempt("the picture", lambda: recognizer.lines(picture, split=False)[0])


def read_file(file: Path, lines: Sequence[LabelledLine], faults: list[str], *, name: str | None = None) -> Reader:
    """What another program says of lines, from a file of one JSON object a line, or of a table with tabs.

    The objects have a file, a text and, if there is one, a confidence from 0 to 1, as ``read --json`` prints them. So
    has a table that names its columns, as ``read --format=tsv`` writes it; another has file and text. A file is known
    by its name as the labels have it, else by the end of its path.

    Args:
        file: The file.
        lines: The labelled lines.
        faults: Gets a sentence for lines without a reading, which count as read empty, readings without a line, second
            readings of a file, and confidences that are of no use.
        name: What to call the reader; by default the name of the file.

    Raises:
        UserError: If it is no such file, or has no reading of any of the lines.
    """
    rows, name = _rows(file), name or file.name
    by_name = dict(rows)
    by_end, lines_by_end = _by_end(list(by_name)), _by_end([line.name for line in lines])
    found = [_name_of(line, by_name, by_end, lines_by_end) for line in lines]
    if not any(found):
        raise UserError(
            f"{file}: has readings of {', '.join(list(by_name)[:3]) or 'nothing'}, but of none of the labelled lines, "
            f"such as {lines[0].name}."
        )
    stated = [by_name[own] if own else Said("") for own in found]
    said = [one if _is_measurable(one.confidence) else Said(one.text) for one in stated]
    odd = Labels(file, "")
    missing = [line.name for line, own in zip(lines, found, strict=True) if own is None]
    odd.blame(f"Lines without a reading in {name}, which count as read empty", missing)
    odd.blame(f"Readings in {name} of no labelled line", sorted(by_name.keys() - set(found)))
    again = [own for own, count in Counter(own for own, _ in rows).items() if count > 1]
    odd.blame(f"Files with several readings in {name}, of which the last counts", again)
    if any(one.confidence is not None for one in stated):
        unsure = [line.name for line, one in zip(lines, said, strict=True) if one.confidence is None]
        odd.blame(f"Confidences in {name} are not measured, as lines have none from 0 to 1", unsure)
    faults += odd.faults
    return Reader(name, said)


def _is_measurable(confidence: float | None) -> bool:
    return confidence is not None and 0 <= confidence <= 1


def _name_of(
    line: LabelledLine, by_name: dict[str, Said], by_end: dict[str, str], lines_by_end: dict[str, str]
) -> str | None:
    """The name that a line has among readings: its own, or the longest end of it that no other line or reading has."""
    whole = next((name for name in (line.name, str(line.picture)) if name in by_name), None)
    ends = (end for end in _ends(line.name) if end in by_end and lines_by_end.get(end) == line.name)
    return whole or next((by_end[end] for end in ends), None)


def _ends(name: str) -> list[str]:
    """Ends of a path, the longest first: ``a/b/c.png``, ``b/c.png``, ``c.png``."""
    parts = PurePosixPath(name.replace("\\", "/")).parts
    return ["/".join(parts[k:]) for k in range(len(parts))]


def _by_end(names: Sequence[str]) -> dict[str, str]:
    """Names by those of their ends that no other name has."""
    ends = [(end, name) for name in names for end in _ends(name)]
    counts = Counter(end for end, _ in ends)
    return {end: name for end, name in ends if counts[end] == 1}


def _rows(file: Path) -> list[tuple[str, Said]]:
    text = read_text(file)[0]
    broken: list[str] = []
    rows = list((_of_json if text.lstrip().startswith("{") else _of_tsv)(text, file, broken))
    if broken:
        raise UserError(
            f"{file}: {broken[0]} is no reading; expected JSON with file and text, or both with a tab between. More "
            "columns need a first line with their names, as read --format=tsv writes it."
        )
    return rows


def _of_tsv(text: str, file: Path, broken: list[str]) -> Iterator[tuple[str, Said]]:
    for _, row in rows_of_tsv(text, file, broken):
        sure = cell(row, _CONFIDENCE_COLUMNS)
        yield cell(row, FILE_COLUMNS) or "", Said(cell(row, TEXT_COLUMNS) or "", _confidence(sure))


def _of_json(text: str, file: Path, broken: list[str]) -> Iterator[tuple[str, Said]]:
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        reading = _of_object(line)
        if reading is None:
            broken.append(f"line {number}")
        else:
            yield reading


def _of_object(line: str) -> tuple[str, Said] | None:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(row, dict):
        return None
    row = {column.lower(): value for column, value in row.items()}
    name = next((row[column] for column in FILE_COLUMNS if isinstance(row.get(column), str)), None)
    text = next((row[column] for column in TEXT_COLUMNS if isinstance(row.get(column), str)), None)
    if text is None and "error" in row:
        text = ""
    if name is None or text is None:
        return None
    return _HALF.sub("\ufffd", name), Said(_HALF.sub("\ufffd", text), _confidence(row.get("confidence")))


def _confidence(value: object) -> float | None:
    """A value as a number; None where it is none."""
    with suppress(ValueError):
        return float(str(value))
    return None
