"""What people corrected, kept as labelled lines: pictures with .gt.txt beside them, in a folder that they can see.

The folder is all there is. It can be looked at, copied, edited and deleted, and every command that takes labelled lines
takes it.
"""

from __future__ import annotations

import hashlib
import os
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from unicodedata import category

import cv2

from text_recognizer.errors import UserError, counted
from text_recognizer.files import replacing, why_not_written
from text_recognizer.imaging.pictures import Picture, load_picture
from text_recognizer.labels.find import TRUTH
from text_recognizer.labels.tables import MULTI_LINE
from text_recognizer.labels.texts import one_line

MOST_LINES = 10_000
MOST_MEGABYTES = 1024
LONGEST = 400
"""Characters of a text."""
MOST_PIXELS = 30_000_000
"""Of a picture."""
_PICTURE = ".png"
_NAME = re.compile(r"[0-9a-f]{32}")
"""As :meth:`Corrections.keep` gives them: no other file of the folder is deleted."""
_JOINERS = "\u200c\u200d"
"""Not printed themselves, but part of how some scripts are spelled."""


@dataclass(frozen=True)
class Kept:
    """What a folder of corrections holds.

    Attributes:
        lines: How many.
        bytes: Of all its files.
    """

    lines: int
    bytes: int


class Corrections:
    """A folder of lines that people corrected.

    A line is two files, a grey PNG and a text, named after what is in the picture: whoever corrects a line again
    replaces its text. Both are written whole or not at all, the picture first, for their user alone (mode 600). Of the
    picture that was given nothing but its pixels is kept.

    Args:
        folder: Where; made if it is not there, and again if it was deleted.
        most_lines: How many lines it may hold.
        most_megabytes: How much its files may take.

    Raises:
        UserError: If the folder cannot be made.
    """

    def __init__(
        self, folder: str | Path, *, most_lines: int = MOST_LINES, most_megabytes: float = MOST_MEGABYTES
    ) -> None:
        self.folder = Path(folder)
        self._most_lines, self._most_bytes = most_lines, int(most_megabytes * (1 << 20))
        self._one_at_a_time = Lock()
        self._make_folder()

    def keep(self, picture: Picture, text: str) -> str:
        """Keep a line and what it says.

        Args:
            picture: Of the line alone, whatever :func:`load_picture` takes.
            text: What is written, in one line, 1 to ``LONGEST`` characters that can be printed.

        Returns:
            The name by which :meth:`remove` knows it.

        Raises:
            UserError: If the text or the picture cannot be used, the folder is full, or it cannot be written.
        """
        text = _checked(text)
        grey = load_picture(picture, "the picture of the line", MOST_PIXELS)
        name = hashlib.sha256(repr(grey.shape).encode() + grey.tobytes()).hexdigest()[:32]
        png = bytes(cv2.imencode(_PICTURE, grey)[1])
        with self._one_at_a_time:
            if not self._path(name, TRUTH).exists():
                self._check_room(len(png))
            self._make_folder()  # whose it is may have deleted it
            try:
                self._write(name, png, f"{text}\n".encode())
            except UserError as error:
                raise UserError(f"The folder of corrections cannot be written ({why_not_written(error)}).") from error
        return name

    def remove(self, name: str) -> None:
        """Delete a line: its text, then its picture.

        Raises:
            UserError: If no line has that name, or it cannot be deleted.
        """
        if not _NAME.fullmatch(name) or not self._path(name, TRUTH).is_file():
            raise UserError(f"There is no correction {name!r}.")
        try:
            for suffix in (TRUTH, _PICTURE):
                self._path(name, suffix).unlink(missing_ok=True)
        except OSError as error:
            raise UserError(f"The correction {name!r} cannot be deleted ({error.strerror or error}).") from None

    def kept(self) -> Kept:
        """How much the folder holds; nothing, where it was deleted.

        Raises:
            UserError: If it cannot be read.
        """
        try:
            with os.scandir(self.folder) as entries:
                files = [(entry.name, _size(entry)) for entry in entries if entry.is_file()]
        except FileNotFoundError:
            return Kept(0, 0)
        except OSError as error:
            raise UserError(f"The folder of corrections cannot be read ({error.strerror or error}).") from None
        return Kept(sum(name.endswith(TRUTH) for name, _ in files), sum(size for _, size in files))

    def _make_folder(self) -> None:
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"{self.folder}: no folder to keep corrections in ({error.strerror or error}).") from None

    def _write(self, name: str, picture: bytes, text: bytes) -> None:
        for suffix, content in ((_PICTURE, picture), (TRUTH, text)):
            with replacing(self._path(name, suffix)) as temporary:
                temporary.touch(0o600)
                temporary.write_bytes(content)

    def _check_room(self, size: int) -> None:
        kept = self.kept()
        if kept.lines >= self._most_lines or kept.bytes + size > self._most_bytes:
            raise UserError(
                f"The folder of corrections is full: {counted(kept.lines, 'line')}, {kept.bytes / (1 << 20):.0f} MB. "
                "Move them elsewhere, or delete some."
            )

    def _path(self, name: str, suffix: str) -> Path:
        return self.folder / f"{name}{suffix}"


def checked_characters(text: str) -> str:
    """A text, if each of its characters can stand in a line.

    Raises:
        UserError: If there are line breaks or others that cannot be printed.
    """
    odd = sorted({one for one in text if not (one.isprintable() or one in _JOINERS or category(one) == "Zs")})
    if odd:
        raise UserError(f"The text has characters that cannot be printed: {', '.join(map(ascii, odd))}.")
    return text


def _size(entry: os.DirEntry[str]) -> int:
    """Bytes of a file; 0 where another process has just renamed it."""
    with suppress(FileNotFoundError):
        return entry.stat().st_size
    return 0


def _checked(text: str) -> str:
    """A text in one line, in Unicode's composed form, if it can be the label of a line.

    Raises:
        UserError: If it is empty or too long, or has characters that cannot be printed.
    """
    if len(text) > LONGEST or not (text := one_line(text)):
        raise UserError(f"The text has {len(text):,} characters, but a line has 1 to {LONGEST}.")
    if MULTI_LINE in text:
        raise UserError(f"The text has {MULTI_LINE}, by which labels tell several lines. A line has none.")
    return checked_characters(text)
