"""Writing files so that an interrupted run leaves the old file or the new one, never half of one."""

from __future__ import annotations

import errno
import os
import secrets
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from text_recognizer.errors import UsageError, UserError

_DISK_FAILURES = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS}
"""What a write raises without naming its file."""
_LONGEST_STEM = 100
"""Bytes of a name that its temporary one repeats; file systems take 255 in all."""


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """A temporary path beside ``path`` that takes its place when the block ends well and is removed when it does not.

    The temporary name keeps the suffix, by which many writers choose the format. No other process or thread has it. Of
    a symbolic link, the file that it names is replaced. A pipe or a device stays one: it is itself the path given.

    Raises:
        UserError: If the file cannot be written; the message names it and says why. Other errors that the block
            raises, those about other files among them, stay as they are.
    """
    path = Path(path)
    if is_special(path):
        yield path
        return
    path = Path(os.path.realpath(path)) if os.path.islink(path) else path  # noqa: PTH114 (that of a Path may raise)
    if not path.name:
        raise UserError(f"Cannot write {path}: it is a folder. Choose another place.")
    temporary = path.with_name(f".{_beginning(path.stem)}.{secrets.token_hex(8)}.part{_beginning(path.suffix)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        temporary.replace(path)
    except OSError as error:
        if not is_about_writing(error, temporary):
            raise
        raise UserError(
            f"Cannot write {path}: {error.strerror or error}. Choose another place or make room."
        ) from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def _beginning(name: str) -> str:
    """As much of a name, or of its end, as a temporary name has room for."""
    return name.encode("utf-8", "replace")[:_LONGEST_STEM].decode("utf-8", "ignore")


def why_not_written(error: UserError) -> str:
    """The reason alone of what :func:`replacing` raised: a server does not tell where its files are."""
    return getattr(error.__cause__, "strerror", None) or str(error)


def check_can_be_written(path: str | Path) -> None:
    """Check, before long work, that a file can be written; nothing is left there, and a file that is there stays.

    Raises:
        UserError: If it cannot; the message names it and says why.
    """
    path = Path(path)
    if path.is_dir():
        raise UserError(f"Cannot write {path}: it is a folder. Choose another place.")
    with suppress(_Tried), replacing(path) as temporary:
        temporary.touch()
        raise _Tried


def check_not_read(flag: str, out: str | Path | None, files: Iterable[str | Path]) -> None:
    """Check that what is to be written, if anything is, is none of the files that are read.

    Raises:
        UsageError: If it is; the message names the flag.
    """
    if out is not None and Path(out).is_file() and any(_is_same(file, out) for file in files):
        raise UsageError(f"{flag} is {str(out)!r}, which is to be read, and would be lost. Give another file.")


def check_nothing_is_lost(path: Path, content: bytes) -> None:
    """Check that writing a file of a name that nobody gave loses nothing: none is there, or one of this content.

    Raises:
        UsageError: If another is there; the message asks for ``--out``.
    """
    if path.is_file() and path.read_bytes() != content:
        raise UsageError(f"{path} is there already, with other content. Give another file, or this one, with --out.")


def _is_same(file: str | Path, other: str | Path) -> bool:
    with suppress(OSError, ValueError):  # told of when it is read
        return Path(file).samefile(other)
    return False


def is_special(path: str | Path) -> bool:
    """Whether a path is a pipe, a socket or a device, which could be waited for without end; not if nobody can tell."""
    with suppress(OSError, ValueError):
        mode = Path(path).stat().st_mode
        return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))
    return False


def read_text(path: str | Path) -> str:
    """The content of a UTF-8 text file.

    Raises:
        UserError: If it cannot be read, or is not UTF-8; the message names it.
    """
    try:
        return Path(path).read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UserError(f"{path}: {error.strerror or error}. Expected a text file.") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not UTF-8 text (byte {error.start:,}). Save it as UTF-8.") from error


class _Tried(Exception):
    pass


def is_about_writing(error: OSError, place: Path) -> bool:
    """Whether an error says that ``place``, or something in it, cannot be written: it names it, or the disk is full."""
    if error.filename is None:
        return error.errno in _DISK_FAILURES
    named = Path(os.fsdecode(error.filename))
    return named.is_relative_to(place) or place.is_relative_to(named)


def write_text(path: str | Path, text: str) -> None:
    """Write ``text`` to ``path`` as UTF-8, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
