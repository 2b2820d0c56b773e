"""Confidences that mean something: of characters with a confidence of 0.9, nine in ten should be right.

A character's confidence is its posterior, calibrated. A line's is the expected share of its characters that are right:
the mean of its characters' confidences, calibrated once more for what they do not know of, characters that were not
read at all. So it does not fall with the length of the line, as the probability that all of it is right does.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

_LARGEST = 100


@dataclass(frozen=True)
class Calibration:
    """Platt scaling of a probability: sigmoid(slope * logit(p) + offset).

    Platt, "Probabilistic outputs for support vector machines", 1999.

    Raises:
        ValueError: If a coefficient is no number from -100 to 100.
    """

    slope: float = 1.0
    offset: float = 0.0

    def __post_init__(self) -> None:
        for value in (self.slope, self.offset):
            if type(value) not in (int, float) or not abs(value) <= _LARGEST:
                raise ValueError(f"A coefficient is {value!r}, but must be a number from -{_LARGEST} to {_LARGEST}.")

    def __call__(self, probability: float) -> float:
        """The calibrated probability, within (0, 1)."""
        exponent = self.slope * float(_logit(probability)) + self.offset
        return 1 / (1 + math.exp(-min(max(exponent, -30.0), 30.0)))


@dataclass(frozen=True)
class Confidence:
    """The calibrations of one decoder.

    Attributes:
        character: From the posterior of a character to the probability that it is right.
        line: From the mean of the characters' calibrated probabilities to the share of the line that is right.
    """

    character: Calibration = Calibration()
    line: Calibration = Calibration()

    def of_line(self, characters: Sequence[float]) -> float:
        """The confidence of a line of characters with these calibrated probabilities; 0 without characters."""
        return self.line(sum(characters) / len(characters)) if characters else 0.0


UNCALIBRATED = Confidence()


def fit_calibration(
    confidences: np.ndarray, right: np.ndarray, weights: np.ndarray | None = None, iterations: int = 50
) -> Calibration:
    """Fit the calibration to held-out readings by Newton's method on the log loss.

    Args:
        confidences: float (N,), raw confidences from 0 to 1.
        right: bool or float (N,), whether each was right, or which share of it.
        weights: float (N,), how much each counts; by default all count once.
        iterations: Newton steps.

    Raises:
        ValueError: If there are no readings, or the arrays differ in length.
    """
    confidences, right = np.asarray(confidences, np.float64), np.asarray(right, np.float64)
    weights = np.ones_like(confidences) if weights is None else np.asarray(weights, np.float64)
    if confidences.size == 0 or not confidences.shape == right.shape == weights.shape:
        raise ValueError("Calibration needs as many judgements as confidences, and at least one.")
    hits, misses = float(weights @ right), float(weights @ (1 - right))
    targets = right * (hits + 1) / (hits + 2) + (1 - right) / (misses + 2)  # Platt's, against overfitting
    features = np.stack([_logit(confidences), np.ones_like(confidences)], axis=1)
    fitted = np.array([1.0, 0.0])
    for _ in range(iterations):
        predicted = 1 / (1 + np.exp(-np.clip(features @ fitted, -30, 30)))
        curvature = (features.T * (weights * predicted * (1 - predicted))) @ features + 1e-6 * np.eye(2)
        step = np.linalg.solve(curvature, features.T @ (weights * (predicted - targets)))
        fitted = np.clip(fitted - np.clip(step, -1, 1), -_LARGEST, _LARGEST)
    return Calibration(float(fitted[0]), float(fitted[1]))


class JudgedLine(NamedTuple):
    """A line that was read, and how right it was.

    Attributes:
        posteriors: Of its characters, before calibration, from 0 to 1.
        right: Whether each of these characters is right.
        share: Share of the line that is right, from 0 to 1: 1 less the edits that mend it, per character.
    """

    posteriors: Sequence[float]
    right: Sequence[bool]
    share: float


def fit_confidence(lines: Sequence[JudgedLine]) -> Confidence:
    """Fit both calibrations of a decoder to lines of at least one character each.

    Raises:
        ValueError: If there are no lines.
    """
    if not lines:
        raise ValueError("Calibration needs at least one line.")
    character = fit_calibration(
        np.concatenate([line.posteriors for line in lines]), np.concatenate([line.right for line in lines])
    )
    means = [float(np.mean([character(one) for one in line.posteriors])) for line in lines]
    counts = np.array([len(line.posteriors) for line in lines])
    return Confidence(character, fit_calibration(np.array(means), np.array([line.share for line in lines]), counts))


def _logit(probability: np.ndarray | float) -> np.ndarray:
    clipped: np.ndarray = np.clip(probability, 1e-9, 1 - 1e-9)
    return np.asarray(np.log(clipped) - np.log1p(-clipped))
