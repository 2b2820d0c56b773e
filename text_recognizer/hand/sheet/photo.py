"""Finding the sheet in a photograph or scan."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np

from text_recognizer.hand.sheet import faults
from text_recognizer.hand.sheet.boxes import FilledBox, cut_boxes
from text_recognizer.hand.sheet.layout import CHARACTERS, MARK_SIZE, PAPER_SIZES, VERSION, Sheet
from text_recognizer.hand.sheet.printing import MARKS
from text_recognizer.hand.sheet.straighten import contrasts_of, fit_marks, follow_frames, straighten

_FINEST = 5000
"""A picture with a longer side, in pixels, as of a fine scanner, holds nothing that one of this size does not."""
_DETECTION_SIDE = 2400
"""Marks are looked for in a picture with no longer side than this, in pixels."""
_FEWEST_MARKS = 4


@dataclass(frozen=True, eq=False)
class FoundSheet:
    """A sheet found in a photograph.

    Attributes:
        sheet: Which sheet it is.
        picture: uint8 (h, w): the sheet seen from above in even light, paper 255; see :func:`straighten.straighten`.
        boxes: What is in each box of the sheet, in its order.
    """

    sheet: Sheet
    picture: np.ndarray
    boxes: tuple[FilledBox, ...]


def find_sheet(photo: np.ndarray, characters: str = CHARACTERS) -> FoundSheet:
    """Find the filled-in sheet in a photograph and cut its boxes.

    Args:
        photo: uint8 (h, w) or (h, w, 3), red first; any way up.
        characters: What the sheet asks for.

    Raises:
        UserError: If the photograph cannot be used: it is too small, dark or blurred, shows a part of the sheet,
            another document or an empty sheet. The message says which, and how to take a better one.
    """
    grey = _shrunk(cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY) if photo.ndim == 3 else photo, _FINEST)
    marks = _find_marks(grey)
    if not marks.places:
        raise faults.without_marks(grey)
    version, paper = divmod(marks.kind, len(PAPER_SIZES))
    if version + 1 != VERSION:
        raise faults.of_another_version()
    sheet = Sheet(list(PAPER_SIZES)[paper], characters)
    points = np.concatenate([_corners(sheet, place) for place in marks.places])
    warp = fit_marks(points, np.concatenate(marks.corners)) if len(marks.places) >= _FEWEST_MARKS else None
    if warp is None:
        raise faults.with_few_marks(marks.places)
    faults.check_place(warp, grey)
    warp, contrasts = follow_frames(grey, warp, sheet)
    faults.check_frames(contrasts)
    picture = straighten(grey, warp)
    faults.check_alphabet(contrasts, contrasts_of(picture, sheet.further_boxes), len(characters))
    boxes = cut_boxes(picture, sheet)
    faults.check_filled([box.state != "empty" for box in boxes])
    return FoundSheet(sheet, picture, boxes)


class _FoundMarks(NamedTuple):
    """Marks: the kind of sheet, counted over versions and papers, their places, and corners (4, 2) in pixels."""

    kind: int
    places: list[int]
    corners: list[np.ndarray]


def _find_marks(grey: np.ndarray) -> _FoundMarks:
    """The marks of the kind of sheet of which most are in the picture."""
    small = _shrunk(grey, _DETECTION_SIDE)
    scale = small.shape[0] / grey.shape[0]
    parameters = cv2.aruco.DetectorParameters()
    parameters.cornerRefinementMethod = cv2.aruco.CORNER_REFINE_SUBPIX
    corners, numbers, _ = cv2.aruco.ArucoDetector(MARKS, parameters).detectMarkers(small)
    if numbers is None:
        return _FoundMarks(0, [], [])
    kinds, places = np.divmod(numbers.ravel(), len(Sheet().marks))
    kind = int(np.bincount(kinds).argmax())
    own = np.flatnonzero(kinds == kind)
    found = [(corners[i][0].astype(float) + 0.5) / scale - 0.5 for i in own.tolist()]
    return _FoundMarks(kind, places[own].tolist(), found)


def _corners(sheet: Sheet, place: int) -> np.ndarray:
    """Corners of a mark in the field, clockwise from the left top, float64 (4, 2), in mm."""
    mark = sheet.marks[place]
    return np.array([(mark.x + MARK_SIZE * x, mark.y + MARK_SIZE * y) for x, y in ((0, 0), (1, 0), (1, 1), (0, 1))])


def _shrunk(grey: np.ndarray, side: int) -> np.ndarray:
    """A picture whose longer side is no longer than ``side``."""
    scale = min(1.0, side / max(grey.shape))
    return cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else grey
