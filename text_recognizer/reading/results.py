"""A picture into the lines to read, and their readings into JSON: the same on the command line and in the server."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from text_recognizer.reading.recognizer import Reading


def lines_of(picture: np.ndarray, split: bool) -> list[tuple[np.ndarray, int]]:
    """The lines to read, and the column of the picture at which each begins.

    Args:
        picture: uint8 (h, w) grey.
        split: Whether it is a page of several lines; otherwise it is one line itself.
    """
    if not split:
        return [(picture, 0)]
    from text_recognizer.reading.page import split_lines

    return [(line.picture, line.x) for line in split_lines(picture)]


def shifted(reading: Reading, x: int) -> Reading:
    """The reading of a line that begins at column ``x`` of its picture, in columns of that picture."""
    moved = (replace(character, x0=character.x0 + x, x1=character.x1 + x) for character in reading.characters)
    return replace(reading, characters=tuple(moved)) if x else reading


def to_json(readings: list[Reading], lines: bool) -> dict[str, Any]:
    """One reading as it is; the lines of a page joined, and each on its own besides."""
    if not lines:
        return readings[0].to_json()
    count = sum(len(reading.text) for reading in readings)
    confidence = sum(reading.confidence * len(reading.text) for reading in readings) / max(count, 1)
    each = [reading.to_json() for reading in readings]
    return {
        "text": "\n".join(reading.text for reading in readings),
        "confidence": round(confidence, 4),
        "characters": [character for line in each for character in line["characters"]],
        "lines": each,
    }
