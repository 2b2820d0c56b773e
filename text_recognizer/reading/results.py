"""Readings into JSON, the same on the command line and in the server; and what makes a reading doubtful."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from text_recognizer.errors import UserError, attempt
from text_recognizer.imaging.normalization import HEIGHT
from text_recognizer.reading.recognizer import Reading, TextRecognizer

DOUBTFUL = 0.7
"""A confidence below which a reading is called doubtful."""
_MUCH_HIGHER = 2.5
"""Heights of a line, from which on a picture may hold more than one."""
_PERHAPS_UPSIDE_DOWN = 0.9
"""A confidence below which a picture is read upside down too: writing that is turned by half often looks like some."""
_DOUBT_LEFT = 0.5
"""Share of its doubt that a reading of the picture turned may have, where the picture is to be taken for turned."""
_TURNED = "seems to be turned by {} degrees clockwise. Turn it upright and read it again."


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


def doubts_of(picture: np.ndarray, readings: Sequence[Reading], recognizer: TextRecognizer, split: bool) -> list[str]:
    """Sentences about a picture that was read.

    Args:
        picture: uint8 (h, w) grey.
        readings: Of its lines.
        recognizer: Read them, and reads the picture turned if they are doubtful.
        split: Whether it was split into lines; otherwise it was read as one.
    """
    written = [reading for reading in readings if reading.text]
    if not written:
        turn = _better_turn(picture, 1 - (1 - DOUBTFUL) / _DOUBT_LEFT, recognizer, split)
        return [f"no writing was found, and it {_TURNED.format(turn)}" if turn else "no writing was found."]
    if not split and (count := _lines_in(picture, written[0], recognizer)) > 1:
        return [f"looks like {count} lines, of which one was read. Read all with --lines."]
    confidence = _confidence(written)
    if confidence >= _PERHAPS_UPSIDE_DOWN:
        return []
    turns = (1, 2, 3) if confidence < DOUBTFUL else (2,)
    if turn := _better_turn(picture, confidence, recognizer, split, turns):
        return [_TURNED.format(turn)]
    if confidence >= DOUBTFUL:
        return []
    return [
        f"doubtful: its confidence is {confidence:.2f}. Is it level, upright"
        + (", and plain writing on plain paper?" if split else ", and one line?")
    ]


def _confidence(readings: Sequence[Reading]) -> float:
    """Mean over characters."""
    return sum(reading.confidence * len(reading.text) for reading in readings) / sum(len(one.text) for one in readings)


def _lines_in(picture: np.ndarray, reading: Reading, recognizer: TextRecognizer) -> int:
    """How many lines a picture has that was read as one: 1 if it is about as high as that line."""
    if reading.prepared is None or picture.shape[0] * reading.prepared.scale < _MUCH_HIGHER * HEIGHT:
        return 1
    lines = attempt("the picture", lambda: recognizer.lines(picture, split=True))
    return 1 if isinstance(lines, UserError) else len(lines)


def _better_turn(
    picture: np.ndarray, confidence: float, recognizer: TextRecognizer, split: bool, turns: Sequence[int] = (1, 2, 3)
) -> int | None:
    """By how many degrees clockwise the picture seems to be turned, if it reads much better when turned back.

    Args:
        turns: Those that are tried, in quarters.
    """
    best, turn = 1 - _DOUBT_LEFT * (1 - confidence), None
    for quarters in turns:
        turned = np.ascontiguousarray(np.rot90(picture, quarters))
        lines = attempt("the picture", lambda turned=turned: recognizer.lines(turned, split=split))  # type: ignore[misc]
        if isinstance(lines, UserError):
            continue
        results = recognizer.read_normalized(lines)
        readings = [result for result in results if isinstance(result, Reading) and result.text]
        if readings and _confidence(readings) > best:
            best, turn = _confidence(readings), 90 * quarters
    return turn
