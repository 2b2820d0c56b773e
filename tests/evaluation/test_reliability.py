import numpy as np
import pytest

from text_recognizer.evaluation.reliability import calibration_error, rejection, reliability


def test_confidences_are_held_against_rightness() -> None:
    bins = reliability([0.1, 0.15, 0.95, 1.0], [0, 1, 1, 1])
    assert [(one.count, one.right) for one in bins] == [(2, 0.5), (2, 1.0)]
    assert [one.confidence for one in bins] == pytest.approx([0.125, 0.975])
    assert calibration_error(bins) == pytest.approx((2 * 0.375 + 2 * 0.025) / 4)
    assert np.isnan(calibration_error([]))


def test_rejecting_the_least_sure_leaves_fewer_errors() -> None:
    counts = np.array([[k, 10, 0, 2] for k in range(10)])
    kept = rejection([1 - k / 10 for k in range(10)], counts)
    assert (kept[0].share, kept[0].cer, kept[0].exact) == (1.0, 0.45, 0.1)
    assert (kept[-1].share, kept[-1].cer, kept[-1].threshold) == (0.5, 0.2, pytest.approx(0.6))
