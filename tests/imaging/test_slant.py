import cv2
import numpy as np
import pytest
from reading_tools import bars

from text_recognizer.imaging.slant import MOST_SLANT, slant_of


def leant(by: float, width: int = 1) -> np.ndarray:
    """Upright bars, their top moved to the right."""
    ink = np.hstack([255 - bars([20, 44, 92, 130, 170])] * width)
    matrix = np.array([[1, -by, 40 + by * ink.shape[0] / 2], [0, 1, 0]])
    return cv2.warpAffine(ink, matrix, (ink.shape[1] + 80, ink.shape[0]))


@pytest.mark.parametrize("slant", [-0.6, -0.15, 0.0, 0.25, 0.6])
def test_slant_is_the_tangent_of_the_angle(slant: float) -> None:
    assert slant_of(leant(slant)) == pytest.approx(slant, abs=0.12)


def test_the_beginning_of_a_long_line_tells_its_slant() -> None:
    line = leant(0.3, width=60)
    assert line.shape[1] > 10_000
    assert slant_of(line) == pytest.approx(0.3, abs=0.12)


def test_what_slants_too_far_is_bounded() -> None:
    assert abs(slant_of(leant(3.0))) <= MOST_SLANT + 0.1 + 1e-6
