"""The recognizers of a server."""

from __future__ import annotations

import os
from functools import lru_cache

from text_recognizer.reading.recognizer import Decoder, TextRecognizer


class Readers:
    """Recognizers by decoder, each loaded when it is first asked for and kept.

    Args:
        model: An ONNX file made by ``text-recognizer export``; by default the model that ships with the package.
        threads: Batches of lines that each reads at the same time.
    """

    def __init__(self, model: str | None = None, threads: int = 2) -> None:
        self._get = lru_cache(maxsize=None)(lambda decoder: TextRecognizer(model, decoder, threads))

    def get(self, decoder: Decoder = "beam") -> TextRecognizer:
        """The recognizer that decodes so.

        Raises:
            UserError: If the model cannot be loaded.
        """
        return self._get(decoder)


def processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
