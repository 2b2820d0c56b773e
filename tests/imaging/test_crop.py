import cv2
import numpy as np
import pytest

from text_recognizer.imaging.crop import CROP_HEIGHT, CROP_UNIT, crop
from text_recognizer.imaging.sheet.line import FoundLine
from text_recognizer.imaging.sheet.plane import Plane


def picture_of(line: FoundLine, shape: tuple[int, int]) -> np.ndarray:
    """Paper with a stripe of ink, as high as the line's band, along its centre."""
    rows, columns = np.indices(shape)
    off = np.abs(rows - line.centre(columns[0]))
    return np.where((off < line.height / 2) & (columns >= line.left) & (columns < line.right), 40, 220).astype(np.uint8)


@pytest.mark.parametrize("curve", [(60, 0, 0, 0), (60, -25, 0, 0), (60, 10, 15, 0)], ids=["level", "tilted", "bent"])
@pytest.mark.parametrize("height", [8.0, 16.0, 40.0])
def test_a_crop_is_level_and_at_one_size(curve: tuple[float, ...], height: float) -> None:
    line = FoundLine(50, 350, np.array(curve, float), height, 300 * height)
    cut = crop(picture_of(line, (120, 400)), line)
    assert cut is not None
    assert cut.image.shape[0] == CROP_HEIGHT
    inner = cut.image[:, np.asarray((cut.image > 128).any(0))][:, 5:-5]
    rows = np.flatnonzero((inner > 128).mean(1) > 0.5)
    assert len(rows) == pytest.approx(CROP_UNIT, abs=2)
    assert rows.mean() == pytest.approx((CROP_HEIGHT - 1) / 2, abs=1)


def test_a_crop_knows_where_it_was() -> None:
    line = FoundLine(50, 350, np.array([60, -20, 0, 0.0]), 20.0, 6000)
    cut = crop(picture_of(line, (120, 400)), line)
    assert cut is not None
    assert cut.rows is not None
    ink = np.flatnonzero((cut.image > 128).any(0))[[0, -1]]
    assert cut.to_picture(ink) == pytest.approx([50, 350], abs=2)
    assert cut.rows[ink] == pytest.approx([80, 40], abs=2)


def test_a_crop_of_a_level_view() -> None:
    """A line that rises by 20 degrees, seen level, comes out as one that is level."""
    level = FoundLine(150, 450, np.array([260, 0, 0, 0.0]), 20.0, 6000)
    plane = Plane.turned((400, 500), np.radians(20))
    picture = picture_of(level, plane.shape)
    turned = cv2.warpPerspective(picture, plane.to_picture, (500, 400), borderValue=(220,))
    cut = crop(turned, level, plane)
    straight = crop(picture, level)
    assert cut is not None
    assert straight is not None
    assert np.abs(cut.image.astype(int) - straight.image).mean() < 6
    columns = np.array([0.0, 90.0, cut.image.shape[1]])
    assert cut.from_picture(cut.to_picture(columns)) == pytest.approx(columns, abs=0.5)
    assert cut.places(columns, np.zeros(3)) == pytest.approx(plane.place(straight.places(columns, np.zeros(3))), abs=1)


def test_a_crop_of_more_columns_than_opencv_maps_at_once() -> None:
    line = FoundLine(10, 29_990, np.array([20, 0, 0, 0.0]), 16.7, 500_000)
    cut = crop(picture_of(line, (40, 30_000)), line)
    assert cut is not None
    assert cut.image.shape[1] == pytest.approx(30_000, abs=2)
    assert (cut.image[CROP_HEIGHT // 2, 100:-100] > 128).all()


def test_bare_paper_is_no_crop() -> None:
    assert crop(np.full((120, 400), 220, np.uint8), FoundLine(50, 350, np.array([60, 0, 0, 0.0]), 20.0, 1.0)) is None
