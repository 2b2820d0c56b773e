"""Figures of characters and lines, to show in a notebook or to save."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from text_recognizer.errors import UsageError
from text_recognizer.files import replacing

FIGURE_SUFFIXES = (".png", ".jpg", ".svg", ".pdf")
DPI = 100
WIDTH = 9.0  # inches, like all sizes here
LARGEST_SCALE = 0.02  # inches per pixel
CELL = 0.45
CAPTION = 0.22
GAP = 0.08
PAD = 0.01
TEXT: dict[str, Any] = {"fontsize": 9, "va": "bottom", "parse_math": False}
BOX: dict[str, Any] = {"facecolor": "tab:orange", "edgecolor": "tab:red", "alpha": 0.25}


def characters_figure(
    images: np.ndarray, labels: Sequence[str], *, columns: int = 16, colors: Sequence[str] | None = None
) -> Figure:
    """Characters in rows, each under its label.

    Args:
        images: uint8 (B, H, W), ink 255.
        labels: What stands above each.
        columns: Characters per row.
        colors: Of the labels; by default black.
    """
    rows = -(-len(images) // columns)
    pitch_x, pitch_y = CELL + GAP, CELL + CAPTION
    canvas = _canvas(pitch_x * columns + GAP, pitch_y * rows + GAP)
    for number, (image, label) in enumerate(zip(images, labels, strict=True)):
        row, column = divmod(number, columns)
        left, top = GAP + column * pitch_x, row * pitch_y + CAPTION
        _show(canvas, image, left, top, CELL / image.shape[1])
        color = colors[number] if colors else "black"
        canvas.text(left + CELL / 2, top - PAD, label, ha="center", color=color, **TEXT)
    figure: Figure = canvas.figure
    return figure


def lines_figure(
    images: Sequence[np.ndarray] | np.ndarray,
    captions: Sequence[str],
    *,
    boxes: Sequence[np.ndarray] | None = None,
    colors: Sequence[str] | None = None,
) -> Figure:
    """Lines below each other at one scale, the largest at which they fit the width.

    Args:
        images: Lines, each uint8 (H, W) with ink 255, of any size.
        captions: What stands above each; an empty one takes no room.
        boxes: First column and the one after the last, (L, 2), of what is marked on each line; (0, 0) marks nothing.
        colors: Of the captions; by default black.
    """
    scale = min(LARGEST_SCALE, WIDTH / max(image.shape[1] for image in images))
    captioned = [CAPTION * bool(caption) for caption in captions]
    heights = [len(image) * scale for image in images]
    canvas = _canvas(WIDTH + 2 * GAP, sum(captioned) + sum(heights) + GAP * (len(images) + 1))
    top = 0.0
    for number, (image, caption) in enumerate(zip(images, captions, strict=True)):
        top += captioned[number]
        _show(canvas, image, GAP, top, scale)
        canvas.text(GAP, top - PAD, caption, color=colors[number] if colors else "black", **TEXT)
        for x0, x1 in boxes[number] * scale if boxes is not None else ():
            if x1 > x0:
                canvas.add_patch(Rectangle((GAP + x0, top), x1 - x0, heights[number], **BOX))
        top += heights[number] + GAP
    figure: Figure = canvas.figure
    return figure


def class_sizes_figure(sizes: np.ndarray, labels: Sequence[str]) -> Figure:
    """How many examples each class has, integers (C,), as bars, with their mean."""
    figure = Figure(figsize=(WIDTH, 2.6), layout="constrained", dpi=DPI)
    axes = figure.subplots()
    axes.bar(range(len(sizes)), sizes)
    axes.axhline(sizes.mean(), color="tab:red", linewidth=1, label=f"mean {sizes.mean():,.0f}")
    axes.set_xticks(range(len(sizes)), labels, fontsize=7, parse_math=False)
    axes.set(xlim=(-1, len(sizes)), ylabel="examples")
    axes.legend()
    return figure


def check_figure_name(path: str | Path, flag: str) -> None:
    """Check where a figure is to go, before work begins.

    Raises:
        UsageError: If the name does not end as that of a picture; it calls it by its ``flag``.
    """
    if Path(path).suffix.lower() not in FIGURE_SUFFIXES:
        raise UsageError(f"{flag} is {str(path)!r}, but must end in {', '.join(FIGURE_SUFFIXES)}.")


def save_figure(figure: Figure, path: str | Path) -> None:
    """Save a figure, whole or not at all."""
    with replacing(path) as temporary:
        figure.savefig(temporary)


def _canvas(width: float, height: float) -> Any:
    """Axes that fill a new figure, in inches from its upper left corner: one for all pictures, as each costs time."""
    figure = Figure(figsize=(width, height), dpi=DPI)
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, width), ylim=(height, 0), autoscale_on=False)
    axes.set_axis_off()
    return axes


def _show(canvas: Any, image: np.ndarray, left: float, top: float, scale: float) -> None:
    height, width = (size * scale for size in image.shape)
    extent = (left, left + width, top + height, top)
    canvas.imshow(255 - image, cmap="gray", vmin=0, vmax=255, aspect="auto", extent=extent)
