import cv2
import numpy as np
import pytest

from text_recognizer.imaging.sheet.plane import Plane


@pytest.mark.parametrize("degrees", [-15, 0, 8])
def test_a_turned_view_holds_all_of_the_picture(degrees: float) -> None:
    plane = Plane.turned((300, 500), np.radians(degrees))
    back = np.linalg.inv(plane.to_picture)
    corners = np.array([[[0, 0], [500, 0], [500, 300], [0, 300]]], np.float64)
    seen = cv2.perspectiveTransform(corners, back)[0]
    assert seen.min(axis=0) == pytest.approx((0, 0), abs=1)
    assert seen.max(axis=0) == pytest.approx(plane.shape[::-1], abs=1)
    rise = seen[1] - seen[0]
    assert np.degrees(np.arctan2(rise[1], rise[0])) == pytest.approx(degrees, abs=1e-6)


@pytest.mark.parametrize("scale", [1.0, 0.5])
def test_what_is_seen_is_where_it_is_said_to_be(scale: float) -> None:
    picture = np.full((300, 500), 230, np.uint8)
    cv2.circle(picture, (400, 100), 12, 10, -1)
    plane = Plane.turned(picture.shape, np.radians(12))
    small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    rows, columns = np.nonzero(plane.seen(small, scale) < 100)
    middle = np.array([columns.mean() + 0.5, rows.mean() + 0.5]) / scale
    assert plane.place(middle) == pytest.approx((400.5, 100.5), abs=1)
