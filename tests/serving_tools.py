"""Servers for the tests of serving: the application in this process, and the command in one of its own."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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
    """A running ``text-recognizer serve``. ``log``, ``output`` and ``code`` are there once it was stopped."""

    process: subprocess.Popen[str]
    address: str
    output: str = ""
    log: str = ""

    @property
    def port(self) -> int:
        return int(self.address.rpartition(":")[2])

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Tell it to stop and wait; returns the exit code."""
        self.process.send_signal(number)
        self.output, self.log = self.process.communicate(timeout=60)
        return self.process.returncode

    def entries(self) -> list[dict[str, Any]]:
        """The lines of its log."""
        return [json.loads(line) for line in self.log.splitlines()]


@contextmanager
def serving(*flags: str, code: str = _WITHOUT_TRAINING) -> Iterator[Server]:
    """The command, started by ``code`` in a process of its own, on a free port.

    By default that process lacks all that the light install lacks.
    """
    arguments = ["serve", "--port=0", *flags]
    process = subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
        start_new_session=True,
    )
    assert process.stdout
    line = process.stdout.readline()
    address = re.search(r"http://\S+", line)
    try:
        assert address, process.communicate(timeout=60)
        yield Server(process, address[0])
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
