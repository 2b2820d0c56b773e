import math
from itertools import pairwise

import numpy as np
import pytest
from reading_tools import SENTENCES, log_probability

from text_recognizer.alphabet import ALPHABET, DIGITS
from text_recognizer.reading.decoder import decode_beam
from text_recognizer.reading.language import english
from text_recognizer.reading.ngrams import CHARACTERS, build_language_model


def between(text: str, alternatives: dict[int, str], share: float = 0.5) -> np.ndarray:
    """Log probabilities of a line that shows ``text``, but at some places as likely something else."""
    probabilities = np.full((2 * len(text), len(ALPHABET)), 1e-9)
    probabilities[1::2, 0] = 1
    for place, character in enumerate(text):
        other = alternatives.get(place)
        probabilities[2 * place, ALPHABET.index(character)] = 1 - share if other else 1
        if other:
            probabilities[2 * place, ALPHABET.index(other)] = share
    return np.log(probabilities)


def test_probabilities_of_all_characters_sum_to_one():
    model = build_language_model(SENTENCES, contexts=50)
    for state in range(50):
        total = sum(math.exp(model.log_probability(state, c)) for c in {*CHARACTERS, *DIGITS})
        assert total == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize(
    ("english_text", "other"),
    [("Our", "0ur"), ("I hope", "l hope"), ("will", "wi1l"), ("of", "0f"), ("1000", "1OOO"), ("Street", "StReet")],
)
def test_english_is_likelier(english_text, other):
    assert log_probability(english(), english_text) > log_probability(english(), other) + 1


@pytest.mark.parametrize(
    ("shown", "alternatives"),
    [("10 Downing Street", {1: "O"}), ("Of all I know", {7: "l"}), ("He will go", {5: "1"}), ("the Sun", {0: "t"})],
)
def test_context_settles_what_looks_alike(shown, alternatives):
    other = "".join(alternatives.get(place, character) for place, character in enumerate(shown))
    assert (
        decode_beam(between(other, {place: shown[place] for place in alternatives}, 0.45), ALPHABET, english()).text
        == shown
    )


@pytest.mark.parametrize(
    ("shown", "doubt"),
    [
        *((shown, 0.03) for shown in ("4711", "0815", "A4B7", "X9-3317", "GARRIGUES", "Zermott", "19l3")),
        *((shown, 0.005) for shown in ("tlhs", "qwx", "jkk")),
    ],
)
def test_what_is_clear_stays_however_strange(shown, doubt):
    """All of the doubt is on an English letter. Small letters are nearly always words, so they must be clearer."""
    doubts = {place: "e" for place, character in enumerate(shown) if character != "e"}
    assert decode_beam(between(shown, doubts, doubt), ALPHABET, english()).text == shown


@pytest.mark.parametrize(("word", "other"), [("LONDON", "LVNDON"), ("WITHOUT", "WITHQUT"), ("MORRIS", "MQRRIS")])
def test_capitals_are_spelled_like_small_letters(word, other):
    assert log_probability(english(), word) > log_probability(english(), other) + 3
    assert log_probability(english(), f"IN {word}") > log_probability(english(), f"IN {word.capitalize()}")
    assert log_probability(english(), f"the {word.lower()}") > log_probability(english(), f"the {word}")


def test_digits_are_left_to_the_picture():
    model = english()
    state = model.next_state(model.start, "1")
    assert len({model.log_probability(state, digit) for digit in "0123456789"}) == 1
    assert len({model.next_state(state, digit) for digit in "0123456789"}) == 1


@pytest.mark.parametrize("date", ["18/7/2028", "12/31", "9:05"])
def test_no_digit_takes_the_place_of_a_mark_in_a_date(date):
    doubts = {place: "1" for place, character in enumerate(date) if character in "/:"}
    assert decode_beam(between(date, doubts, 0.45), ALPHABET, english()).text == date


def test_states_follow_the_text_wherever_it_came_from():
    model = english()
    for first, second in pairwise("a quick brown fox"):
        state = model.next_state(model.next_state(model.start, first), second)
        assert -20 < model.log_probability(state, "e") < 0
