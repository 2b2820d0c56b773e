"""Reads hand-printed lines, having seen only single characters and text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from text_recognizer.reading.recognizer import Reading, TextRecognizer

__all__ = ["Reading", "TextRecognizer"]


def __getattr__(name: str) -> Any:
    """Import the reader when it is first asked for: commands that do not read start faster."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from text_recognizer.reading import recognizer

    return getattr(recognizer, name)
