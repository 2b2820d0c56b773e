"""What confidences are worth: do they mean what they say, and what does rejecting the least sure lines gain?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

BINS = 10
KEPT = (1.0, 0.98, 0.95, 0.9, 0.8, 0.7, 0.6, 0.5)
"""Shares of the lines that are kept."""


@dataclass(frozen=True)
class Bin:
    """Readings of similar confidence: how many, their mean confidence, and how right they are, from 0 to 1."""

    count: int
    confidence: float
    right: float


@dataclass(frozen=True)
class Kept:
    """Lines that are kept where the others, less sure, are rejected.

    Attributes:
        share: Of the lines, from 0 to 1.
        threshold: Their least confidence.
        cer: Their character error rate.
        exact: The share of them that is right to the letter.
    """

    share: float
    threshold: float
    cer: float
    exact: float


def reliability(confidences: Sequence[float], right: Sequence[float]) -> list[Bin]:
    """Confidences in ``BINS`` equal steps from 0 to 1, those that occur, beside how right (0 to 1) they are."""
    sure, shares = np.asarray(confidences, np.float64), np.asarray(right, np.float64)
    steps = np.minimum((sure * BINS).astype(int), BINS - 1)
    return [
        Bin(int(own.sum()), float(sure[own].mean()), float(shares[own].mean()))
        for own in (steps == step for step in range(BINS))
        if own.any()
    ]


def calibration_error(bins: Sequence[Bin]) -> float:
    """How far confidences are from rightness, on average over the readings (expected calibration error)."""
    total = sum(one.count for one in bins)
    return sum(one.count * abs(one.confidence - one.right) for one in bins) / total if total else float("nan")


def rejection(confidences: Sequence[float], counts: np.ndarray) -> list[Kept]:
    """What is left of errors where the least sure lines are rejected.

    Args:
        confidences: Of each line, from 0 to 1.
        counts: int64 (N, 4) of :func:`~text_recognizer.evaluation.measures.error_counts`.
    """
    sure = np.asarray(confidences, np.float64)
    order = np.argsort(-sure, kind="stable")
    kept = []
    for share in KEPT:
        own = order[: max(1, round(share * len(order)))]
        edits, characters = counts[own, 0].sum(), max(1, counts[own, 1].sum())
        kept.append(Kept(share, float(sure[own[-1]]), float(edits / characters), float((counts[own, 0] == 0).mean())))
    return kept
