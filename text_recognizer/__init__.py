"""Reads handwritten lines and pages, and learns to from what it composes."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from text_recognizer.reading.recognizer import Reading, TextRecognizer
    from text_recognizer.training.graphs.load import load

_MODULES = {
    "Reading": "text_recognizer.reading.recognizer",
    "TextRecognizer": "text_recognizer.reading.recognizer",
    "load": "text_recognizer.training.graphs.load",
}
__all__ = ["Reading", "TextRecognizer", "load"]


def __getattr__(name: str) -> Any:
    """Import what is first asked for: commands that do not read start faster, and reading needs no PyTorch."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_MODULES[name]), name)
