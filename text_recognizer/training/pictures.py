"""Pictures of what a model got right and wrong."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from text_recognizer.alphabet import Alphabet
from text_recognizer.files import replacing

INK_LEVEL = 100


def save_confusion_matrix(confusion: np.ndarray, alphabet: Alphabet, path: str | Path) -> None:
    """Save a confusion matrix, counts (C, C) with true classes in rows, as a PNG; rows are scaled to shares.

    Classes that neither occur nor are predicted are left out.
    """
    shown = np.flatnonzero(confusion.sum(axis=0) + confusion.sum(axis=1))
    counts = confusion[np.ix_(shown, shown)].astype(float)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    tokens = [alphabet[int(index)] for index in shown]
    figure = Figure(figsize=(0.16 * len(tokens) + 2, 0.16 * len(tokens) + 2), layout="constrained")
    axes = figure.subplots()
    picture = axes.imshow(np.sqrt(shares), cmap="magma", vmin=0, vmax=1)
    axes.set_xticks(range(len(tokens)), tokens, fontsize=7)
    axes.set_yticks(range(len(tokens)), tokens, fontsize=7)
    axes.set(xlabel="predicted", ylabel="true", title="Confusion (square root of the share of the true class)")
    figure.colorbar(picture, shrink=0.6)
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=120)


def save_readings(images: np.ndarray, readings: Sequence[str], references: Sequence[str], path: str | Path) -> None:
    """Save line images, uint8 (B, H, W) with ink 255, each over what was read (green if right), as a PNG."""
    height, width = images.shape[1:]
    figure = Figure(figsize=(9, len(images) * (9 * height / width + 0.5)), layout="constrained")
    for axes, image, reading, reference in zip(
        figure.subplots(len(images), squeeze=False).flat, images, readings, references, strict=True
    ):
        right = reading == reference
        axes.imshow(255 - image, cmap="gray", vmin=0, vmax=255)
        axes.set_axis_off()
        caption = f"read: {reading}" if right else f"read: {reading}      written: {reference}"
        axes.set_title(
            caption, loc="left", y=-0.35, fontsize=12, color="green" if right else "firebrick", parse_math=False
        )
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=110)


def braille(image: np.ndarray) -> str:
    """A picture, uint8 (H, W) with ink 255, as lines of braille characters: each dot stands for 2x2 pixels."""
    height, width = (size + (-size) % multiple for size, multiple in zip(image.shape, (8, 4), strict=True))
    padded = np.pad(image, ((0, height - image.shape[0]), (0, width - image.shape[1])))
    dots = padded.reshape(height // 2, 2, width // 2, 2).mean(axis=(1, 3)) > INK_LEVEL
    cells = dots.reshape(height // 8, 4, width // 4, 2)  # rows, dot rows, columns, dot columns
    bits = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]])
    codes = (cells * bits[None, :, None, :]).sum(axis=(1, 3))
    return "\n".join("".join(chr(0x2800 + code) for code in row).rstrip("\u2800") for row in codes)
