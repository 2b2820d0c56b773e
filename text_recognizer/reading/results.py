"""Readings into JSON, the same on the command line and in the server."""

from __future__ import annotations

import base64
from typing import Any

import cv2

from text_recognizer.imaging.normalization import NormalizedLine
from text_recognizer.reading.recognizer import Reading


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


def picture_url(line: NormalizedLine) -> str:
    """The line as the model saw it, dark on white, as a PNG in a data: URL."""
    _, png = cv2.imencode(".png", 255 - line.image)
    return "data:image/png;base64," + base64.b64encode(png.tobytes()).decode("ascii")
