"""Pictures of what a model got right and wrong."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from text_recognizer.alphabet import Alphabet
from text_recognizer.data.figures import DPI, characters_figure, lines_figure

INK_LEVEL = 100


def confusion_figure(confusion: np.ndarray, alphabet: Alphabet) -> Figure:
    """A confusion matrix, counts (C, C) with true classes in rows, which are scaled to shares.

    Classes that neither occur nor are predicted are left out, unless these are all.
    """
    used = confusion.sum(axis=0) + confusion.sum(axis=1) > 0
    shown = np.flatnonzero(used | ~used.any())
    counts = confusion[np.ix_(shown, shown)].astype(float)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    tokens = [alphabet[int(index)] for index in shown]
    figure = Figure(figsize=(0.16 * len(tokens) + 2, 0.16 * len(tokens) + 2), layout="constrained", dpi=DPI)
    axes = figure.subplots()
    picture = axes.imshow(np.sqrt(shares), cmap="magma", vmin=0, vmax=1)
    axes.set_xticks(range(len(tokens)), tokens, fontsize=7, parse_math=False)
    axes.set_yticks(range(len(tokens)), tokens, fontsize=7, parse_math=False)
    axes.set(xlabel="predicted", ylabel="true", title="Confusion (square root of the share of the true class)")
    figure.colorbar(picture, shrink=0.6)
    return figure


def line_readings_figure(images: np.ndarray, readings: Sequence[str], references: Sequence[str]) -> Figure:
    """Lines, uint8 (B, H, W) with ink 255, each under what was read in it: green if right, else red with the truth."""
    captions, colors = _judged(readings, references, "      written: ")
    return lines_figure(images, [f"read: {caption}" for caption in captions], colors=colors)


def character_readings_figure(images: np.ndarray, readings: Sequence[str], references: Sequence[str]) -> Figure:
    """Characters, uint8 (B, H, W) with ink 255, captioned like the lines of :func:`line_readings_figure`."""
    captions, colors = _judged(readings, references, " / ")
    return characters_figure(images, captions, colors=colors)


def _judged(readings: Sequence[str], references: Sequence[str], but: str) -> tuple[list[str], list[str]]:
    pairs = list(zip(readings, references, strict=True))
    captions = [reading if reading == reference else f"{reading}{but}{reference}" for reading, reference in pairs]
    return captions, ["green" if reading == reference else "firebrick" for reading, reference in pairs]


def braille(image: np.ndarray) -> str:
    """A picture, uint8 (H, W) with ink 255, as lines of braille characters: each dot stands for 2x2 pixels."""
    height, width = (size + (-size) % multiple for size, multiple in zip(image.shape, (8, 4), strict=True))
    padded = np.pad(image, ((0, height - image.shape[0]), (0, width - image.shape[1])))
    dots = padded.reshape(height // 2, 2, width // 2, 2).mean(axis=(1, 3)) > INK_LEVEL
    cells = dots.reshape(height // 8, 4, width // 4, 2)  # rows, dot rows, columns, dot columns
    bits = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]])
    codes = (cells * bits[None, :, None, :]).sum(axis=(1, 3))
    return "\n".join("".join(chr(0x2800 + code) for code in row).rstrip("\u2800") for row in codes)
