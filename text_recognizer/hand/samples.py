"""What one person wrote to teach their hand: pictures of characters and of copied words."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from text_recognizer.alphabet import ALPHABET
from text_recognizer.errors import UserError
from text_recognizer.hand.file import Written, writing_in
from text_recognizer.hand.sheet.boxes import FilledBox
from text_recognizer.hand.store import decoded
from text_recognizer.imaging.pictures import load_picture

FEWEST_CHARACTERS = 20
"""Different characters that must be there, each ``FEWEST_COPIES`` times."""
FEWEST_COPIES = 2
_COLUMNS = 24
_LONGEST = 100
_MAX_PICTURES = 1000
_MAX_PIXELS = 250_000
_MAX_PIXELS_TOGETHER = 25_000_000
"""Of characters, and of lines, side by side, each with as much room as the highest and the widest take."""
_MAX_SIDE = 4096


@dataclass(frozen=True, eq=False)
class Samples:
    """Pictures and what they say.

    Attributes:
        characters: Single characters, each with its picture, uint8 (h, w), ink 255 on 0.
        lines: Copied words, likewise.
    """

    characters: tuple[tuple[str, np.ndarray], ...]
    lines: tuple[tuple[str, np.ndarray], ...]

    def check(self) -> None:
        """Check that there is enough to learn from.

        Raises:
            UserError: If not; the message says what is missing.
        """
        counts = Counter(character for character, _ in self.characters)
        known = [character for character, count in counts.items() if count >= FEWEST_COPIES]
        if len(known) < FEWEST_CHARACTERS:
            raise UserError(
                f"Only {len(known)} characters were written {FEWEST_COPIES} times or more so that they can be used; "
                f"at least {FEWEST_CHARACTERS} are needed to learn a hand. Write more of them, in a dark pen."
            )

    @classmethod
    def from_boxes(cls, boxes: Iterable[FilledBox]) -> Samples:
        """What is in the boxes of a sheet; those that are empty or doubtful are left out."""
        good = [box for box in boxes if box.state == "ok"]
        return cls(
            tuple((box.text, box.image) for box in good if box.is_character),
            tuple((box.text, box.image) for box in good if not box.is_character),
        )

    @classmethod
    def from_json(cls, written: Any) -> Samples:
        """What was written on a screen.

        Args:
            written: ``{"characters": {"a": [picture, ...]}, "lines": [{"text": "...", "picture": picture}]}``,
                each picture a PNG in base64, dark on white, all to one scale, those of characters with the whole box.

        Raises:
            UserError: If it has another form, a picture cannot be read, or a text is outside the alphabet.
        """
        try:
            characters = [(text, one) for text, pictures in written["characters"].items() for one in pictures]
            if not all(len(text) == 1 for text, _ in characters):
                raise UserError("Pictures of characters say one character each, but some are to say more, or none.")
            lines = [(line["text"], line["picture"]) for line in written.get("lines", [])]
            return cls(_inks(characters), _inks(lines))
        except (KeyError, TypeError, AttributeError):
            raise UserError(
                'What was written must be {"characters": {"a": [PNG in base64, ...]}, "lines": [{"text", "picture"}]}.'
            ) from None

    def __add__(self, other: Samples) -> Samples:
        return Samples(self.characters + other.characters, self.lines + other.lines)

    def written(self) -> tuple[Written, Written]:
        """All characters, and all lines, as a hand file keeps them."""
        return _packed(self.characters, _COLUMNS), _packed(self.lines, 1)

    @classmethod
    def of(cls, file: Path) -> Samples:
        """What a hand was learned from.

        Args:
            file: The hand file.

        Raises:
            UserError: If it cannot be read or is damaged, or keeps no pictures.
        """
        characters, lines = writing_in(file)
        if not characters.texts and not lines.texts:
            raise UserError(
                f"{file}: learned from labelled lines, of which it keeps no pictures. "
                f"Learn it from these again: text-recognizer hand learn FOLDER --name {file.stem}"
            )
        return cls(_unpacked(characters, file), _unpacked(lines, file))


def _inks(pictures: Sequence[tuple[str, str]]) -> tuple[tuple[str, np.ndarray], ...]:
    """The ink of pictures in base64.

    Raises:
        UserError: If one cannot be used, or there is more than a hand file holds.
    """
    if len(pictures) > _MAX_PICTURES:
        raise UserError(f"There are {len(pictures)} pictures; a hand is learned from {_MAX_PICTURES} at most.")
    inks, height, width = [], 0, 0
    for text, picture in pictures:
        ink = _ink(picture, text)
        height, width = max(height, ink.shape[0]), max(width, ink.shape[1])
        if max(height, width) > _MAX_SIDE or len(pictures) * height * width > _MAX_PIXELS_TOGETHER:
            raise UserError(
                f"{len(pictures)} pictures, some of up to {width} x {height} pixels, are more than a hand is learned "
                "from. About 120 x 160 pixels a character are enough."
            )
        inks.append((text, ink))
    return tuple(inks)


def _ink(picture: str, text: str) -> np.ndarray:
    """The ink, 255 on 0, of a picture in base64 that says ``text``."""
    name = f"the picture of {text!r}"
    if not text.strip() or len(text) > _LONGEST:
        raise UserError(f"{name}: what it says must have 1 to {_LONGEST} characters, and not be blank.")
    ALPHABET.encode(text)
    try:
        grey = load_picture(base64.b64decode(picture, validate=True), name, _MAX_PIXELS)
    except ValueError as error:
        raise error if isinstance(error, UserError) else UserError(f"{name}: not a PNG in base64.") from None
    if grey.min() > 127:
        raise UserError(f"{name}: nothing is written in it. Expected dark writing on white.")
    return 255 - grey


def _packed(pictures: Sequence[tuple[str, np.ndarray]], columns: int) -> Written:
    if not pictures:
        return Written((), 1, 1, 1, _png(np.zeros((1, 1), np.uint8)))
    height, width = (max(picture.shape[axis] for _, picture in pictures) for axis in (0, 1))
    rows = -(-len(pictures) // columns)
    sheet = np.zeros((rows * height, columns * width), np.uint8)
    for (_, picture), (y, x) in zip(pictures, _places(columns, width, height), strict=False):
        sheet[y : y + picture.shape[0], x : x + picture.shape[1]] = picture
    return Written(tuple(text for text, _ in pictures), width, height, columns, _png(sheet))


def _unpacked(written: Written, file: Path) -> tuple[tuple[str, np.ndarray], ...]:
    sheet = 255 - decoded(written, file)
    places = _places(written.columns, written.width, written.height)
    return tuple(
        (text, sheet[y : y + written.height, x : x + written.width])
        for text, (y, x) in zip(written.texts, places, strict=False)
    )


def _places(columns: int, width: int, height: int) -> Iterable[tuple[int, int]]:
    """Top and left of one picture after the other."""
    number = 0
    while True:
        yield number // columns * height, number % columns * width
        number += 1


def _png(ink: np.ndarray) -> bytes:
    return bytes(cv2.imencode(".png", 255 - ink)[1])
