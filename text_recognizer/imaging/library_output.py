"""What libraries in C print on standard error, caught: decoders of broken pictures print there past Python.

While a file is decoded, marks stand in the pipe before and after what its decoder prints, so that the file can be
named. They come from any thread, and from forked workers.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from threading import Thread

MOST_LINES = 20
"""A second that are passed on; of further ones, their number."""
_BEGIN, _END = "\0begin ", "\0end "
_LONGEST_NAME = 1000
"""Characters of a file's name in a mark, which is to be written as one piece."""
_MOST_REMEMBERED = 1000
_caught = 0
"""How many callers are told of what libraries print."""

Say = Callable[[str, str], None]
"""Is given a line, and the file that was being decoded, or nothing."""


def pass_on(say: Say) -> Callable[[], None]:
    """From now on, what libraries in C print on standard error goes to ``say``, a line at a time, in a thread.

    Python's own standard error goes where it went.

    Args:
        say: Is given each line, and the file that was being decoded: of several, all, as in ``a.tif or b.tif``.

    Returns:
        Ends that: what was printed is said, and standard error is what it was.
    """
    global _caught
    before, python = os.dup(2), sys.stderr
    if _is_standard_error(python):
        sys.stderr = os.fdopen(os.dup(2), "w", buffering=1, encoding="utf-8", errors="backslashreplace")
    reading, writing = os.pipe()
    os.dup2(writing, 2)
    os.close(writing)
    thread = Thread(target=_say_lines, args=(reading, say), name="library lines", daemon=True)
    thread.start()
    _caught += 1

    def end() -> None:
        global _caught
        _caught -= 1
        os.dup2(before, 2)
        os.close(before)
        thread.join(timeout=1)  # a process that this one started may still hold the pipe
        if sys.stderr is not python:
            sys.stderr.close()
            sys.stderr = python

    return end


@contextmanager
def decoding(name: str) -> Iterator[None]:
    """While the block runs, what libraries print is about the file of this name."""
    if not _caught:
        yield
        return
    mark = " ".join(name[:_LONGEST_NAME].splitlines())
    _write(f"\n{_BEGIN}{mark}\n")
    try:
        yield
    finally:
        _write(f"\n{_END}{mark}\n")


def _write(mark: str) -> None:
    with suppress(OSError):  # the pipe's other end may be gone
        os.write(2, mark.encode("utf-8", errors="backslashreplace"))


@contextmanager
def told_to_the_user() -> Iterator[None]:
    """While the block runs, what libraries print is said on standard error as a sentence of this program, once."""
    said: set[str] = set()

    def say(line: str, file: str) -> None:
        warning = f"warning: {file}: its decoder says: {line}" if file else f"warning: a library says: {line}"
        if warning not in said:
            print(warning, file=sys.stderr)
        if len(said) < _MOST_REMEMBERED:
            said.add(warning)

    end = pass_on(say)
    try:
        yield
    finally:
        end()


def _is_standard_error(file: object) -> bool:
    try:
        return file.fileno() == 2  # type: ignore[attr-defined, no-any-return]
    except (AttributeError, OSError, ValueError):  # a stream that is no file
        return False


def _say_lines(reading: int, say: Say) -> None:
    told = _Told(say)
    with os.fdopen(reading, encoding="utf-8", errors="backslashreplace", newline="\n") as lines:
        for line in filter(None, map(str.strip, lines)):
            told.add(line)
    told.end_second()


@dataclass
class _Told:
    """The lines of a pipe on their way to whom they are said; of a flood, some."""

    say: Say
    decoded: list[str] = field(default_factory=list)
    since: float = field(default_factory=time.monotonic)
    count: int = 0

    def add(self, line: str) -> None:
        """Take a line: a mark, or what a library printed."""
        if line.startswith(_BEGIN):
            self.decoded.append(line.removeprefix(_BEGIN))
        elif line.startswith(_END):
            with suppress(ValueError):
                self.decoded.remove(line.removeprefix(_END))
        else:
            self._say(line)

    def _say(self, line: str) -> None:
        if time.monotonic() - self.since > 1:
            self.end_second()
        self.count += 1
        if self.count <= MOST_LINES:
            self.say(line, self._file())

    def end_second(self) -> None:
        """Say how many lines were too many."""
        if self.count > MOST_LINES:
            self.say(f"{self.count - MOST_LINES:,} more lines", self._file())
        self.since, self.count = time.monotonic(), 0

    def _file(self) -> str:
        return " or ".join(dict.fromkeys(self.decoded))
