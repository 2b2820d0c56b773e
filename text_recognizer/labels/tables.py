"""Labels in one table: labels.tsv, .csv and .jsonl, Hugging Face's metadata, PaddleOCR's rec_gt.txt."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from text_recognizer.errors import UserError
from text_recognizer.labels.lines import PARTS, LabelledLine, Labels, Part, within
from text_recognizer.labels.texts import read_text

FILE_COLUMNS = ("file", "file_name", "filename", "image", "image_path", "picture", "path")
TEXT_COLUMNS = ("text", "transcription", "ground_truth", "gt", "label", "sentence")
SPLIT_COLUMNS = ("split", "subset", "part")
MULTI_LINE = "\\n"
"""How a table of one label a row writes the end of a line within a text."""
_LONGEST_FIELD = 1 << 20
_QUOTED = re.compile(r'"[^"]*(?:""[^"]*)+"')
"""A cell with quotation marks in it, as the ``csv`` module and spreadsheets write it between tabs."""

Row = Mapping[str, str]


def read_table(labels: Labels, table: Path, *, part: Part | None = None) -> None:
    """Add the lines of a table to ``labels``; pictures are found from the table's folder.

    Args:
        labels: Gets lines and faults.
        table: Ends in .tsv, .csv, .jsonl or, in PaddleOCR's form, .txt.
        part: Of the data, which the table or its folder is named after.

    Raises:
        UserError: If it is no such table, has no columns of files and texts, or puts a line in an unknown part.
    """
    text, odd = read_text(table)
    name = within(labels.folder, table)
    labels.blame(f"Lines of {name} that are not UTF-8, read as Windows-1252", [f"line {one}" for one in odd])
    broken: list[str] = []
    for number, row in _READERS[table.suffix.lower()](text, table, broken):
        _add(labels, table.parent, row, f"line {number} of {name}", part)
    labels.blame(f"Left out, lines of {name} that are no labels", broken)


def _add(labels: Labels, folder: Path, row: Row, where: str, part: Part | None) -> None:
    picture, text = cell(row, FILE_COLUMNS), cell(row, TEXT_COLUMNS)
    if not picture or "\0" in picture:
        labels.faults.append(f"Left out, as it names no picture: {where}.")
        return
    file = folder / picture.replace("\\", "/")
    split = (cell(row, SPLIT_COLUMNS) or "").strip()
    if split and split.lower() not in PARTS:
        raise UserError(
            f"{labels.folder}: {where} has the split {split!r}; expected {', '.join(PARTS)} or nothing. Correct it, or "
            f"if its column ({', '.join(SPLIT_COLUMNS)}) is not about training and testing, rename the column."
        )
    named = PARTS.get(split.lower(), part)
    used = {*FILE_COLUMNS, *TEXT_COLUMNS, *SPLIT_COLUMNS}
    groups = {column: value for column, value in row.items() if column.lower() not in used and value}
    labels.lines.append(LabelledLine(within(labels.folder, file), file, text or "", groups, part=named))


def cell(row: Row, columns: tuple[str, ...]) -> str | None:
    """What a row has in the first of ``columns`` that it has, in whatever case their names are written."""
    lowered = {column.lower(): value for column, value in row.items()}
    return next((lowered[column] for column in columns if column in lowered), None)


def rows_of_tsv(text: str, table: Path, broken: list[str]) -> Iterator[tuple[int, Row]]:
    """Rows with tabs between their cells, each with its number and by column; those without sense go to ``broken``.

    A cell within quotation marks whose inner ones are doubled, as ``read --format=tsv`` writes it, is unquoted. One
    without any within stays as it is: they may be what is written.

    Raises:
        UserError: If the first row begins with the name of a column of files and names none of texts.
    """
    rows = [(number, line.split("\t")) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
    return _rows([(number, [_unquoted(one) for one in cells]) for number, cells in rows], table, broken)


def _unquoted(value: str) -> str:
    return value[1:-1].replace('""', '"') if _QUOTED.fullmatch(value) else value


def _rows_of_csv(text: str, table: Path, broken: list[str]) -> Iterator[tuple[int, Row]]:
    csv.field_size_limit(_LONGEST_FIELD)
    lines = text.split("\n")
    delimiter = ";" if ";" in lines[0] and "," not in lines[0] else ","
    rows, start = [], 0
    while start < len(lines):
        cells, end = _record(lines, start, delimiter)
        if cells is None:
            broken.append(f"line {start + 1} (a quotation mark is not closed, or not doubled)")
        elif any(cells):
            rows.append((start + 1, [one.replace("\n", MULTI_LINE) for one in cells]))
        start = end
    return _rows(rows, table, broken)


def _record(lines: list[str], start: int, delimiter: str) -> tuple[list[str] | None, int]:
    """The cells that begin in a line, and where the next ones do; None where quotation marks go wrong in that line."""
    reader = csv.reader((f"{lines[k]}\n" for k in range(start, len(lines))), delimiter=delimiter, strict=True)
    try:
        return next(reader), start + reader.line_num
    except csv.Error:
        return None, start + 1


def _rows(lines: list[tuple[int, list[str]]], table: Path, broken: list[str]) -> Iterator[tuple[int, Row]]:
    """Rows by column: of the first line if it names those of files and of texts, else file and text."""
    header = [cell.strip() for cell in lines[0][1]] if lines else []
    lowered = [cell.lower() for cell in header]
    if {*lowered} & {*FILE_COLUMNS} and {*lowered} & {*TEXT_COLUMNS}:
        lines = lines[1:]
    elif lowered and lowered[0] in FILE_COLUMNS:
        raise UserError(f"{table}: has the columns {', '.join(header)}, but none of {', '.join(TEXT_COLUMNS)}.")
    else:
        header = ["file", "text"]
    for number, cells in lines:
        if len(cells) < 2 or len(cells) > len(header):
            broken.append(f"line {number}")
        else:
            yield number, dict(zip(header, cells, strict=False))


def _rows_of_jsonl(text: str, table: Path, broken: list[str]) -> Iterator[tuple[int, Row]]:
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        row = _object(line)
        columns = {column.lower() for column in row or ()}
        if row is None or not columns & set(FILE_COLUMNS) or not columns & set(TEXT_COLUMNS):
            broken.append(f"line {number}")
        else:
            yield number, {column: _plain(value) for column, value in row.items()}


def _object(line: str) -> dict[str, Any] | None:
    """What a line of JSON holds, if that is an object whose texts are ones that can be written again."""
    try:
        row = json.loads(line)
        json.dumps(row, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return None
    return row if isinstance(row, dict) else None


def _plain(value: Any) -> str:
    """A value as text, a line feed in it as a table writes it; what has parts is left out."""
    if value is None or isinstance(value, dict | list):
        return ""
    return str(value).replace("\n", MULTI_LINE)


def _rows_of_paddle(text: str, table: Path, broken: list[str]) -> Iterator[tuple[int, Row]]:
    for number, line in enumerate(text.split("\n"), 1):
        file, tab, label = line.partition("\t")
        if tab:
            yield number, {"file": file.strip(), "text": label}
        elif line.strip():
            broken.append(f"line {number}")


_READERS: dict[str, Callable[[str, Path, list[str]], Iterator[tuple[int, Row]]]] = {
    ".tsv": rows_of_tsv,
    ".csv": _rows_of_csv,
    ".jsonl": _rows_of_jsonl,
    ".txt": _rows_of_paddle,
}
