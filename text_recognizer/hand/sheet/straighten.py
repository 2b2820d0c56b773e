"""Straightening a photograph of a sheet: tilt by its marks, curl by the frames of its boxes, light by its paper."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from text_recognizer.hand.sheet.layout import FIELD_HEIGHT, FIELD_WIDTH, Box, Sheet

PIXELS_PER_MM = 8
"""Of straightened pictures and of what is cut from them."""
MARGIN = 4.0
"""Of a straightened picture around the field, in mm."""

_PIECE = 8.0
"""Frames are looked for in pieces of about this length, in mm."""
_SEARCHES = ((2.2, 3), (0.8, 4), (0.4, 5))
"""How far from its place a frame is looked for, in mm, and the degree of the polynomial through what was found."""
_CLOSING = 3.0
"""Wider than any stroke, narrower than a shadow, in mm."""


@dataclass(frozen=True, eq=False)
class Warp:
    """Where a point of the field is in the photograph: a plane's perspective after a polynomial for what is not plane.

    Attributes:
        homography: float64 (3, 3), mm of the field to pixels of the photograph.
        bend: float64 (T, 2), coefficients of the displacement in mm, x and y, before that.
    """

    homography: np.ndarray
    bend: np.ndarray

    def __call__(self, points: np.ndarray) -> np.ndarray:
        """Pixels of the photograph, float64 (N, 2), of points of the field in mm, (N, 2)."""
        bent = points + _terms(points, len(self.bend)) @ self.bend
        return _projected(bent, self.homography)

    def back(self, pixels: np.ndarray) -> np.ndarray:
        """Points of the field in mm, as if it were plane."""
        return _projected(pixels, np.linalg.inv(self.homography))

    def bent_by(self, points: np.ndarray, offsets: np.ndarray, axes: np.ndarray, degree: int) -> Warp:
        """A warp that also moves ``points`` (N, 2) by ``offsets`` (N,) along ``axes`` (N,), fitted robustly."""
        bend = np.zeros(((degree + 1) * (degree + 2) // 2, 2))
        bend[: len(self.bend)] = self.bend
        for axis in (0, 1):
            own = axes == axis
            bend[:, axis] += _robust_fit(_terms(points[own], len(bend)), offsets[own])
        return replace(self, bend=bend)


def fit_marks(points: np.ndarray, pixels: np.ndarray) -> Warp | None:
    """The warp that takes corners of marks, (N, 2) in mm, to where they were found, (N, 2); None if none does."""
    size = np.sqrt(cv2.contourArea(pixels[:4].astype(np.float32)) / cv2.contourArea(points[:4].astype(np.float32)))
    homography, inliers = cv2.findHomography(points, pixels, cv2.RANSAC, 6.0 * size)
    if homography is None:
        return None
    good = inliers[:, 0] > 0
    plane = Warp(homography, np.zeros((1, 2)))
    terms = _terms(points[good], 6)
    stiffness = np.diag([1e-6, 1e-6, 1e-6, 0.05, 0.05, 0.05])
    return replace(
        plane, bend=np.linalg.solve(terms.T @ terms + stiffness, terms.T @ (plane.back(pixels[good]) - points[good]))
    )


def follow_frames(photo: np.ndarray, warp: Warp, sheet: Sheet) -> tuple[Warp, np.ndarray]:
    """Bend a warp until the frames of the boxes are where they belong.

    Returns:
        The warp, and how much darker than its surroundings each piece of the frames is, float64 (N,), 0 to 1.
    """
    pieces = _frame_pieces(sheet.boxes)
    for reach, degree in _SEARCHES:
        darkness = 1 - straighten(photo, warp) / np.float32(255)
        offsets, contrasts = _find_pieces(darkness, pieces, reach)
        found = contrasts > 0.3 * np.median(contrasts)
        warp = warp.bent_by(pieces[found, :2], offsets[found], pieces[found, 2].astype(int), degree)
    return warp, contrasts


def contrasts_of(picture: np.ndarray, boxes: Sequence[Box]) -> np.ndarray:
    """How much darker than its surroundings each piece of the frames of boxes is, float64 (N,), 0 to 1.

    ``picture`` is straightened, uint8 (h, w), as :func:`straighten` gives it.
    """
    if not boxes:
        return np.empty(0)
    darkness = 1 - picture / np.float32(255)
    return _find_pieces(darkness, _frame_pieces(boxes), _SEARCHES[-1][0])[1]


def straighten(photo: np.ndarray, warp: Warp) -> np.ndarray:
    """The field seen from above in even light, with its margin: uint8, paper 255, ``PIXELS_PER_MM``."""
    width, height = (round((side + 2 * MARGIN) * PIXELS_PER_MM) for side in (FIELD_WIDTH, FIELD_HEIGHT))
    step = 8
    x, y = np.meshgrid(*(np.arange(0, side + step, step) for side in (width, height)))
    points = (np.stack([x.ravel(), y.ravel()], axis=1) + 0.5) / PIXELS_PER_MM - MARGIN
    coarse = (warp(points) - 0.5).astype(np.float32).reshape(*x.shape, 2)
    maps = _between(coarse, step)[:height, :width]
    picture = cv2.remap(photo, maps[..., 0], maps[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return _in_even_light(picture)


def _between(coarse: np.ndarray, step: int) -> np.ndarray:
    """Bilinear values at every pixel of values at every ``step``-th, (h, w, 2)."""
    rows, columns = coarse.shape[:2]
    shrink = np.array([[1 / step, 0, 0], [0, 1 / step, 0]])
    size = ((columns - 1) * step + 1, (rows - 1) * step + 1)
    return cv2.warpAffine(coarse, shrink, size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)


def _in_even_light(picture: np.ndarray) -> np.ndarray:
    """Divide by the paper's brightness, which is what stays when dark strokes are closed."""
    small = cv2.resize(picture, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    size = round(_CLOSING * PIXELS_PER_MM / 4) | 1
    paper = cv2.morphologyEx(
        cv2.medianBlur(small, 3), cv2.MORPH_CLOSE, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    )
    paper = cv2.resize(cv2.GaussianBlur(paper, (0, 0), size / 3), picture.shape[::-1], interpolation=cv2.INTER_LINEAR)
    return cv2.divide(picture, np.maximum(paper, 1), scale=255)


def _frame_pieces(boxes: Sequence[Box]) -> np.ndarray:
    """Pieces of the frames, float64 (N, 4): middle x and y, the axis across (0 if upright), half length; in mm."""
    pieces = set()
    for box in boxes:
        count = round(box.width / _PIECE) or 1
        for x in (box.x, box.x + box.width):
            pieces.add((round(x, 3), round(box.y + box.height / 2, 3), 0, box.height / 2))
        for y in (box.y, box.y + box.height):
            for k in range(count):
                pieces.add((box.x + (k + 0.5) * box.width / count, y, 1, box.width / count / 2))
    return np.array(sorted(pieces))


def _find_pieces(darkness: np.ndarray, pieces: np.ndarray, reach: float) -> tuple[np.ndarray, np.ndarray]:
    """How far each piece of a frame is from its place, in mm, and how much darker than what is around it.

    A frame is dark all along, writing only here and there, so a low quantile along the piece tells them apart.
    """
    offsets, contrasts = np.empty(len(pieces)), np.empty(len(pieces))
    steps = np.arange(-round(reach * PIXELS_PER_MM), round(reach * PIXELS_PER_MM) + 1)
    along = np.linspace(-0.8, 0.8, 25)
    for axis in (0, 1):
        own = pieces[:, 2] == axis
        x, y = ((pieces[own, k] + MARGIN) * PIXELS_PER_MM - 0.5 for k in (0, 1))
        run = pieces[own, 3, None] * PIXELS_PER_MM * along
        across, lengthwise = (x, y) if axis == 0 else (y, x)
        first = (across[:, None] + steps)[:, :, None] + 0 * run[:, None]
        second = (lengthwise[:, None] + run)[:, None] + 0 * first
        map_x, map_y = (first, second) if axis == 0 else (second, first)
        shape = (len(x) * len(steps), len(along))
        values = cv2.remap(
            darkness, map_x.reshape(shape).astype(np.float32), map_y.reshape(shape).astype(np.float32), cv2.INTER_LINEAR
        )
        profiles = np.quantile(values.reshape(len(x), len(steps), -1), 0.25, axis=2)
        offsets[own], contrasts[own] = _peaks(profiles)
    return offsets / PIXELS_PER_MM, contrasts


def _peaks(profiles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Place of the highest value of each profile from its middle, between samples, and its height above the median."""
    smooth = cv2.GaussianBlur(profiles, (5, 1), 1.0)
    best = np.clip(smooth.argmax(1), 1, profiles.shape[1] - 2)
    rows = np.arange(len(smooth))
    before, here, after = (smooth[rows, best + k] for k in (-1, 0, 1))
    shift = (before - after) / np.minimum(2 * (before - 2 * here + after), -1e-9)
    return best + np.clip(shift, -0.5, 0.5) - profiles.shape[1] // 2, profiles.max(1) - np.median(profiles, 1)


def _projected(points: np.ndarray, homography: np.ndarray) -> np.ndarray:
    return np.asarray(cv2.perspectiveTransform(points[None], homography)[0])


def _terms(points: np.ndarray, count: int) -> np.ndarray:
    """The first ``count`` products of powers of x and y, by degree, (N, count); points in mm are brought to -1 to 1."""
    u = 2 * points[:, 0] / FIELD_WIDTH - 1
    v = 2 * points[:, 1] / FIELD_HEIGHT - 1
    powers = ((degree - k, k) for degree in range(count) for k in range(degree + 1))
    return np.stack([u**a * v**b for (a, b), _ in zip(powers, range(count), strict=False)], axis=1)


def _robust_fit(terms: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Least squares that give up on outliers (iterated, Tukey's weights)."""
    weights = np.ones(len(values))
    ridge = 1e-3 * np.eye(terms.shape[1])
    for _ in range(8):
        weighted = terms * weights[:, None]
        solution = np.linalg.solve(weighted.T @ terms + ridge, weighted.T @ values)
        residuals = np.abs(values - terms @ solution)
        scale = 4.685 * max(1.48 * float(np.median(residuals)), 0.02)
        weights = np.clip(1 - (residuals / scale) ** 2, 0, 1) ** 2
    return solution
