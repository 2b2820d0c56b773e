"""The formats in which pages are written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from text_recognizer.documents.alto import alto_of
from text_recognizer.documents.hocr import hocr_of
from text_recognizer.documents.layout import ReadPage
from text_recognizer.documents.page_xml import page_xml_of
from text_recognizer.documents.pdf import pdf_of
from text_recognizer.documents.tables import json_lines_of, json_of, rows_of_tables, table_of, text_of
from text_recognizer.errors import UsageError

MOST_ALTERNATIVES = 10
"""Of a line or a character."""
Format = Literal["text", "json", "jsonl", "csv", "tsv", "hocr", "alto", "page", "pdf"]


class Traits(NamedTuple):
    """What is to be known of a format.

    Attributes:
        suffix: Of its files.
        media_type: What HTTP calls it.
        holds: What one file of it holds: pages of many files, of one, or one page.
    """

    suffix: str
    media_type: str
    holds: Literal["files", "file", "page"] = "files"


TRAITS: dict[Format, Traits] = {
    "text": Traits(".txt", "text/plain; charset=utf-8"),
    "json": Traits(".json", "application/json"),
    "jsonl": Traits(".jsonl", "application/x-ndjson"),
    "csv": Traits(".csv", "text/csv; charset=utf-8"),
    "tsv": Traits(".tsv", "text/tab-separated-values; charset=utf-8"),
    "hocr": Traits(".hocr.html", "text/html; charset=utf-8"),
    "alto": Traits(".alto.xml", "application/xml", "file"),
    "page": Traits(".page.xml", "application/xml", "page"),
    "pdf": Traits(".pdf", "application/pdf"),
}


def written(
    form: Format,
    pages: Sequence[ReadPage],
    alternatives: int = 0,
    named: bool = False,
    tables: bool = False,
    prepared: bool = False,
) -> bytes:
    """Pages in a format.

    Args:
        form: The format.
        pages: Those that could not be read are told of in JSON, and left out of the other formats. For ``pdf`` they
            hold their pictures.
        alternatives: How many to name of each line and character, from 0 to ``MOST_ALTERNATIVES``; JSON, ALTO and PAGE.
        named: Whether each row of plain text begins with its file's name.
        tables: Whether ``csv`` and ``tsv`` hold the rows of the pages' tables in place of the lines.
        prepared: Whether ``json`` and ``jsonl`` hold the picture of each line as the model saw it.
    """
    if form == "json":
        return json_of(pages, alternatives, prepared).encode()
    if form == "jsonl":
        return json_lines_of(pages, alternatives, prepared).encode()
    pages = [page for page in pages if not page.error]
    if form == "text":
        return text_of(pages, named).encode()
    if form in ("csv", "tsv"):
        dialect = "excel" if form == "csv" else "excel-tab"
        return (rows_of_tables if tables else table_of)(pages, dialect).encode()
    if form == "pdf":
        return pdf_of(pages)
    if form == "hocr":
        return hocr_of(pages).encode()
    return (alto_of(pages, alternatives) if form == "alto" else page_xml_of(pages[0], alternatives)).encode()


def check_tables(tables: bool, form: Format | None) -> None:
    """Check the flag of this name.

    Raises:
        UsageError: If the format has no rows.
    """
    if tables and form not in ("csv", "tsv"):
        raise UsageError("--tables writes the rows of tables as csv or tsv. Say which: --format=csv")


def check_alternatives(alternatives: int) -> None:
    """Check the flag of this name.

    Raises:
        UsageError: If it is not from 0 to ``MOST_ALTERNATIVES``.
    """
    if not 0 <= alternatives <= MOST_ALTERNATIVES:
        raise UsageError(f"--alternatives is {alternatives}, but must be from 0 to {MOST_ALTERNATIVES}.")
