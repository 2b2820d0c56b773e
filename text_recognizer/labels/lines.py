"""A labelled line, its picture, and what is wrong with a folder of such lines."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Literal

import cv2
import numpy as np

from text_recognizer.errors import UserError, printable
from text_recognizer.files import is_special
from text_recognizer.imaging.pictures import load_picture

Part = Literal["train", "val", "test"]
PARTS: dict[str, Part] = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "dev": "val",
    "test": "test",
    "testing": "test",
    "eval": "test",
}
"""What people call the parts of their data."""
_NAMED = 5
_REACH = 0.06
"""Of a polygon's height: what is left of the page around it."""


@dataclass(frozen=True)
class Outline:
    """Where a line is on its page.

    Attributes:
        points: float (N, 2), x and y, N at least 2: of two points, the corners of an upright box.
        page: (width, height) of the page in the units of the points; None where they are pixels.
    """

    points: tuple[tuple[float, float], ...]
    page: tuple[float, float] | None = None


@dataclass(frozen=True)
class LabelledLine:
    """A line of writing and its text.

    Attributes:
        name: What to call it: the file within its folder, with the line's name where a file has several.
        picture: File of its picture, or of the page that it is on.
        text: What is written, in one line, not empty.
        groups: What else the labels say of it, by column: writer, style, ...
        outline: Where it is on the page; None where the picture is of the line alone.
        part: The part of the data that the labels put it in.
    """

    name: str
    picture: Path
    text: str
    groups: Mapping[str, str] = field(default_factory=dict)
    outline: Outline | None = None
    part: Part | None = None

    def load(self) -> np.ndarray:
        """Its picture, uint8 (h, w) grey; of a page what is within its outline, on paper.

        Raises:
            UserError: If the picture cannot be read, or the outline is not on it; the message names the line.
        """
        if self.outline is None:
            return load_picture(self.picture)
        return _cut_out(_page(self.picture), self.outline, self.name)


@dataclass
class Labels:
    """What was found in a folder.

    Attributes:
        folder: Where.
        form: In which form, in words.
        lines: The lines that are of use, in a settled order.
        faults: A sentence for everything that was left out or read otherwise than it stands.
    """

    folder: Path
    form: str
    lines: list[LabelledLine] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def blame(self, what: str, names: Iterable[str]) -> None:
        """Note what was done with the lines or files ``names`` and why; nothing where there are none."""
        names = list(names)
        if names:
            self.faults.append(f"{what} ({len(names):,}): {listed(names)}.")


def listed(names: Iterable[str]) -> str:
    """The first few names, and how many more there are."""
    names = list(names)
    more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def within(folder: Path, file: Path) -> str:
    """A file's name as it is in a folder, what is no UTF-8 in it escaped; its whole path where it is not there."""
    return printable((file.relative_to(folder) if file.is_relative_to(folder) else file).as_posix())


def files_named(folder: Path, pattern: str, *, deep: bool = True) -> list[Path]:
    """What is in a folder, or if ``deep`` below it, by name, in order; not a pipe or device, which may never end."""
    return sorted(file for file in (folder.rglob if deep else folder.glob)(pattern) if not is_special(file))


def is_there(file: Path) -> bool:
    """Whether there is such a file; not if its name is longer than any file's can be."""
    with suppress(OSError):
        return file.is_file()
    return False


@lru_cache(maxsize=2)
def _page(file: Path) -> np.ndarray:
    return load_picture(file)


def _cut_out(page: np.ndarray, outline: Outline, name: str) -> np.ndarray:
    height, width = page.shape
    points = np.array(outline.points, np.float64)
    if outline.page is not None:
        points *= (width / outline.page[0], height / outline.page[1])
    if np.isnan(points).any():
        raise UserError(f"{name}: its outline has points that are no numbers.")
    points = np.clip(points, (-width, -height), (2 * width, 2 * height))
    if len(points) == 2:
        (x0, y0), (x1, y1) = points
        points = np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)])
    reach = max(1, round(_REACH * float(np.ptp(points[:, 1]))))
    left, top = np.maximum(np.floor(points.min(0)).astype(int) - reach, 0)
    right, bottom = np.minimum(np.ceil(points.max(0)).astype(int) + reach + 1, (width, height))
    if right - left < 2 or bottom - top < 2:
        raise UserError(f"{name}: its outline is not on the page of {width} x {height} pixels.")
    mask = np.zeros((bottom - top, right - left), np.uint8)
    cv2.fillPoly(mask, [np.rint(points - (left, top)).astype(np.int32)], 1)
    mask = cv2.dilate(mask, np.ones((2 * reach + 1, 2 * reach + 1), np.uint8))
    part = page[top:bottom, left:right]
    return np.where(mask > 0, part, np.uint8(np.median(part[mask > 0]))).astype(np.uint8)
