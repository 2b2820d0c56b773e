from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from text_recognizer.cli import main
from text_recognizer.data.sets.labelled_words import Words, cut_words
from text_recognizer.imaging.pictures import load_picture
from text_recognizer.labels.lines import LabelledLine
from text_recognizer.reading.finder import finder
from text_recognizer.reading.model_file import LineModel

TEXTS = ("we were at sea", "all of the men", "one, two and 3", "home")


@pytest.fixture(scope="module")
def crops(tmp_path_factory: pytest.TempPathFactory) -> list[np.ndarray]:
    folder = tmp_path_factory.mktemp("lines")
    found = []
    for number, text in enumerate(TEXTS):
        assert main(["lines", f"--text={text}", "--count=1", f"--seed={number}", f"--out={folder / str(number)}"]) == 0
        line = finder().line(load_picture(folder / str(number) / "0.png"))
        assert line is not None
        found.append(line.image)
    return found


def labelled(writers: str) -> list[LabelledLine]:
    return [
        LabelledLine(str(number), Path(f"{number}.png"), text, {"writer": writer})
        for number, (text, writer) in enumerate(zip(TEXTS, writers, strict=True))
    ]


def test_words_are_cut_where_the_paper_is_blank(crops):
    cut = [cut_words(crop, text, LineModel()) for crop, text in zip(crops, TEXTS, strict=True)]
    assert sum(map(len, cut)) >= 0.7 * len(" ".join(TEXTS).split())
    for crop, text, words in zip(crops, TEXTS, cut, strict=True):
        assert " ".join(word.text for word in words) == text
        assert (words[0].start, words[-1].end) == (0, crop.shape[1])
        ink = crop.sum(axis=0, dtype=np.int64)
        for word, following in pairwise(words):
            assert word.end == following.start
            assert ink[word.end] <= np.quantile(ink, 0.2)


def test_a_text_that_is_not_there_is_not_cut(crops):
    assert cut_words(crops[0], "λόγος και", LineModel()) == []
    assert cut_words(crops[0][:, :16], "far too long for it", LineModel()) == []


def test_lines_are_put_together_from_words_of_their_writer(crops):
    words = Words(labelled("aabb"), crops, [0, 1, 2], LineModel())
    rng = np.random.default_rng(1)
    seen = set()
    for _ in range(200):
        picture, text = words.line_like(0, 128, rng)
        assert set(text.split()) <= set(" ".join(TEXTS[:2]).split())
        assert picture.shape[1] <= crops[0].shape[1]
        seen.add(text)
    assert len(seen) > 50
    assert set(words.line_like(2, 128, rng)[1].split()) <= set(TEXTS[2].split())
    assert max(len(words.line_like(0, 8, rng)[1]) for _ in range(50)) <= 8
    again = words.line_like(0, 128, np.random.default_rng(1))
    first = words.line_like(0, 128, np.random.default_rng(1))
    np.testing.assert_array_equal(first[0], again[0])
    assert first[1] == again[1]
