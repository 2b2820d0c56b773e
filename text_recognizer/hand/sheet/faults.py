"""What is wrong with a picture that cannot be used, and how to take a better one."""

from __future__ import annotations

import cv2
import numpy as np

from text_recognizer.errors import UserError
from text_recognizer.hand.sheet.layout import FIELD_HEIGHT, FIELD_WIDTH
from text_recognizer.hand.sheet.straighten import Warp

_SMALLEST_SIDE = 500
"""Of a photograph, in pixels."""
_LOWEST_RESOLUTION = 2.2
"""Pixels a millimetre; below, letters are too small."""
_DARK = 45
"""Grey level of white paper below which noise drowns the ink."""
_STEEPEST_OF_BLURRED = 0.12
"""Steps from pixel to pixel of 1200 along the picture, as a share of its contrast."""
_FAINTEST_FRAMES = 0.04
"""Contrast, from 0 to 1; below, the photograph is blurred."""
_FEWEST_FRAMES = 0.85
"""Share of the frames that must be seen."""
_FEWEST_FILLED = 0.05
"""Share of the boxes that must be filled in; less may be specks."""

_RETAKE = "Take the picture again"
_TOO_DARK = f"The picture is too dark. {_RETAKE} in daylight or under a lamp."
_BLURRED = f"The picture is too blurred. {_RETAKE}: hold still, and tap on the sheet to focus."
_OTHER_BOXES = (
    "Most boxes of this sheet are missing. A sheet of another script is read by hand script, with its alphabet."
)
_PLACES = ("top left", "top right", "middle left", "middle", "middle right", "bottom left", "bottom", "bottom right")


def without_marks(grey: np.ndarray) -> UserError:
    """The error for a picture, uint8 (h, w), in which no mark was found."""
    if min(grey.shape) < _SMALLEST_SIDE:
        return UserError(
            f"The picture is too small: {grey.shape[1]} x {grey.shape[0]} pixels, but at least {_SMALLEST_SIDE} each "
            "way are needed. Send it in its full size."
        )
    scale = min(1.0, 1200 / max(grey.shape))
    small = cv2.GaussianBlur(cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), (0, 0), 1.0)
    dark, bright = np.quantile(small, [0.02, 0.98])
    if bright < 2 * _DARK:
        return UserError(_TOO_DARK)
    steps = np.hypot(cv2.Sobel(small, cv2.CV_32F, 1, 0), cv2.Sobel(small, cv2.CV_32F, 0, 1)) / 8
    if np.quantile(steps, 0.999) < _STEEPEST_OF_BLURRED * (bright - dark):
        return UserError(_BLURRED)
    return UserError(
        "This is not the sheet: none of its eight black squares is in the picture. Print the sheet with "
        f"'text-recognizer hand sheet' and fill it in. If this is it: {_RETAKE.lower()} from above, with all of it in "
        "view."
    )


def with_few_marks(places: list[int]) -> UserError:
    """The error for a picture in which too few marks were found to know where the sheet is."""
    missing = ", ".join(name for place, name in enumerate(_PLACES) if place not in places)
    return UserError(
        f"Only {len(places)} of the sheet's {len(_PLACES)} black squares can be seen; not seen: {missing}. "
        f"{_RETAKE} with the whole sheet in it, sharp, and with nothing lying on it."
    )


def of_another_version() -> UserError:
    """The error for a sheet whose layout is not the present one."""
    return UserError("This is another version of the sheet. Print it again with 'text-recognizer hand sheet'.")


def check_place(warp: Warp, grey: np.ndarray) -> None:
    """Check that all of the sheet is in a picture, large and bright enough.

    Raises:
        UserError: If it is not.
    """
    t = np.linspace(0.02, 0.98, 25)
    edges = {"top": (t, 0 * t), "bottom": (t, 0 * t + 1), "left": (0 * t, t), "right": (0 * t + 1, t)}
    size = np.array([FIELD_WIDTH, FIELD_HEIGHT])
    seen = {side: _inside(warp(np.stack(edge, axis=1) * size), grey).mean() for side, edge in edges.items()}
    if min(seen.values()) < 1:
        lost = [side for side, share in seen.items() if share < 0.5] or [min(seen, key=lambda side: seen[side])]
        raise UserError(
            f"Only a part of the sheet is in the picture; cut off at: {', '.join(lost)}. {_RETAKE} with the whole "
            "sheet in it."
        )
    square = warp(size / 2 + np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)])).astype(np.float32)
    resolution = (cv2.contourArea(square) / 4) ** 0.5
    if resolution < _LOWEST_RESOLUTION:
        raise UserError(
            f"The sheet is too small in the picture: {resolution:.1f} pixels a millimetre, but at least "
            f"{_LOWEST_RESOLUTION} are needed. {_RETAKE} from closer by, and send it in its full size."
        )
    grid = np.stack(np.meshgrid(np.linspace(0, 1, 60), np.linspace(0, 1, 80)), axis=-1).reshape(-1, 2)
    pixels = np.clip(warp(grid * size).round().astype(int), 0, np.array(grey.shape[::-1]) - 1)
    if np.median(grey[pixels[:, 1], pixels[:, 0]]) < _DARK:
        raise UserError(_TOO_DARK)


def check_frames(contrasts: np.ndarray) -> None:
    """Check by the contrast of each piece of the frames, 0 to 1, that the boxes are sharp and in view.

    Raises:
        UserError: If they are not.
    """
    usual = float(np.median(contrasts))
    if usual < _FAINTEST_FRAMES:
        some_are_clear = float(np.quantile(contrasts, 0.96)) > 3 * _FAINTEST_FRAMES
        raise UserError(_OTHER_BOXES if some_are_clear else _BLURRED)
    seen = float(np.mean(contrasts > usual / 4))
    if seen < _FEWEST_FRAMES:
        raise UserError(
            f"Only {seen:.0%} of the boxes' frames can be seen. {_RETAKE} with the sheet flat, nothing on it, and no "
            "sharp shadow or glare."
        )


def check_alphabet(contrasts: np.ndarray, further: np.ndarray, count: int) -> None:
    """Check that the sheet asks for so many characters, by the frames of their boxes and of those that would follow.

    Raises:
        UserError: If there are more boxes.
    """
    if len(further) and float(np.median(further)) > float(np.median(contrasts)) / 2:
        raise UserError(
            f"The sheet has boxes for more than the {count} characters that were given. Give the alphabet that it was "
            "printed for."
        )


def check_filled(filled: list[bool]) -> None:
    """Check by what is known of each box that somebody has written on the sheet.

    Raises:
        UserError: If nobody has.
    """
    if sum(filled) < _FEWEST_FILLED * len(filled):
        raise UserError(
            f"The sheet is empty: of its {len(filled)} boxes {sum(filled)} are filled in. Fill it in with a dark pen."
        )


def _inside(pixels: np.ndarray, grey: np.ndarray) -> np.ndarray:
    return np.asarray(((pixels >= -1) & (pixels <= np.array(grey.shape[::-1]))).all(axis=1))
