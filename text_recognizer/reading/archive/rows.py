"""Rows on their way to a file: written as they come, found again after any end, each file once."""

from __future__ import annotations

import json
import os
import sqlite3
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from text_recognizer.errors import UsageError, UserError, check_pyarrow
from text_recognizer.files import replacing

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

Row = dict[str, Any]
"""``file``, and ``error`` or what was read: ``text``, ``confidence`` and more."""
PART_ROWS = 1000
PART_SECONDS = 60.0
_ROW_START = b'{"file": "'
_OWN_COLUMNS = ("file", "text", "confidence", "error")


class Seen:
    """Names of files, kept in a temporary file: their number takes no memory."""

    def __init__(self) -> None:
        self._table = sqlite3.connect("", isolation_level=None)
        self._table.execute("CREATE TABLE seen (file TEXT PRIMARY KEY) WITHOUT ROWID")
        self._table.execute("BEGIN")

    def claim(self, file: str) -> bool:
        """Note a file; false if it was noted before."""
        return self._table.execute("INSERT OR IGNORE INTO seen VALUES (?)", (file,)).rowcount == 1

    def close(self) -> None:
        self._table.close()


class RowFile(ABC):
    """Where rows go. Within its ``with`` block no other process writes there.

    Attributes:
        path: The file or folder.
        seen: Files that have a row, or are about to get one.
    """

    def __init__(self, path: Path) -> None:
        self.path, self.seen = path, Seen()

    @abstractmethod
    def add(self, rows: Sequence[Row]) -> None:
        """Write rows, at once or soon.

        Raises:
            UserError: If there is no room for them.
        """

    @abstractmethod
    def close(self) -> None:
        """Write what is not written yet."""

    def __enter__(self) -> RowFile:
        return self

    def __exit__(self, *error: object) -> None:
        self.seen.close()
        self.close()


class JsonRows(RowFile):
    """A JSON object a line. Rows are in the file when :meth:`add` returns, also if the process is then killed."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._file = _open(path)
        _lock(self._file, path)
        end = 0
        for number, line in enumerate(self._file, 1):
            if _is_torn(line):
                break
            self.seen.claim(self._file_of(line, number))
            end += len(line)
        self._file.seek(end)
        self._file.truncate()

    def _file_of(self, line: bytes, number: int) -> str:
        try:
            return str(json.loads(line)["file"])
        except (ValueError, KeyError, TypeError) as error:
            raise UserError(f"{self.path}: line {number} is no row of this command. Mend or remove it.") from error

    def add(self, rows: Sequence[Row]) -> None:
        try:
            self._file.write(b"".join(json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in rows))
            self._file.flush()
        except OSError as error:
            raise _no_room(self.path, error) from error

    def close(self) -> None:
        try:
            os.fsync(self._file.fileno())
        finally:
            self._file.close()


class ParquetRows(RowFile):
    """A folder of Parquet files, each written whole: after so many rows, after a minute, and at the end.

    Columns: file, text, confidence, error, and ``more``, JSON of all else.

    Args:
        path: The folder.
        name: What the names of its files begin with; another process may write others.
    """

    def __init__(self, path: Path, name: str = "part") -> None:
        super().__init__(path)
        self._name, self._rows, self._since = name, list[Row](), time.monotonic()
        _make_folder(path)
        self._file = _open(path / f".{name}.lock")
        _lock(self._file, path)
        parts = sorted(path.glob(f"{name}-*.parquet"))
        self._next = 1 + max((int(part.stem.rpartition("-")[2]) for part in parts), default=-1)
        for part in parts:
            for file in _files_of(part):
                self.seen.claim(file)

    def add(self, rows: Sequence[Row]) -> None:
        if not self._rows:
            self._since = time.monotonic()
        self._rows += rows
        while len(self._rows) >= PART_ROWS:
            self._write(PART_ROWS)
        if self._rows and time.monotonic() - self._since > PART_SECONDS:
            self._write(len(self._rows))

    def _write(self, count: int) -> None:
        import pyarrow.parquet as parquet

        with replacing(self.path / f"{self._name}-{self._next:06}.parquet") as temporary:
            parquet.write_table(_table(self._rows[:count]), temporary)
        del self._rows[:count]
        self._next, self._since = self._next + 1, time.monotonic()

    def close(self) -> None:
        try:
            if self._rows:
                self._write(len(self._rows))
        finally:
            self._file.close()


def open_rows(out: Path, *, resume: bool, part: str = "part") -> RowFile:
    """Open an output, ``.jsonl`` or ``.parquet``.

    Args:
        out: The file; of Parquet, the folder.
        resume: Go on with what is there. Otherwise nothing may be.
        part: What the names of Parquet files begin with.

    Raises:
        UsageError: If it has another ending, is there already, or pyarrow is missing.
        UserError: If it cannot be written, another process writes it, or it holds other things.
    """
    kind = out.suffix.lower()
    if kind not in (".jsonl", ".parquet"):
        raise UsageError(f"--out is {str(out)!r}, but must end in .jsonl or .parquet.")
    if kind == ".parquet":
        check_pyarrow("--out as .parquet", "a .jsonl file")
    is_there = any(out.glob(f"{part}-*.parquet")) if kind == ".parquet" else out.exists() and out.stat().st_size > 0
    if is_there and not resume:
        raise UsageError(f"{out} is there already. Go on with it: --resume. Or remove it, or give another --out.")
    return JsonRows(out) if kind == ".jsonl" else ParquetRows(out, part)


def _open(path: Path) -> BinaryIO:
    """A file to read and write, which is made if it is not there."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o666), "r+b")
    except OSError as error:
        raise UserError(f"Cannot write {path}: {error.strerror or error}. Choose another --out.") from error


def _make_folder(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"Cannot write {path}: {error.strerror or error}. Choose another --out.") from error


def _lock(file: BinaryIO, path: Path) -> None:
    """Keep other processes off a file until it is closed, however this one ends."""
    if fcntl is None:
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        file.close()
        raise UserError(f"Another process writes {path}. Wait for it, or end it.") from error
    except OSError:  # a file system without locks
        return


def _is_torn(line: bytes) -> bool:
    """Whether a line is the beginning of a row, as where a process was killed in the middle of it."""
    return not line.endswith(b"\n") and line[: len(_ROW_START)] == _ROW_START[: len(line)]


def _no_room(path: Path, error: OSError) -> UserError:
    return UserError(f"Cannot write {path}: {error.strerror or error}. Make room, then go on with --resume.")


def _files_of(part: Path) -> Iterator[str]:
    import pyarrow as pa
    import pyarrow.parquet as parquet

    try:
        with parquet.ParquetFile(part) as file:
            for batch in file.iter_batches(columns=["file"]):
                yield from batch.column(0).to_pylist()
    except (pa.ArrowException, KeyError, IndexError) as error:
        raise UserError(
            f"{part}: damaged, or not written by this command. Remove it; its files are then read again."
        ) from error


def _table(rows: Sequence[Row]) -> Any:
    import pyarrow as pa

    schema = pa.schema([("file", pa.string()), ("text", pa.string()), ("confidence", pa.float64())])
    schema = schema.append(pa.field("error", pa.string())).append(pa.field("more", pa.string()))
    columns: dict[str, list[Any]] = {name: [row.get(name) for row in rows] for name in _OWN_COLUMNS}
    columns["more"] = [_more(row) for row in rows]
    return pa.table(columns, schema=schema)


def _more(row: Row) -> str | None:
    more = {name: value for name, value in row.items() if name not in _OWN_COLUMNS}
    return json.dumps(more, ensure_ascii=False) if more else None
