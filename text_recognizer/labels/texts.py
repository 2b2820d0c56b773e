"""Files of text in whatever encoding they are, and texts in one line."""

from __future__ import annotations

import codecs
import unicodedata
from pathlib import Path

from text_recognizer.errors import UserError

_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
"""Of encodings, that of UTF-32 before that of UTF-16, which it begins with."""
_MOST_BYTES = 1 << 30


def read_text(file: Path) -> tuple[str, list[int]]:
    """The text of a file: UTF-8, UTF-16 or UTF-32 with its mark, or Windows-1252 for each line that is not UTF-8.

    Returns:
        The text, its lines ending in a line feed, and the numbers, from 1, of the lines that were not UTF-8.

    Raises:
        UserError: If the file cannot be read or is no text.
    """
    data = _bytes_of(file)
    for mark, encoding in _MARKS.items():
        if data.startswith(mark):
            try:
                return _with_line_feeds(data.decode(encoding)), []
            except UnicodeDecodeError as error:
                raise UserError(
                    f"{file}: begins as {encoding} but is not ({error.reason}). Save it as UTF-8."
                ) from None
    if b"\0" in data:
        raise UserError(f"{file}: not a text file, or one in UTF-16 without its mark. Save it as UTF-8.")
    try:
        return _with_line_feeds(data.decode("utf-8")), []
    except UnicodeDecodeError:
        return _line_by_line(data)


def one_line(text: str, *, composed: bool = True) -> str:
    """A text, its white space single spaces, none at its ends; if ``composed``, in that form of Unicode (NFC)."""
    return " ".join((unicodedata.normalize("NFC", text) if composed else text).split())


def _bytes_of(file: Path) -> bytes:
    try:
        if file.stat().st_size > _MOST_BYTES:
            raise UserError(f"{file}: more than {_MOST_BYTES >> 20} MB of labels. Split the file.")
        return file.read_bytes()
    except OSError as error:
        raise UserError(f"{file}: cannot be read ({error.strerror or error}).") from None


def _with_line_feeds(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _line_by_line(data: bytes) -> tuple[str, list[int]]:
    lines, odd = [], []
    for number, line in enumerate(data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n"), 1):
        try:
            lines.append(line.decode("utf-8"))
        except UnicodeDecodeError:
            lines.append(line.decode("cp1252", "replace"))
            odd.append(number)
    return "\n".join(lines), odd
