"""Characters and texts become lines, lines become data sets: ``from text_recognizer.data import EMNISTLines``."""

from __future__ import annotations

import importlib
from typing import Any

from text_recognizer.registry import DATA_CLASSES

__all__ = [*DATA_CLASSES]


def __getattr__(name: str) -> Any:
    """Import a data module when it is first asked for."""
    if name not in DATA_CLASSES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(DATA_CLASSES[name]), name)
