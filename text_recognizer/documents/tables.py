"""Pages as plain text, JSON, and tables of lines."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from typing import Any

from text_recognizer.documents.layout import Glyph, Line, ReadPage, Rival, Table, TableCell, Word, lines_of, tables_of
from text_recognizer.reading.results import picture_url

COLUMNS = ("file", "page", "line", "text", "confidence", "left", "top", "right", "bottom")
"""Of the tables: one row a line."""
PAGE_BREAK = "\f"
"""Between the pages of a file in plain text, as pdftotext has it."""


def text_of(pages: Sequence[ReadPage], named: bool) -> str:
    """One row a line; after the file's name where there are several files."""
    rows = []
    for page in pages:
        start = f"{page.file}: " if named else ""
        rows.append(page_break(page) + "\n".join(f"{start}{reading.text}" for reading in page.readings))
    return "".join(f"{row}\n" for row in rows)


def page_break(page: ReadPage) -> str:
    """What stands before a page in plain text."""
    return PAGE_BREAK if page.number > 1 else ""


def json_of(pages: Sequence[ReadPage], alternatives: int, prepared: bool = False) -> str:
    """One JSON document of all pages."""
    rows = [page_json(page, alternatives, prepared) for page in pages]
    return json.dumps({"pages": rows}, ensure_ascii=False, indent=1) + "\n"


def json_lines_of(pages: Sequence[ReadPage], alternatives: int, prepared: bool = False) -> str:
    """One JSON object a page, each in a row of its own."""
    rows = [page_json(page, alternatives, prepared) for page in pages]
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def page_json(page: ReadPage, alternatives: int, prepared: bool = False) -> dict[str, Any]:
    """A page as plain values; ``alternatives`` of each line and character are named, lines ``prepared`` shown."""
    start: dict[str, Any] = {"file": page.file, "page": page.number, "pages": page.count}
    if page.error:
        return start | {"error": str(page.error)}
    lines, tables = lines_of(page), tables_of(page)
    rows = [_line_json(line, alternatives) for line in lines]
    for row, reading in zip(rows, page.written, strict=True) if prepared else ():
        assert reading.prepared is not None
        row["prepared"] = picture_url(reading.prepared)
    written = start | {
        "kind": page.kind,
        "width": page.width,
        "height": page.height,
        "resolution": page.resolution,
        "turned": page.turned,
        "text": page.text,
        "confidence": round(page.confidence, 4),
        "lines": rows,
    }
    return written | ({"tables": [_table_json(table, lines) for table in tables]} if tables else {})


def _line_json(line: Line, alternatives: int) -> dict[str, Any]:
    return {
        **_common(line, alternatives, line.alternatives),
        "polygon": line.polygon,
        "words": [_word_json(word, alternatives) for word in line.words],
    }


def _table_json(table: Table, lines: Sequence[Line]) -> dict[str, Any]:
    return {
        "rows": table.rows,
        "columns": table.columns,
        "polygon": table.polygon,
        "cells": [_cell_json(cell, lines) for cell in table.cells],
    }


def _cell_json(cell: TableCell, lines: Sequence[Line]) -> dict[str, Any]:
    return {
        "row": cell.row,
        "column": cell.column,
        "rows": cell.rows,
        "columns": cell.columns,
        "polygon": cell.polygon,
        "text": "\n".join(lines[place].text for place in cell.lines),
        "lines": cell.lines,
    }


def _word_json(word: Word, alternatives: int) -> dict[str, Any]:
    characters = [_common(glyph, alternatives, glyph.alternatives) for glyph in word.glyphs]
    return {"text": word.text, "confidence": round(word.confidence, 4), "box": word.box, "characters": characters}


def _common(one: Line | Glyph, count: int, rivals: Sequence[Rival]) -> dict[str, Any]:
    said: dict[str, Any] = {"text": one.text, "confidence": round(one.confidence, 4), "box": one.box}
    if count:
        named = [{"text": text, "probability": round(probability, 4)} for text, probability in rivals[:count]]
        said["alternatives"] = named
    return said


def table_of(pages: Sequence[ReadPage], dialect: str, header: bool = True) -> str:
    """A row for each line, in the ``csv`` module's dialect ``excel`` (commas) or ``excel-tab``."""
    out = io.StringIO()
    rows = csv.writer(out, dialect, lineterminator="\n")
    if header:
        rows.writerow(COLUMNS)
    for page in pages:
        for number, line in enumerate(lines_of(page), 1):
            rows.writerow((page.file, page.number, number, line.text, f"{line.confidence:.4f}", *line.box))
    return out.getvalue()


def rows_of_tables(pages: Sequence[ReadPage], dialect: str) -> str:
    """A row for each row of each table, with a column for each of its columns, in the ``csv`` module's dialect.

    The lines of a cell are joined by spaces. A cell that takes up several rows or columns stands in the first.
    """
    found = [(page, number, table) for page in pages for number, table in enumerate(tables_of(page), 1)]
    widest = max((table.columns for *_, table in found), default=0)
    out = io.StringIO()
    rows = csv.writer(out, dialect, lineterminator="\n")
    rows.writerow(("file", "page", "table", "row", *(f"column {number}" for number in range(1, widest + 1))))
    for page, number, table in found:
        texts = [[""] * widest for _ in range(table.rows)]
        for cell in table.cells:
            said = [texts[cell.row][cell.column], *(page.written[place].text for place in cell.lines)]
            texts[cell.row][cell.column] = " ".join(filter(None, said))
        rows.writerows((page.file, page.number, number, row, *cells) for row, cells in enumerate(texts, 1))
    return out.getvalue()
