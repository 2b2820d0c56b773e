"""What libraries in C print on standard error, caught: decoders of broken pictures print there past Python."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Thread

MOST_LINES = 20
"""A second that are passed on; of further ones, their number."""


def pass_on(say: Callable[[str], None]) -> Callable[[], None]:
    """From now on, what libraries in C print on standard error goes to ``say``, a line at a time, in a thread.

    Python's own standard error goes where it went.

    Returns:
        Ends that: what was printed is said, and standard error is what it was.
    """
    before, python = os.dup(2), sys.stderr
    if _is_standard_error(python):
        sys.stderr = os.fdopen(os.dup(2), "w", buffering=1, encoding="utf-8", errors="backslashreplace")
    reading, writing = os.pipe()
    os.dup2(writing, 2)
    os.close(writing)
    thread = Thread(target=_say_lines, args=(reading, say), name="library lines", daemon=True)
    thread.start()

    def end() -> None:
        os.dup2(before, 2)
        os.close(before)
        thread.join(timeout=1)  # a process that this one started may still hold the pipe
        if sys.stderr is not python:
            sys.stderr.close()
            sys.stderr = python

    return end


@contextmanager
def told_to_the_user() -> Iterator[None]:
    """While the block runs, what libraries print is said on standard error as a sentence of this program."""
    end = pass_on(lambda line: print(f"warning: a decoder says: {line}", file=sys.stderr))
    try:
        yield
    finally:
        end()


def _is_standard_error(file: object) -> bool:
    try:
        return file.fileno() == 2  # type: ignore[attr-defined, no-any-return]
    except (AttributeError, OSError, ValueError):  # a stream that is no file
        return False


def _say_lines(reading: int, say: Callable[[str], None]) -> None:
    since, count = time.monotonic(), 0
    with os.fdopen(reading, encoding="utf-8", errors="backslashreplace") as lines:
        for line in filter(None, map(str.strip, lines)):
            if time.monotonic() - since > 1:
                _say_more(count, say)
                since, count = time.monotonic(), 0
            count += 1
            if count <= MOST_LINES:
                say(line)
    _say_more(count, say)


def _say_more(count: int, say: Callable[[str], None]) -> None:
    if count > MOST_LINES:
        say(f"{count - MOST_LINES:,} more lines")
