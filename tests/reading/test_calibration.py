import numpy as np
import pytest
from confidence import ReliabilityBin, reliability_table

from text_recognizer.reading.calibration import (
    Calibration,
    Confidence,
    JudgedLine,
    fit_calibration,
    fit_confidence,
)


def expected_calibration_error(table: list[ReliabilityBin]) -> float:
    """Mean distance of confidence and accuracy, over readings (Naeini et al. 2015)."""
    total = sum(entry.readings for entry in table)
    return sum(entry.readings * abs(entry.confidence - entry.accuracy) for entry in table) / total


def calibrated(probabilities: np.ndarray, calibration: Calibration) -> np.ndarray:
    """What a calibration makes of many probabilities."""
    logits = np.log(probabilities) - np.log1p(-probabilities)
    return 1 / (1 + np.exp(-(calibration.slope * logits + calibration.offset)))


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


def test_reliability_table():
    table = reliability_table(np.array([0.05, 0.95, 0.97, 1.0]), np.array([False, True, True, False]))
    assert [(entry.low, entry.readings) for entry in table] == [(0.0, 1), (0.9, 3)]
    assert table[1].accuracy == pytest.approx(2 / 3)
    assert expected_calibration_error(table) == pytest.approx((0.05 + 3 * (2.92 / 3 - 2 / 3)) / 4)


def judged_lines(count: int, truth: Calibration, missed: float, seed: int = 0) -> list[JudgedLine]:
    """Lines of 1 to 120 characters, good ones and bad ones, of which a share of the characters was not read."""
    rng = np.random.default_rng(seed)
    lines = []
    for length in rng.integers(1, 121, count).tolist():
        posteriors = rng.beta(rng.uniform(1, 40), 1, length)
        right = rng.random(length) < calibrated(posteriors, truth)
        all_characters = length + rng.binomial(length, missed)
        lines.append(JudgedLine(posteriors.tolist(), right.tolist(), float(right.sum() / all_characters)))
    return lines


@pytest.mark.parametrize("missed", [0.0, 0.05])
def test_the_confidence_of_a_line_is_the_share_that_is_right_at_any_length(missed):
    truth = Calibration(0.7, -0.2)
    fitted = fit_confidence(judged_lines(3000, truth, missed))
    others = judged_lines(6000, truth, missed, seed=1)
    for shortest, longest in ((1, 10), (10, 40), (40, 80), (80, 121)):
        lines = [line for line in others if shortest <= len(line.posteriors) < longest]
        characters = [calibrated(np.array(line.posteriors), fitted.character).tolist() for line in lines]
        assert characters[0] == pytest.approx([fitted.character(one) for one in lines[0].posteriors])
        confidences = np.array([fitted.of_line(one) for one in characters])
        shares = np.array([line.share for line in lines])
        assert expected_calibration_error(reliability_table(confidences, shares)) < 0.03
        assert confidences.mean() == pytest.approx(shares.mean(), abs=0.02)


def test_a_line_without_characters_has_no_confidence():
    assert Confidence().of_line([]) == 0


def test_nothing_to_fit_a_line_to():
    with pytest.raises(ValueError, match="at least one line"):
        fit_confidence([])


def test_weights_count():
    confidences, right = np.array([0.5, 0.5]), np.array([1.0, 0.0])
    assert fit_calibration(confidences, right, np.array([300.0, 100.0]))(0.5) == pytest.approx(0.75, abs=0.01)
    table = reliability_table(confidences, right, weights=np.array([3.0, 1.0]))
    assert table[0].accuracy == 0.75
