"""Pictures of what a model got right and wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from text_recognizer.alphabet import Alphabet
from text_recognizer.files import replacing


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
