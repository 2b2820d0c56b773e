"""Pages to standard output or into files."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from json import dumps
from pathlib import Path
from typing import Any, TypeVar

from text_recognizer.documents.formats import TRAITS, Format, written
from text_recognizer.documents.layout import ReadPage
from text_recognizer.documents.pdf import compress
from text_recognizer.documents.tables import COLUMNS, PAGE_BREAK, table_of
from text_recognizer.errors import UsageError
from text_recognizer.files import replacing
from text_recognizer.reading.results import to_json

STREAMED: tuple[Format, ...] = ("text", "jsonl", "csv", "tsv")
"""Formats that are printed page by page."""
_DELIMITERS = {"csv": ",", "tsv": "\t"}
_HELD = {"file": "the pages of one file", "page": "one page"}
T = TypeVar("T")


def json_row(page: ReadPage) -> dict[str, Any]:
    """A page as ``read --json`` prints it: without places but those of characters along their line."""
    start: dict[str, Any] = {"file": page.file}
    if page.count > 1:
        start |= {"page": page.number}
    if page.error:
        return start | {"error": str(page.error)}
    return start | to_json(page.readings, page.kind == "page")


def archive_row(pages: Sequence[ReadPage]) -> dict[str, Any]:
    """A file as a row of ``read --out``: as ``--json`` prints it; of several pages one row, with each of them in it."""
    [first, *others] = pages
    doubts = [doubt for page in pages for doubt in page.doubts]
    more = {"doubts": doubts} if doubts else {}
    if not others:
        return json_row(first) | more
    read = [page for page in pages if not page.error]
    if not read:
        return {"file": first.file, "error": " ".join(str(page.error) for page in pages)} | more
    whole = ReadPage(first.file, readings=[reading for page in read for reading in page.readings])
    text = PAGE_BREAK.join(page.text for page in pages)
    rows = [json_row(page) for page in pages]
    return {"file": first.file, "text": text, "confidence": round(whole.confidence, 4), "pages": rows} | more


class Output:
    """Where pages go, in order.

    Args:
        form: The format; None for the rows of ``--json``.
        out: A file, a folder (it exists, or ends in ``/``) that gets a file for each file that is read, or None for
            standard output.
        alternatives: How many to name of each line and character.
        named: Whether rows of plain text begin with the file's name.
        tables: Whether ``csv`` and ``tsv`` hold the rows of tables.
    """

    def __init__(
        self, form: Format | None, out: str | None, alternatives: int = 0, named: bool = False, tables: bool = False
    ) -> None:
        self._form, self._alternatives, self._named, self._tables = form, alternatives, named, tables
        self._folder = Path(out) if out is not None and (out.endswith("/") or Path(out).is_dir()) else None
        self._file = Path(out) if out is not None and self._folder is None else None
        self._waiting: list[ReadPage] = []
        self._stems: dict[str, str] = {}
        if form in _DELIMITERS and out is None and not tables:
            print(_DELIMITERS[str(form)].join(COLUMNS))

    @property
    def takes_errors(self) -> bool:
        """Whether pages that could not be read have a place in the format."""
        return self._form in (None, "json", "jsonl")

    def add(self, page: ReadPage) -> None:
        """Take a page, which may hold an error instead of readings; what streams is printed at once.

        Raises:
            UsageError: If one file is to hold more than its format can.
        """
        if self._form is None:
            print(dumps(json_row(page), ensure_ascii=False))
            return
        if self._folder is None and self._file is None and self._form in STREAMED and not self._tables:
            self._print(page)
            return
        if self._form != "pdf":
            page.grey = None
        elif page.grey is not None:
            compress(page)
        if self._folder is None:
            self._check_holds(page)
        elif self._waiting and self._waiting[-1].file != page.file:
            self.close()
        self._waiting.append(page)

    def _check_holds(self, page: ReadPage) -> None:
        """Check that a page belongs into the one file that is written, beside those that wait."""
        assert self._form is not None
        holds = TRAITS[self._form].holds
        if page.error or holds == "files":
            return
        before = next((one for one in reversed(self._waiting) if not one.error), None)
        if before is None or (holds == "file" and before.file == page.file):
            return
        raise UsageError(
            f"--format={self._form} holds {_HELD[holds]}, but more was read. "
            "Give a folder, which gets a file for each: --out FOLDER/"
        )

    def _print(self, page: ReadPage) -> None:
        if self._form in _DELIMITERS:
            dialect = "excel" if self._form == "csv" else "excel-tab"
            print(table_of([] if page.error else [page], dialect, header=False), end="")
        else:
            assert self._form is not None
            print(written(self._form, [page], self._alternatives, self._named).decode(), end="")

    def close(self) -> None:
        """Write what waits.

        Raises:
            UserError: If a file cannot be written.
        """
        pages, self._waiting = self._waiting, []
        if not pages or self._form is None:
            return
        if self._folder is not None:
            self._write_files(self._folder, self._form, pages)
            return
        if not self.takes_errors and all(page.error for page in pages):
            return
        self._write(self._file, written(self._form, pages, self._alternatives, self._named, self._tables))

    def _write_files(self, folder: Path, form: Format, pages: list[ReadPage]) -> None:
        for part in _parts(form, pages if form in ("json", "jsonl") else [one for one in pages if not one.error]):
            number = f"-{part[0].number}" if TRAITS[form].holds == "page" and part[0].count > 1 else ""
            name = self._stem(part[0].file) + number + TRAITS[form].suffix
            self._write(folder / name, written(form, part, self._alternatives, tables=self._tables))

    def _stem(self, file: str) -> str:
        """A name for what is written of a file; files of one name in several folders are told apart."""
        if file not in self._stems:
            stem = "standard-input" if file == "-" else Path(file).name
            taken = set(self._stems.values())
            self._stems[file] = next(name for k in range(len(taken) + 1) if (name := _numbered(stem, k)) not in taken)
        return self._stems[file]

    @staticmethod
    def _write(path: Path | None, data: bytes) -> None:
        if path is None:
            sys.stdout.flush()
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()
            return
        with replacing(path) as temporary:
            temporary.write_bytes(data)


def _numbered(stem: str, count: int) -> str:
    """The name of another file; ``-2`` would be its second page."""
    return f"{stem}_{count + 1}" if count else stem


def _parts(form: Format, pages: list[ReadPage]) -> list[list[ReadPage]]:
    """The pages that one file of a format can hold, for each such file."""
    if TRAITS[form].holds == "page":
        return [[page] for page in pages]
    return _runs(pages, lambda page: page.file)


def _runs(items: Iterable[T], key: Callable[[T], str]) -> list[list[T]]:
    return [list(run) for _, run in groupby(items, key)]
