"""What a photograph of a sheet shows beside the writing: its edges, the desk it lies on, things, boxes by hand."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import cv2
import numpy as np

from text_recognizer.data.synthesis.ink import Ink

_OVERHANG = 400.0  # pixels by which a sheet goes on beyond the picture


def on_desk(
    picture: np.ndarray, sheet: tuple[float, float, float, float], slope: float, rng: np.random.Generator
) -> np.ndarray:
    """A sheet on what it lies on.

    Args:
        picture: uint8 (H, W), paper everywhere.
        sheet: Left, top, right and bottom of the paper in pixels; where it touches the picture it goes on beyond it.
        slope: Of the sheet's lines, in rows per column.
        rng: Decides everything else.

    Returns:
        uint8 (H, W).
    """
    mask = _sheet_mask(picture.shape, sheet, slope, rng)
    light = float(np.percentile(picture, 90))
    desk = _desk(picture.shape, rng) * light * rng.uniform(0.15, 1.05)
    for _ in range(int(rng.integers(0, 5))):
        _put_thing(desk, rng)
    shadow = cv2.GaussianBlur(mask, (0, 0), rng.uniform(2, 9))
    desk *= 1 - rng.uniform(0, 0.6) * np.roll(shadow, rng.integers(-6, 7, 2), (0, 1))
    desk = cv2.GaussianBlur(desk, (0, 0), rng.uniform(0.4, 1.5)) + rng.normal(0, rng.uniform(0.5, 4), picture.shape)
    whole = picture * mask + desk * (1 - mask)
    return np.asarray(np.clip(whole, 0, 255).astype(np.uint8))


def _sheet_mask(
    shape: tuple[int, ...], sheet: tuple[float, float, float, float], slope: float, rng: np.random.Generator
) -> np.ndarray:
    """1 on the sheet and 0 beside it, float32 (H, W), its edge about a pixel wide."""
    height, width = shape
    left, top, right, bottom = sheet
    left, top = left if left > 0 else -_OVERHANG, top if top > 0 else -_OVERHANG
    right, bottom = right if right < width else width + _OVERHANG, bottom if bottom < height else height + _OVERHANG
    corners = np.array([[left, top], [right, top], [right, bottom], [left, bottom]])
    middle = np.array([width / 2, height / 2])
    turned = corners - middle
    turned = turned + np.stack([-slope * turned[:, 1], slope * turned[:, 0]], axis=1) * 0.7
    corners = turned + middle + rng.normal(0, 0.012 * width, (4, 2))
    mask = np.zeros(shape, np.uint8)
    cv2.fillPoly(mask, [np.rint(corners * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    return cv2.GaussianBlur(mask, (0, 0), rng.uniform(0.3, 1.2)).astype(np.float32) / 255


def _desk(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Its brightness, float64 (H, W) about 1: bare, grained like wood, or woven."""
    height, width = shape
    slow = cv2.resize(rng.normal(1, 0.12, (3, 3)), (width, height), interpolation=cv2.INTER_CUBIC)
    kind = rng.random()
    if kind < 0.35:
        return np.asarray(slow)
    if kind < 0.8:
        return np.asarray(slow * (1 + rng.uniform(0.05, 0.35) * _grain(shape, rng)))
    cell = int(rng.integers(2, 7))
    fine = rng.normal(0, 0.25, (height // cell + 1, width // cell + 1))
    return np.asarray(slow * (1 + cv2.resize(fine, (width, height), interpolation=cv2.INTER_LINEAR)))


def _grain(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Wood: noise drawn out along one direction, bent."""
    side = int(1.5 * max(shape))
    across, along = side // int(rng.integers(2, 9)), max(2, side // int(rng.integers(60, 250)))
    noise = cv2.resize(rng.normal(0, 1, (across, along)), (side, side), interpolation=cv2.INTER_CUBIC)
    matrix = cv2.getRotationMatrix2D((side / 2, side / 2), rng.uniform(0, 180), 1.0)
    turned = cv2.warpAffine(noise, matrix, (side, side), borderMode=cv2.BORDER_REFLECT)
    top, left = (side - shape[0]) // 2, (side - shape[1]) // 2
    return np.asarray(turned[top : top + shape[0], left : left + shape[1]])


def _put_thing(desk: np.ndarray, rng: np.random.Generator) -> None:
    """Something with an outline: a board's joint, a cable, a cup, a book."""
    height, width = desk.shape
    tone = float(desk.mean() * rng.choice((rng.uniform(0.1, 0.7), rng.uniform(1.1, 2.0))))
    centre = rng.uniform((0, 0), (width, height))
    size = rng.uniform(0.02, 0.3, 2) * max(height, width)
    kind = rng.integers(4)
    if kind == 0:
        ends = (np.stack([centre - 900 * (way := _direction(rng)), centre + 900 * way]) * 16).astype(np.int32)
        cv2.line(desk, ends[0].tolist(), ends[1].tolist(), tone, int(rng.integers(1, 5)), cv2.LINE_AA, 4)
    elif kind == 1:
        way = np.cumsum(np.cumsum(rng.normal(0, 1.5, (40, 2)), axis=0), axis=0) + centre
        cv2.polylines(desk, [(way * 16).astype(np.int32)], False, tone, int(rng.integers(1, 8)), cv2.LINE_AA, 4)
    elif kind == 2:
        axes = (int(size[0]) + 1, int(size[1]) + 1)
        thickness = -1 if rng.random() < 0.6 else int(rng.integers(1, 6))
        cv2.ellipse(desk, centre.astype(int).tolist(), axes, rng.uniform(0, 180), 0, 360, tone, thickness, cv2.LINE_AA)
    else:
        box = cv2.boxPoints((centre.tolist(), size.tolist(), float(rng.uniform(0, 90))))
        cv2.fillPoly(desk, [box.astype(np.int32)], tone, cv2.LINE_AA)


def _direction(rng: np.random.Generator) -> np.ndarray:
    angle = rng.uniform(0, np.pi)
    return np.array([np.cos(angle), np.sin(angle)])


def boxed(picture: np.ndarray, placed: Sequence[tuple[Ink, np.ndarray]], rng: np.random.Generator) -> np.ndarray:
    """The same sheet with a box drawn by hand around some of its lines, uint8 (H, W).

    Args:
        picture: uint8 (H, W).
        placed: Lines in ink, and the matrices (2, 3) that take them to pixels.
        rng: Decides which lines, and how.
    """
    first = int(rng.integers(len(placed)))
    corners = []
    for ink, matrix in placed[first : first + int(rng.integers(1, 6))]:
        reach = rng.uniform(1.1, 2.0)
        ends = np.array([[-reach, -reach, 1], [ink.width + reach, reach, 1]])
        corners.append(ends @ matrix.T)
    low, high = np.min(corners, axis=(0, 1)), np.max(corners, axis=(0, 1))
    outline = np.array([low, [high[0], low[1]], high, [low[0], high[1]], low])
    outline = outline + rng.normal(0, 2.0, outline.shape)
    steps = np.concatenate([np.linspace(a, b, 12) for a, b in pairwise(outline)])
    steps += rng.normal(0, 0.4, steps.shape)
    drawn = picture.copy()
    tone = float(np.percentile(picture, 2)) + rng.uniform(0, 60)
    width = int(rng.integers(1, 4))
    cv2.polylines(drawn, [(steps * 16).astype(np.int32)], False, tone, width, cv2.LINE_AA, 4)
    return np.asarray(np.minimum(drawn, picture))
