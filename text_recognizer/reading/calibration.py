"""Confidences that mean something: a confidence of 0.9 should be right nine times out of ten."""

from __future__ import annotations

import math
from typing import Annotated

import numpy as np
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

Coefficient = Annotated[float, Field(ge=-100, le=100, allow_inf_nan=False)]


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class Calibration:
    """Platt scaling of a probability: sigmoid(slope * logit(p) + offset).

    Platt, "Probabilistic outputs for support vector machines", 1999.
    """

    slope: Coefficient = 1.0
    offset: Coefficient = 0.0

    def __call__(self, probability: float) -> float:
        """The calibrated probability, within (0, 1)."""
        exponent = self.slope * float(_logit(probability)) + self.offset
        return 1 / (1 + math.exp(-min(max(exponent, -30.0), 30.0)))


def fit_calibration(confidences: np.ndarray, correct: np.ndarray, iterations: int = 50) -> Calibration:
    """Fit the calibration to held-out readings by Newton's method on the log loss.

    Args:
        confidences: float (N,), raw confidences from 0 to 1.
        correct: bool (N,), whether each reading was right.
        iterations: Newton steps.

    Raises:
        ValueError: If there are no readings, or the arrays differ in length.
    """
    confidences, correct = np.asarray(confidences, np.float64), np.asarray(correct, bool)
    if confidences.size == 0 or confidences.shape != correct.shape:
        raise ValueError("Calibration needs as many judgements as confidences, and at least one.")
    right, wrong = np.count_nonzero(correct), np.count_nonzero(~correct)
    targets = np.where(correct, (right + 1) / (right + 2), 1 / (wrong + 2))  # Platt's, against overfitting
    features = np.stack([_logit(confidences), np.ones_like(confidences)], axis=1)
    weights = np.array([1.0, 0.0])
    for _ in range(iterations):
        predicted = 1 / (1 + np.exp(-np.clip(features @ weights, -30, 30)))
        curvature = (features.T * (predicted * (1 - predicted))) @ features + 1e-6 * np.eye(2)
        weights = weights - np.clip(np.linalg.solve(curvature, features.T @ (predicted - targets)), -1, 1)
    return Calibration(float(weights[0]), float(weights[1]))


def _logit(probability: np.ndarray | float) -> np.ndarray:
    clipped: np.ndarray = np.clip(probability, 1e-9, 1 - 1e-9)
    return np.asarray(np.log(clipped) - np.log1p(-clipped))
