import cv2
import numpy as np
import pytest
from reading_tools import draw

from text_recognizer.imaging.normalization import HEIGHT, MARGIN, X_HEIGHT, normalize, normalize_lines

LINE = "Read this happy line, please"


def rotated(picture: np.ndarray, degrees: float) -> np.ndarray:
    height, width = picture.shape
    taller = height + int(abs(np.tan(np.radians(degrees))) * width)
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1)
    matrix[1, 2] += (taller - height) / 2
    return cv2.warpAffine(picture, matrix, (width, taller), borderValue=255)


def lit_from_the_right(picture: np.ndarray) -> np.ndarray:
    return (picture * np.linspace(0.35, 1, picture.shape[1])).astype(np.uint8)


def noisy(picture: np.ndarray) -> np.ndarray:
    noise = np.random.default_rng(0).normal(0, 12, picture.shape)
    return np.clip(picture * 0.6 + 60 + noise, 0, 255).astype(np.uint8)


def ruled(picture: np.ndarray) -> np.ndarray:
    picture = picture.copy()
    picture[[5, 6, 44, 45]] = np.minimum(picture[[5, 6, 44, 45]], 90)
    return picture


def between_neighbours(picture: np.ndarray) -> np.ndarray:
    picture = picture.copy()
    other = draw("gypsy qjp yyg pqg gpq")[:, : picture.shape[1]]
    picture[:7, : other.shape[1]] &= other[40:47]
    picture[-7:, : other.shape[1]] &= other[20:27]
    return picture


def on_a_page(picture: np.ndarray) -> np.ndarray:
    page = np.full((1400, 1000), 245, np.uint8)
    page[600 : 600 + picture.shape[0], 200 : 200 + picture.shape[1]] = np.minimum(picture, 245)
    return page


def enlarged(factor: float):
    interpolation = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    return lambda picture: cv2.resize(picture, None, fx=factor, fy=factor, interpolation=interpolation)


CONDITIONS = {
    "light on dark": lambda picture: 255 - picture,
    "low contrast": lambda picture: (150 + picture * 0.25).astype(np.uint8),
    "uneven light": lit_from_the_right,
    "noise": noisy,
    "ruled": ruled,
    "neighbouring lines": between_neighbours,
    "large page": on_a_page,
    "skew up": lambda picture: rotated(picture, 3),
    "skew down": lambda picture: rotated(picture, -4),
    "low resolution": enlarged(0.35),
    "high resolution": enlarged(7),
    "large margins": lambda picture: np.pad(picture, 40, constant_values=255),
}


@pytest.mark.parametrize("condition", CONDITIONS.values(), ids=CONDITIONS)
def test_a_line_has_the_same_normal_form_under_all_conditions(condition):
    plain, line = normalize(draw(LINE)), normalize(condition(draw(LINE)))
    assert line.image.shape == (HEIGHT, pytest.approx(plain.image.shape[1], rel=0.06))
    resized = cv2.resize(line.image, plain.image.shape[::-1])
    assert np.corrcoef(resized.ravel(), plain.image.ravel())[0, 1] > 0.75


@pytest.mark.parametrize("text", ["HAMBURG", "1496 3580", "Zermott Street", "nose in a vase", "gypsy jig", "W", "R"])
def test_writing_fills_the_zone_and_ink_is_full(text):
    line = normalize(draw(text))
    rows = np.flatnonzero((line.image > 127).any(1))
    assert 0.75 * X_HEIGHT <= np.ptp(rows) <= 2.1 * X_HEIGHT
    profile = line.image.sum(1) @ np.arange(HEIGHT) / line.image.sum()
    assert profile == pytest.approx(HEIGHT / 2, abs=1.5)
    assert line.image.max() == 255
    assert np.median(line.image) == 0


def test_capitals_are_as_high_as_the_zone():
    rows = np.flatnonzero((normalize(draw("HAMBURG")).image > 127).any(1))
    assert np.ptp(rows) == pytest.approx(X_HEIGHT, abs=3)


def test_x_maps_back_to_the_picture():
    for picture, factor in ((draw("I  I"), 1), (enlarged(5)(draw("I  I")), 5), (on_a_page(draw("I  I")), None)):
        line = normalize(picture)
        inked = np.flatnonzero((picture < 100).any(0))
        found = line.to_picture(np.flatnonzero(line.image.max(0) > 127))
        tolerance = 2 * (factor or 1)
        assert (found[0], found[-1] + 1 / line.scale) == pytest.approx((inked[0], inked[-1] + 1), abs=tolerance)
        assert line.from_picture(line.to_picture(np.array([3.0, 50.0]))) == pytest.approx([3, 50])


def test_cropped_to_the_ink_and_a_margin():
    columns = np.flatnonzero(normalize(np.pad(draw(LINE), 30, constant_values=255)).image.max(0) > 127)
    image = normalize(draw(LINE)).image
    assert columns[0] == pytest.approx(MARGIN, abs=1)
    assert image.shape[1] - columns[-1] - 1 == pytest.approx(MARGIN, abs=2)


@pytest.mark.parametrize("mark", ["-", ".", "'"])
def test_a_lone_mark_is_not_blown_up_to_a_letter(mark):
    rows = np.flatnonzero((normalize(draw(mark)).image > 127).any(1))
    assert np.ptp(rows) < 0.75 * X_HEIGHT


BLANK = {
    "white": np.full((60, 300), 255, np.uint8),
    "black": np.zeros((60, 300), np.uint8),
    "grain": np.random.default_rng(0).normal(200, 8, (60, 300)).astype(np.uint8),
    "noise": np.random.default_rng(0).integers(0, 256, (60, 300), np.uint8),
    "page": np.random.default_rng(0).normal(220, 5, (900, 700)).astype(np.uint8),
    "one pixel": np.full((1, 1), 7, np.uint8),
    "one row": np.full((1, 300), 200, np.uint8),
    "one column": np.full((300, 1), 200, np.uint8),
}


@pytest.mark.parametrize("picture", BLANK.values(), ids=BLANK)
def test_blank_paper_has_no_line(picture):
    assert normalize(picture) is None


@pytest.mark.parametrize("shape", [(1, 1), (1, 2), (2, 1), (2, 3), (3, 400), (400, 3), (5, 5), (161, 2), (3000, 4)])
def test_tiny_and_narrow_pictures_do_not_break(shape):
    for seed in range(5):
        picture = np.random.default_rng(seed).integers(0, 2, shape, np.uint8) * np.uint8(255)
        line = normalize(picture)
        assert line is None or (line.image.shape[0] == HEIGHT and line.image.dtype == np.uint8)


def test_a_line_30000_pixels_wide():
    picture = np.tile(draw("never ending "), 30000 // 170)
    line = normalize(picture)
    assert line.image.shape[1] == pytest.approx(picture.shape[1] * line.scale, rel=0.01)


def test_composed_lines_take_the_way_of_pictures():
    inked = np.zeros((2, 28, 200), np.uint8)
    cell = 255 - draw("AB 12", 0.7, 2, 28)
    inked[0, :, : cell.shape[1]] = cell
    first, second = normalize_lines(inked, np.array([cell.shape[1], 200]))
    assert second is None
    np.testing.assert_array_equal(first.image, normalize(255 - cell).image)


def test_same_picture_same_bytes():
    assert normalize(noisy(draw(LINE))).image.tobytes() == normalize(noisy(draw(LINE))).image.tobytes()


def leant(picture: np.ndarray, by: float) -> np.ndarray:
    height, width = picture.shape
    room = int(np.ceil(abs(by) * height / 2))
    matrix = np.array([[1, -by, room + by * height / 2], [0, 1, 0]])
    return cv2.warpAffine(picture, matrix, (width + 2 * room, height), borderValue=255)


@pytest.mark.parametrize("by", [-0.6, -0.4, 0.5, 0.8])
def test_writing_that_leans_otherwise_is_set_as_most_does(by: float) -> None:
    upright, leaning = (normalize(leant(draw(LINE), lean)) for lean in (0.0, by))
    assert upright is not None
    assert leaning is not None
    assert abs(upright.image.shape[1] - leaning.image.shape[1]) < 10
    width = min(upright.image.shape[1], leaning.image.shape[1])
    soft = [cv2.GaussianBlur(line.image[:, :width], (0, 0), 3).astype(float) for line in (upright, leaning)]
    assert np.corrcoef(soft[0].ravel(), soft[1].ravel())[0, 1] > 0.7


def test_places_stay_where_they_were_when_the_lean_is_changed() -> None:
    picture = draw(LINE)
    line = normalize(leant(picture, 0.6))
    assert line is not None
    columns = np.flatnonzero(picture.min(0) < 128) + int(np.ceil(0.6 * picture.shape[0] / 2))
    found = line.to_picture(np.array([MARGIN, line.image.shape[1] - MARGIN]))
    assert abs(found[0] - columns[0]) < 8
    assert abs(found[1] - columns[-1]) < 8


def test_a_short_word_keeps_its_lean() -> None:
    before, after = normalize(draw("//")), normalize(leant(draw("//"), 0.5))
    assert before is not None
    assert after is not None
    assert after.image.shape[1] > before.image.shape[1]
