import numpy as np
import pytest

from text_recognizer.imaging.band import fit_band


def points(
    slope: float, height: float, width: float = 300.0, y: float = 50.0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    x = rng.uniform(0, 300, 4000)
    return x, 50 + slope * x + rng.uniform(-height / 2, height / 2, 4000), np.ones(4000)


@pytest.mark.parametrize("slope", [-0.1, 0.0, 0.05])
@pytest.mark.parametrize("height", [4.0, 20.0])
def test_a_strip_is_found(slope: float, height: float) -> None:
    band = fit_band(*points(slope, height))
    assert band.height == pytest.approx(height, rel=0.15)
    assert band.slope == pytest.approx(slope, abs=0.02)
    assert band.centre + band.slope * 150 == pytest.approx(50 + slope * 150, abs=0.1 * height)


def test_ascenders_and_neighbours_count_little() -> None:
    x, y, _ = points(0.0, 20.0)
    x, y = np.append(x, [40.0] * 200), np.append(y, np.linspace(15, 40, 200))
    x, y = np.append(x, np.linspace(0, 300, 300)), np.append(y, [110.0] * 300)
    band = fit_band(x, y, np.ones(len(x)))
    assert band.height == pytest.approx(20, rel=0.2)
    assert band.centre == pytest.approx(50, abs=3)


def test_one_point() -> None:
    assert fit_band(np.zeros(1), np.zeros(1), np.ones(1)).height > 0
