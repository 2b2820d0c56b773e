"""One run over an archive: what has no row yet is read, and its rows are written."""

from __future__ import annotations

import copy
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from text_recognizer.errors import printable
from text_recognizer.reading.archive.listing import FOLDERS, Listing
from text_recognizer.reading.archive.rows import Row, RowFile

REPORT_SECONDS = 10.0
ReadRows = Callable[[Iterator[str]], Iterator[list[Row]]]
"""Reads files as they come; gives rows, each with its ``file``, a few at a time, in any order."""


@dataclass
class Tally:
    """What came of the files.

    Attributes:
        before: How many had a row already, or were named twice.
        read: How many got one now.
        failed: How many of these say why the file, or a page of it, cannot be read.
        total: How many there are; None until all names were counted.
        started: When, on the clock of ``time.monotonic``.
    """

    before: int = 0
    read: int = 0
    failed: int = 0
    total: int | None = None
    started: float = field(default_factory=time.monotonic)

    def note(self, rows: list[Row]) -> None:
        """Count rows that were written."""
        self.read += len(rows)
        self.failed += sum(_has_error(row) for row in rows)

    def __str__(self) -> str:
        done, rate = self.before + self.read, self.read / max(time.monotonic() - self.started, 1e-9)
        of = "" if self.total is None else f" of {self.total:,}"
        said = f"{done:,}{of} have a row, {self.failed:,} failed, {rate:,.1f} a second"
        if self.total is None or not self.read or done >= self.total:
            return said
        return f"{said}, {duration((self.total - done) / rate)} left"


def _has_error(row: Row) -> bool:
    """Whether a file, or a page of it, could not be read."""
    return "error" in row or any("error" in page for page in row.get("pages", ()))


def duration(seconds: float) -> str:
    """A time as it is said: ``45 s``, ``12 min``, ``3 h 20 min``, ``5 d 4 h``."""
    minutes, hours = int(seconds // 60), int(seconds // 3600)
    if minutes < 1:
        return f"{seconds:.0f} s"
    if hours < 1:
        return f"{minutes} min"
    return f"{hours} h {minutes % 60} min" if hours < 48 else f"{hours // 24} d {hours % 24} h"


def read_archive(listing: Listing, read_rows: ReadRows, out: RowFile) -> Tally:
    """Read all files of a listing that have no row in ``out``, and write theirs.

    Rate and what is left are said on standard error every ten seconds.

    Args:
        listing: The files.
        read_rows: Reads them.
        out: Gets the rows.
    """
    tally = Tally()
    threading.Thread(target=_count, args=(listing, tally), daemon=True).start()
    reported = time.monotonic()
    for rows in read_rows(_without_row(listing, out, tally)):
        _add(rows, out, tally)
        if time.monotonic() - reported >= REPORT_SECONDS:
            reported = time.monotonic()
            print(tally, file=sys.stderr)
    tally.total = tally.before + tally.read
    return tally


def _add(rows: list[Row], out: RowFile, tally: Tally) -> None:
    named = [row | {"file": printable(row["file"])} for row in rows]
    out.add(named)
    tally.note(named)


def _without_row(listing: Listing, out: RowFile, tally: Tally) -> Iterator[str]:
    for found in listing:
        if not out.seen.claim(printable(found.file)):
            tally.before += 1
        elif found.error is not None:
            _add([{"file": found.file, "error": str(found.error)}], out, tally)
        else:
            yield found.file


def _count(listing: Listing, tally: Tally) -> None:
    others = copy.copy(listing)
    others.skipped = Counter()
    total = sum(1 for _ in others)
    tally.total = total if tally.total is None else tally.total


def skipped(listing: Listing) -> str | None:
    """What a finished listing left out, in words; None if nothing."""
    if not listing.skipped:
        return None
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in listing.skipped.most_common())
    return f"Skipped: {kinds}." + (" Read folders below with --recursive." if listing.skipped[FOLDERS] else "")
