"""Files decoded in another process, which may crash, hang or run out of memory without harm to this one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from threading import Thread, Timer
from typing import Any

import numpy as np

from text_recognizer.errors import UserError, naming

SECONDS = 60.0
"""That a page may take."""
_LONGEST_LINE = 10_000
_MOST_DECODERS = 3  # of one file, each after a page that ended the one before
_PROGRAM = ("-m", "text_recognizer.imaging.decode")


@dataclass(frozen=True, eq=False)
class Decoded:
    """A page, or what is wrong with it.

    Attributes:
        number: Of the page, from 1.
        count: Pages of the file.
        grey: uint8 (h, w), or the error.
    """

    number: int
    count: int
    grey: np.ndarray | UserError


def decode_apart(data: bytes, name: str, task: dict[str, Any], seconds: float = SECONDS) -> Iterator[Decoded]:
    """The pages of a file, each decoded when it is asked for.

    Args:
        data: The file.
        name: What to call it in errors.
        task: What :func:`text_recognizer.imaging.decode.main` is to do.
        seconds: That one page may take.

    Raises:
        UserError: If the file as a whole cannot be decoded, or takes too long; the message names it. A page that
            cannot be decoded, or ends the decoder, comes as an error, and the next ones follow. After
            ``_MOST_DECODERS`` pages that end it, the next one's error stands for all that are left.
    """
    left: list[int] = task.get("pages") or []
    for _ in range(_MOST_DECODERS):
        last = 0
        with _Process(data, seconds, task) as process:
            with naming(name):
                count = int(process.next_answer()["count"])
            try:
                for last, grey in process.pages():
                    yield _decoded(name, last, count, grey)
                return
            except UserError as error:
                stopped = error
        left = [number for number in left or range(1, count + 1) if last < number <= count]
        if left:
            yield _decoded(name, left.pop(0), count, stopped)
        if not left:
            return
        task = task | {"pages": left}
    yield _decoded(name, left[0], count, UserError("left out, with those after it: too many before end the decoder."))


def _decoded(name: str, number: int, count: int, grey: np.ndarray | UserError) -> Decoded:
    if isinstance(grey, UserError):
        grey = UserError(f"{name}, page {number}: {grey}" if count > 1 else f"{name}: {grey}")
    return Decoded(number, count, grey)


class _Process:
    """A running decoder; it ends with the block."""

    def __init__(self, data: bytes, seconds: float, task: dict[str, Any]) -> None:
        self._seconds, self._late = seconds, False
        program = [sys.executable, "-P", *_PROGRAM, json.dumps(task)]
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        self._process = subprocess.Popen(
            program, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self._feeder = Thread(target=self._feed, args=(data,), daemon=True)
        self._feeder.start()

    def __enter__(self) -> _Process:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdout is not None
        self._process.kill()
        self._process.wait()
        self._feeder.join()
        self._process.stdout.close()

    def _feed(self, data: bytes) -> None:
        assert self._process.stdin is not None
        with suppress(OSError):  # it ended: its answer, or its silence, says why
            self._process.stdin.write(data)
        with suppress(OSError):
            self._process.stdin.close()

    def pages(self) -> Iterator[tuple[int, np.ndarray | UserError]]:
        """Number and picture of each page, or what is wrong with it.

        Raises:
            UserError: If the decoder ends before its last page, or takes too long.
        """
        while said := self.next_answer(may_end=True):
            yield said["page"], UserError(said["error"]) if "error" in said else self._pixels(*said["shape"])

    def next_answer(self, *, may_end: bool = False) -> dict[str, Any]:
        """The next line that it says; nothing once it is done, where it ``may_end``."""
        line = self._read(lambda pipe: pipe.readline(_LONGEST_LINE))
        if not line and may_end and self._process.wait() == 0:
            return {}
        if not line.endswith(b"\n"):
            raise self._ended()
        said: dict[str, Any] = json.loads(line)
        if "error" in said and "page" not in said:
            raise UserError(said["error"])
        return said

    def _pixels(self, height: int, width: int) -> np.ndarray:
        """The picture that it said would follow."""
        pixels = self._read(lambda pipe: pipe.read(height * width))
        if len(pixels) < height * width:
            raise self._ended()
        return np.frombuffer(pixels, np.uint8).reshape(height, width)

    def _read(self, what: Any) -> bytes:
        timer = Timer(self._seconds, self._stop)
        timer.start()
        try:
            return bytes(what(self._process.stdout))
        finally:
            timer.cancel()

    def _stop(self) -> None:
        self._late = True
        self._process.kill()

    def _ended(self) -> UserError:
        if self._late:
            return UserError(f"takes more than {self._seconds:g} seconds to decode; simplify it.")
        return UserError("broken: its decoder fails on it. Open it in a viewer and save it anew.")
