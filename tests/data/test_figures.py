from pathlib import Path

import numpy as np
import pytest
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure

from text_recognizer.data.figures import characters_figure, class_sizes_figure, lines_figure, save_figure


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts]


def drawn(figure: Figure, path: Path) -> np.ndarray:
    from PIL import Image

    save_figure(figure, path)
    return np.asarray(Image.open(path).convert("L"))


def test_characters_stand_in_rows_under_their_labels(tmp_path: Path) -> None:
    images = np.zeros((5, 28, 28), np.uint8)
    images[4] = 255
    figure = characters_figure(images, ["a", "b", "$", "d", "e"], columns=3, colors=["green"] * 4 + ["red"])
    assert texts(figure) == ["a", "b", "$", "d", "e"]
    assert figure.axes[0].texts[4].get_color() == "red"
    picture = drawn(figure, tmp_path / "characters.png")
    rows, columns = (picture < 30).nonzero()
    height, width = picture.shape
    assert rows.min() > height / 2  # the last character, and no other, is dark: second row, second column
    assert width / 3 < np.median(columns) < 2 * width / 3


def test_lines_keep_their_proportions_whatever_their_sizes(tmp_path: Path) -> None:
    long, high = np.full((20, 400), 255, np.uint8), np.full((60, 100), 255, np.uint8)
    figure = lines_figure([long, high], ["first", ""])
    assert texts(figure) == ["first", ""]
    picture = drawn(figure, tmp_path / "lines.png")
    dark = picture < 30
    widths = dark.sum(axis=1)
    scale = widths.max() / 400
    assert np.isclose((widths > 350 * scale).sum(), 20 * scale, atol=2)
    assert np.isclose((np.abs(widths - 100 * scale) < 3).sum(), 60 * scale, atol=2)


def test_boxes_are_drawn_where_characters_stand() -> None:
    boxes = [np.array([[10, 30], [40, 50], [0, 0]])]
    plain = lines_figure([np.zeros((28, 100), np.uint8)], ["ab"])
    marked = lines_figure([np.zeros((28, 100), np.uint8)], ["ab"], boxes=boxes)
    extent = marked.axes[0].images[0].get_extent()
    scale = (extent[1] - extent[0]) / 100
    found = [((box.get_x() - extent[0]) / scale, box.get_width() / scale) for box in marked.axes[0].patches]
    assert found == [pytest.approx((10, 20)), pytest.approx((40, 10))]
    assert not plain.axes[0].patches
    assert to_rgba("tab:red")[:3] == marked.axes[0].patches[0].get_edgecolor()[:3]


def test_class_sizes_are_bars_with_their_mean() -> None:
    axes = class_sizes_figure(np.array([10, 20, 60]), ["a", "b", "$"]).axes[0]
    assert [bar.get_height() for bar in axes.patches] == [10, 20, 60]
    assert axes.lines[0].get_ydata()[0] == 30
    assert [label.get_text() for label in axes.get_xticklabels()] == ["a", "b", "$"]
