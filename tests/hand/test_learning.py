from pathlib import Path

import numpy as np
import pytest
from hand_tools import TINY, reader_metadata, write_samples
from reading_tools import draw

from text_recognizer.data.glyphs.written import Characters
from text_recognizer.errors import UserError
from text_recognizer.hand.file import HandFile, model_of
from text_recognizer.hand.learning import _Material, learn, split_copies, split_words
from text_recognizer.hand.samples import Samples
from text_recognizer.reading.recognizer import TextRecognizer


def test_learning_keeps_what_was_written_and_measures(samples: Samples, learned: HandFile) -> None:
    assert learned.about.seed == 1
    assert len(learned.about.characters.texts) == len(samples.characters)
    figures = learned.figures
    for rate in (figures.lines_before, figures.lines_after, figures.words_before, figures.words_after):
        assert rate is not None
        assert 0 <= rate < 1


def test_the_same_samples_and_seed_give_the_same_hand(samples: Samples, learned: HandFile) -> None:
    told: list[tuple[str, float]] = []
    again = learn(samples, 1, lambda phase, done: told.append((phase, done)), TINY)
    assert again.to_bytes() == learned.to_bytes()
    shares = [done for _, done in told]
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0.0, 1.0)
    assert list(dict.fromkeys(phase for phase, _ in told)) == ["composing lines", "learning", "checking"]


def test_a_learned_hand_reads(learned: HandFile, tmp_path: Path) -> None:
    file = tmp_path / "mine.hand"
    file.write_bytes(learned.to_bytes())
    assert model_of(file).metadata == reader_metadata()
    assert "ell" in TextRecognizer(model_of(file)).read(draw("Hello there")).text


@pytest.mark.parametrize(("copies", "expected"), [(1, (1, 0)), (2, (1, 1)), (3, (2, 1)), (4, (3, 1)), (6, (5, 1))])
def test_copies_are_split_before_lines_are_composed(copies: int, expected: tuple[int, int]) -> None:
    written = [(text, np.full((3, 3), k, np.uint8)) for text in "ab" for k in range(copies)]
    parts = split_copies(written, seed=0)
    for part, count in zip(parts, expected, strict=True):
        assert [text for text, _ in part] == ["a"] * count + ["b"] * count
    numbers = [int(picture[0, 0]) for part in parts for text, picture in part if text == "a"]
    assert sorted(numbers) == list(range(copies))


def test_too_little_to_learn_from_is_said_at_once() -> None:
    with pytest.raises(UserError, match="at least 20 are needed"):
        learn(Samples(write_samples().characters[:20], ()), 0, lambda phase, done: None)


def test_what_it_is_measured_on_tells_nothing_of_the_lines_to_learn_from(samples: Samples) -> None:
    def altered(pictures: tuple[tuple[str, np.ndarray], ...], kept: Characters) -> tuple[tuple[str, np.ndarray], ...]:
        held_out = {id(picture) for _, picture in kept}
        return tuple(
            (text, np.kron(picture, np.ones((2, 3), np.uint8)) if id(picture) in held_out else picture)
            for text, picture in pictures
        )

    words = tuple((text, picture.copy()) for text, picture in samples.lines * 4)
    kept, kept_words = split_copies(samples.characters, 1)[1], split_words(words, 1)[1]
    other = Samples(altered(samples.characters, kept), altered(words, kept_words))
    before, after = (_Material(Samples(samples.characters, words), 1, TINY), _Material(other, 1, TINY))
    numbers = np.arange(6)
    for split in ("train", "val"):
        first, second = (material.lines(split, own=True).batch(numbers) for material in (before, after))
        assert np.array_equal(first.images, second.images)
    assert before._style == after._style
    assert not np.array_equal(before.pictures()[0][0], after.pictures()[0][0])
