"""The sheet that a person fills in: where its boxes, marks and guides are, in millimetres.

Both papers hold the same field of boxes, centred, so a photograph is understood without knowing the size of the paper,
and a sheet that was printed smaller or larger is understood as well. Eight square marks (ArUco, Garrido-Jurado et al.
2014) say where the field is, which way up, and by their numbers which sheet it is.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal, get_args

from text_recognizer.alphabet import DIGITS
from text_recognizer.errors import UsageError
from text_recognizer.files import read_text

Paper = Literal["A4", "Letter"]
PAPER_SIZES: dict[Paper, tuple[float, float]] = {"A4": (210.0, 297.0), "Letter": (215.9, 279.4)}
"""Width and height, in mm."""

VERSION = 1
"""Of the layout below; a sheet of another version has other marks."""
FIELD_WIDTH, FIELD_HEIGHT = 190.0, 258.0
"""What marks and boxes cover."""
MARK_SIZE = 12.0
BOX_WIDTH, BOX_HEIGHT = 7.5, 10.0
COPIES = 4
"""Boxes of each character."""
BASELINE = 6.9
"""From the top of a box to the line to write on."""
X_HEIGHT = 2.8
"""From that line up to the line that small letters reach."""

SMALL, CAPITALS = "abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
SIGNS = {
    ".": "full stop",
    ",": "comma",
    ":": "colon",
    ";": "semicolon",
    "!": "exclamation mark",
    "?": "question mark",
    "'": "apostrophe",
    '"': "quotation mark",
    "-": "hyphen",
    "(": "opening bracket",
    ")": "closing bracket",
    "/": "slash",
    "&": "and",
    "#": "number sign",
    "*": "star",
    "+": "plus",
}
CHARACTERS = SMALL + CAPITALS + DIGITS + "".join(SIGNS)
"""What the sheet of a hand asks for. A sheet of another script asks for at most as many."""
PHRASES = (
    ("Meet me at 12:30", "Zoe's flat, #47B"),
    ("The quick brown fox jumps", "over a lazy dog. Why not?"),
    ("Pack my box with 5 dozen", "jugs of quince & vinegar!"),
    ("Dr. Fox (aged 68)", "Very well, I quit"),
)
"""What is copied, row by row; the first and the last row lie between marks."""

_HEADER = 17.0
_ROW = 14.2
_LABEL = 3.6
_GROUPS = 6
_ROWS_ABOVE = 7
_GAP = 2.5


@dataclass(frozen=True)
class Box:
    """A box to write in.

    Attributes:
        text: What belongs into it: one character, or words to copy.
        x, y: Its left top corner in the field, in mm.
        width, height: Its size, in mm.
    """

    text: str
    x: float
    y: float
    width: float
    height: float = BOX_HEIGHT

    @property
    def baseline(self) -> float:
        """Where the line to write on is in the field, in mm."""
        return self.y + BASELINE


@dataclass(frozen=True)
class Mark:
    """A square mark: its place among the marks, and its left top corner in the field, in mm."""

    place: int
    x: float
    y: float


@dataclass(frozen=True)
class Sheet:
    """One sheet of paper.

    Attributes:
        paper: Its size.
        characters: What it asks for, each once; a sheet of others than ``CHARACTERS`` has no words to copy.

    Raises:
        UsageError: If there is no such paper, or the characters do not fit on it or cannot be written.
    """

    paper: Paper = "A4"
    characters: str = CHARACTERS

    def __post_init__(self) -> None:
        check_characters(self.characters)
        if self.paper not in PAPER_SIZES:
            raise UsageError(f"paper is {self.paper!r}, but must be one of {', '.join(get_args(Paper))}.")

    @property
    def name(self) -> str:
        """What is printed on it, such as ``sheet 1-A4``."""
        return f"sheet {VERSION}-{self.paper}"

    @property
    def size(self) -> tuple[float, float]:
        """Width and height of the paper, in mm."""
        return PAPER_SIZES[self.paper]

    @property
    def origin(self) -> tuple[float, float]:
        """Where the field begins on the paper, in mm from the left and from the top."""
        width, height = self.size
        return (width - FIELD_WIDTH) / 2, (height - FIELD_HEIGHT) / 2

    @cached_property
    def boxes(self) -> tuple[Box, ...]:
        """All boxes: ``COPIES`` of each character, then the words to copy."""
        return (*_character_boxes(self.characters), *(_phrase_boxes() if self.characters == CHARACTERS else ()))

    @property
    def further_boxes(self) -> tuple[Box, ...]:
        """The boxes that a sheet of one more character would have, if there is room for them."""
        count = len(self.characters)
        return tuple(_character_boxes(CHARACTERS)[COPIES * count : COPIES * (count + 1)])

    @cached_property
    def marks(self) -> tuple[Mark, ...]:
        """All marks, ordered by their place."""
        right, middle = FIELD_WIDTH - MARK_SIZE, (FIELD_WIDTH - MARK_SIZE) / 2
        corners = [(0.0, 0.0), (right, 0.0)]
        rows = [_row_top(_ROWS_ABOVE), _row_top(_last_row())]
        corners += [(x, y + _LABEL + BOX_HEIGHT - MARK_SIZE) for y in rows for x in (0.0, middle, right)]
        return tuple(Mark(place, x, y) for place, (x, y) in enumerate(corners))

    def mark_number(self, mark: Mark) -> int:
        """The number in the ArUco dictionary that a mark shows on this paper."""
        kind = (VERSION - 1) * len(PAPER_SIZES) + list(PAPER_SIZES).index(self.paper)
        return kind * len(self.marks) + mark.place


def name_of(character: str) -> str:
    """How a character is called where its form does not say it, as small c and capital C."""
    if character in SIGNS:
        return SIGNS[character]
    if character in CHARACTERS:
        return "small" if character in SMALL else "capital" if character in CAPITALS else "digit"
    words = unicodedata.name(character, f"U+{ord(character):04X}").lower().split()
    return " ".join(words[1:] if len(words) > 2 else words).replace("letter ", "")


def characters_of(alphabet: str) -> str:
    """The characters that a sheet asks for.

    Args:
        alphabet: The characters themselves, or the name of a UTF-8 text file that holds them; white space is ignored.

    Raises:
        UserError: If the file cannot be read.
        UsageError: If no sheet can ask for them.
    """
    if Path(alphabet).suffix.lower() == ".txt":
        alphabet = read_text(alphabet)
    characters = "".join(unicodedata.normalize("NFC", alphabet).split())
    check_characters(characters)
    return characters


def check_characters(characters: str) -> None:
    """Check that a sheet can ask for these characters.

    Raises:
        UsageError: If there are none or too many, one is there twice, or one is no visible character.
    """
    if not 1 <= len(characters) <= len(CHARACTERS):
        raise UsageError(f"A sheet has room for 1 to {len(CHARACTERS)} characters, but {len(characters)} are given.")
    if twice := sorted({one for one in characters if characters.count(one) > 1}):
        raise UsageError(f"Characters of a sheet differ, but {', '.join(map(repr, twice))} is given twice.")
    if unseen := [one for one in characters if not one.isprintable() or one.isspace() or unicodedata.combining(one)]:
        raise UsageError(
            f"Characters of a sheet stand alone and are visible, but {', '.join(map(ascii, unseen))} is not."
        )


def _row_top(row: int) -> float:
    return _HEADER + row * _ROW


def _last_row() -> int:
    return len(CHARACTERS) // _GROUPS + len(PHRASES) - 1


def _character_boxes(characters: str) -> list[Box]:
    boxes = []
    for i, character in enumerate(characters):
        row, group = divmod(i, _GROUPS)
        x = group * (FIELD_WIDTH + FIELD_WIDTH / _GROUPS - COPIES * BOX_WIDTH) / _GROUPS
        y = _row_top(row + (row >= _ROWS_ABOVE)) + _LABEL
        boxes += [Box(character, x + copy * BOX_WIDTH, y, BOX_WIDTH) for copy in range(COPIES)]
    return boxes


def _phrase_boxes() -> list[Box]:
    boxes = []
    rows = [_ROWS_ABOVE, *range(_last_row() - len(PHRASES) + 2, _last_row() + 1)]
    for phrases, row in zip(PHRASES, rows, strict=True):
        margin = MARK_SIZE + _GAP if row in (_ROWS_ABOVE, _last_row()) else 0.0
        between = 2 * _GAP + MARK_SIZE if margin else _GAP
        width = (FIELD_WIDTH - 2 * margin - between) / 2
        starts = (margin, margin + width + between)
        boxes += [Box(text, x, _row_top(row) + _LABEL, width) for text, x in zip(phrases, starts, strict=True)]
    return boxes
