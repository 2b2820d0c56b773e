from pathlib import Path

import numpy as np
import pytest

from text_recognizer.alphabet import READER_ALPHABET
from text_recognizer.data.glyphs import unipen
from text_recognizer.data.glyphs.unipen import _collect, _segments, clean_label, load_unipen
from text_recognizer.data.splits import SPLITS
from text_recognizer.data.synthesis.writers import PenCharacters, PenWords
from text_recognizer.errors import UserError
from text_recognizer.imaging.band import fit_band

INCLUDE = """.VERSION 1.0
.COORD X Y T
.WRITER_ID ann
.PEN_DOWN
0 10 1
5 0 2
10 10 3
.PEN_UP
12 12 4
.PEN_DOWN
20 10 5
20 0 6
.PEN_UP
.PEN_DOWN
30 0 7
36 10 8
42 0 9
"""
DATA = """.VERSION 1.0
.INCLUDE site/one.dat
.SEGMENT WORD 0 OK "v"
.SEGMENT WORD 2-3 ? "ln"
.SEGMENT WORD 0:1-0:2 OK "i"
.SEGMENT WORD 0 BAD "x"
.SEGMENT WORD 99 OK "lost"
.SEGMENT WORD 0 OK "a\\\\b"
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "data" / "7" / "site").mkdir(parents=True)
    (tmp_path / "include" / "site").mkdir(parents=True)
    (tmp_path / "data" / "7" / "site" / "words.dat").write_text(DATA, encoding="latin-1")
    (tmp_path / "include" / "site" / "one.dat").write_text(INCLUDE, encoding="latin-1")
    return tmp_path


def test_components_that_hold_no_point_are_not_counted(root: Path) -> None:
    found = [(label, [stroke.tolist() for stroke in strokes]) for _, _, label, strokes in _segments(root)]
    assert found == [
        ("v", [[[0, -10], [5, 0], [10, -10]]]),
        ("ln", [[[20, -10], [20, 0]], [[30, 0], [36, -10], [42, 0]]]),
        ("i", [[[5, 0], [10, -10]]]),
    ]


def test_the_writer_is_named_by_site(root: Path) -> None:
    assert {writer for _, writer, _, _ in _segments(root)} == {"site/ann"}


def test_labels_of_who_writes_capitals_are_in_capitals(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unipen, "CAPITAL_WRITERS", {"site/ann"})
    assert [label for _, _, label, _ in _segments(root)] == ["V", "LN", "I"]


def wave(tilt: float, rows: int = 1) -> list[np.ndarray]:
    x = np.linspace(0, 60, 200)
    return [np.stack([x, 5 * np.sin(x) + tilt * x + 40 * row], axis=1).astype(np.float32) for row in range(rows)]


def test_what_is_collected_is_level_and_one_unit_high() -> None:
    arrays = _collect(iter([("word", "site/a", "nnnnnnnn", wave(0.05)), ("text", "site/b", "nnnnnnnn", wave(0.0, 2))]))
    assert arrays["labels"].tolist() == ["nnnnnnnn"]  # the other one has two rows
    stroke = arrays["points"]
    band = fit_band(stroke[:, 0], stroke[:, 1], np.ones(len(stroke)))
    assert band.height == pytest.approx(1, rel=0.1)
    assert band.slope == pytest.approx(0, abs=0.02)
    steps = np.hypot(*np.diff(stroke, axis=0).T)
    assert steps.max() < 1.5 * np.median(steps)


def test_nothing_usable_is_an_error() -> None:
    with pytest.raises(UserError, match="no labelled writing"):
        _collect(iter([]))


@pytest.mark.parametrize(
    ("label", "level", "clean"),
    [
        ("It wasn ' t me , all in all .", "text", "It wasn't me, all in all."),
        ("4 / 2 7 / 9 2", "text", "4/27/92"),
        ("in 1 8 7 4 , when", "text", "in 1874, when"),
        ("Tue 2 4 th .", "text", "Tue 24th."),
        ("found $ 7 5 0 to", "text", "found $750 to"),
        ("Bill at 2 : 0 0 2 3 / 3 / 9 2", "text", ""),
        ("Pay $1.23 @ 4:56 PM", "text", "Pay $1.23 @ 4:56 PM"),
        ("2^0 = 10^0 = x^0 = 1", "text", "2^0 = 10^0 = x^0 = 1"),
        ("6/8 8/4 11/1 9/7", "text", "6/8 8/4 11/1 9/7"),
        ("(1) (2) 98765 43210", "text", "(1) (2) 98765 43210"),
        ("P&&G", "word", ""),
        ("ab", "character", ""),
        ("$", "character", "$"),
        ("caf\xe9", "word", ""),
    ],
)
def test_labels(label: str, level: str, clean: str) -> None:
    assert clean_label(label, level) == clean


def test_no_writer_of_the_sample_is_in_two_splits() -> None:
    writers = []
    for split in SPLITS:
        writing, numbers = load_unipen(split, "builtin")
        assert {"word", "text", "character"} == set(writing.levels[numbers].tolist())
        writers.append(set(writing.writers[numbers].tolist()))
    assert len(set.union(*writers)) == sum(map(len, writers)) > 400


@pytest.mark.parametrize("split", SPLITS)
def test_the_sample_writes_words_and_any_text(split: str) -> None:
    writing, numbers = load_unipen(split, "builtin")  # type: ignore[arg-type]
    rng = np.random.default_rng(1)
    words = PenWords(writing, numbers, frozenset(READER_ALPHABET.characters))
    text, pieces = words.choose(rng, 40)
    ink = words.write(pieces, rng)
    assert ink.text == text
    assert 0.15 < ink.width / len(text) < 2.5
    characters = PenCharacters(writing, numbers).write("A7 fox", rng)
    assert characters is not None
    assert characters.text == "A7 fox"


def test_strokes_of_the_sample_are_level_and_smooth() -> None:
    writing, numbers = load_unipen("train", "builtin")
    for number in numbers[writing.levels[numbers] == "word"][:200].tolist():
        points = np.concatenate(writing.strokes_of(number))
        assert np.abs(points[:, 1]).max() < 6
        steps = np.concatenate([np.hypot(*np.diff(stroke, axis=0).T) for stroke in writing.strokes_of(number)])
        assert np.percentile(steps, 90) < 0.15
