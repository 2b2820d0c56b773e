import numpy as np
import pytest

from text_recognizer.reading.calibration import (
    Calibration,
    fit_calibration,
)


def judged(count: int, truth: Calibration, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    raw = rng.beta(4, 1, count)
    return raw, rng.random(count) < np.array([truth(confidence) for confidence in raw])


@pytest.mark.parametrize("truth", [Calibration(0.5, -0.3), Calibration(2.0, 1.0), Calibration()])
def test_fit_recovers_the_truth(truth):
    raw, correct = judged(20_000, truth)
    fitted = fit_calibration(raw, correct)
    assert (fitted.slope, fitted.offset) == pytest.approx((truth.slope, truth.offset), abs=0.1)


@pytest.mark.parametrize("correct", [True, False])
def test_all_right_or_all_wrong_stays_finite(correct):
    fitted = fit_calibration(np.array([0.2, 0.9, 1.0, 0.0]), np.full(4, correct))
    assert np.isfinite([fitted.slope, fitted.offset]).all()
    assert (fitted(0.5) > 0.5) == correct


def test_confidence_stays_within_0_and_1():
    assert all(0 < Calibration(100, 5)(confidence) < 1 for confidence in (0.0, 1e-300, 0.5, 1.0))


def test_nothing_to_fit():
    with pytest.raises(ValueError, match="at least one"):
        fit_calibration(np.array([]), np.array([]))
