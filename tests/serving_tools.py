"""Servers for the tests of serving: the application in this process, and the command in one of its own."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import cv2
import numpy as np

from text_recognizer.errors import TRAINING_MODULES
from text_recognizer.reading.recognizer import Decoder, TextRecognizer

_WITHOUT_TRAINING = (
    f"import sys; sys.modules.update(dict.fromkeys({TRAINING_MODULES!r})); "
    "from text_recognizer.cli import main; sys.exit(main())"
)


def png(picture: np.ndarray) -> bytes:
    """A picture (h, w) as the bytes of a PNG file."""
    return cv2.imencode(".png", picture)[1].tobytes()


class OneReader:
    """Readers that all are the same recognizer."""

    def __init__(self, recognizer: Any) -> None:
        self._recognizer = recognizer

    def get(self, decoder: Decoder = "beam", hand: str | None = None) -> TextRecognizer:
        return self._recognizer


@dataclass
class Server:
    """A running ``text-recognizer serve``. ``log`` and ``output`` are there once it was stopped.

    ``said`` is a file and no pipe, as a server waits when a pipe that nobody reads is full.
    """

    process: subprocess.Popen[str]
    address: str
    said: IO[str] = field(default_factory=io.StringIO)
    output: str = ""
    log: str = ""

    @property
    def port(self) -> int:
        return int(self.address.rpartition(":")[2])

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Tell it to stop and wait; returns the exit code."""
        self.process.send_signal(number)
        self.output, _ = self.process.communicate(timeout=60)
        self.log = content(self.said)
        return self.process.returncode

    def entries(self) -> list[dict[str, Any]]:
        """The lines of its log."""
        return [json.loads(line) for line in self.log.splitlines()]


def content(file: IO[str]) -> str:
    file.seek(0)
    return file.read()


@contextmanager
def serving(*flags: str, code: str = _WITHOUT_TRAINING) -> Iterator[Server]:
    """The command, started by ``code`` in a process of its own, on a free port.

    By default that process lacks all that the light install lacks.
    """
    said = tempfile.TemporaryFile("a+", encoding="utf-8")  # noqa: SIM115 (closed below)
    process = subprocess.Popen(
        [sys.executable, "-c", code, "serve", "--port=0", *flags],
        stdout=subprocess.PIPE,
        stderr=said,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
        start_new_session=True,
    )
    with said:
        try:
            assert process.stdout
            address = re.search(r"http://\S+", process.stdout.readline())
            assert address, content(said)
            yield Server(process, address[0], said)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
