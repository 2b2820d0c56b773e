from pathlib import Path

import numpy as np
import pytest

from text_recognizer.alphabet import ALPHABET
from text_recognizer.commands.demo import demo
from text_recognizer.data.figures import save_figure
from text_recognizer.training.example_figures import braille, confusion_figure


def test_the_demo_shows_what_it_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    demo(out=str(tmp_path / "demo.png"), num_lines=320)
    printed = capsys.readouterr().out
    assert "character error rate" in printed
    assert printed.count("read: ") == 6
    assert (tmp_path / "demo.png").stat().st_size > 5_000


@pytest.mark.slow
def test_the_demo_reads_evenly_spaced_lines_it_has_never_seen(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    demo(out=str(tmp_path / "demo.png"))
    rate = float(capsys.readouterr().out.split("character error rate ")[1].split(",")[0])
    assert rate < 0.10


def test_braille_shows_ink_where_it_is() -> None:
    image = np.zeros((8, 8), np.uint8)
    image[:2, :2] = image[6:, 6:] = 255
    assert braille(image) == "\u2801\u2880"


@pytest.mark.filterwarnings("error")
def test_a_confusion_matrix_leaves_out_what_does_not_occur(tmp_path: Path) -> None:
    confusion = np.zeros((83, 83), int)
    empty = confusion_figure(confusion, ALPHABET)
    assert len(empty.axes[0].get_xticklabels()) == 83
    save_figure(empty, tmp_path / "empty.png")
    confusion[4, 4], confusion[4, 5] = 9, 1
    figure = confusion_figure(confusion, ALPHABET)
    assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == [ALPHABET[4], ALPHABET[5]]
    save_figure(figure, tmp_path / "confusion.png")
    assert (tmp_path / "confusion.png").stat().st_size > 1_000
