import re

import numpy as np
import pytest
from ctc_tools import path_probabilities, random_log_probs
from hypothesis import given
from hypothesis import strategies as st

from text_recognizer.alphabet import READER_ALPHABET
from text_recognizer.errors import UserError
from text_recognizer.reading.decoder import decode_beam, decode_greedy
from text_recognizer.reading.fields import ahead
from text_recognizer.reading.fields.decoder import decode_path, decode_text
from text_recognizer.reading.fields.pattern import compile_pattern
from text_recognizer.reading.fields.words import compile_words
from text_recognizer.reading.language import english

TOKENS = ("<B>", "a", "b")
PATTERNS = ["a*", "(ab|ba)+", "aab?", "a{2,3}", "[ab]{3}", "b?a+b*|bb", "aaaa", "[ab][ab]a", "[ab]*"]


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("seed", range(6))
def test_the_best_path_and_the_best_text_are_those_of_all(pattern: str, seed: int) -> None:
    log_probs = random_log_probs(6, 3, seed)
    automaton = compile_pattern(pattern, TOKENS)
    paths = {text: of for text, of in path_probabilities(log_probs, TOKENS).items() if re.fullmatch(pattern, text)}
    path, text = (
        decode_path(log_probs, TOKENS, automaton),
        decode_text(log_probs, TOKENS, automaton, width=200, negligible=0),
    )
    if not paths:
        assert path is text is None
        return
    assert path is not None
    assert text is not None
    assert path.text == max(paths, key=lambda one: max(paths[one]))
    assert path.log_probability == pytest.approx(np.log(max(paths[path.text])))
    assert text.text == max(paths, key=lambda one: sum(paths[one]))
    assert text.log_probability == pytest.approx(np.log(sum(paths[text.text])))


@pytest.mark.parametrize("kept", [0, 10**9])
def test_what_is_ahead_is_the_same_whether_it_is_kept_or_computed_again(
    kept: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    log_probs = random_log_probs(100, 3, 0)
    automaton = compile_pattern("(ab?){5,30}", TOKENS)
    whole = ahead.Ahead(log_probs, automaton)
    monkeypatch.setattr(ahead, "_MOST_KEPT", kept)
    again = ahead.Ahead(log_probs, automaton)
    for number in range(101):
        assert all(map(np.array_equal, whole[number], again[number]))


@given(
    st.integers(0, 10**6),
    st.sampled_from([*PATTERNS, "(ab){3}|b{5}", "a?b{6,9}"]),
    st.integers(1, 40),
    st.floats(0.1, 12),
)
def test_what_is_read_matches_always(seed: int, pattern: str, steps: int, sharpness: float) -> None:
    log_probs = random_log_probs(steps, 3, seed, sharpness)
    automaton = compile_pattern(pattern, TOKENS)
    path, text = decode_path(log_probs, TOKENS, automaton), decode_text(log_probs, TOKENS, automaton, width=2)
    assert (path is None) == (text is None)
    for decoded in (path, text):
        if decoded is not None:
            assert re.fullmatch(pattern, decoded.text)
            assert all(0 <= one.first <= one.last < steps for one in decoded.characters)


@pytest.mark.parametrize("seed", range(5))
def test_english_does_not_lead_out_of_the_pattern(seed: int) -> None:
    log_probs = random_log_probs(30, len(READER_ALPHABET), seed, 3.0)
    automaton = compile_pattern(r"[A-Z]{2}-\d{4}", READER_ALPHABET)
    decoded = decode_text(log_probs, READER_ALPHABET, automaton, english())
    assert decoded is not None
    assert re.fullmatch(r"[A-Z]{2}-\d{4}", decoded.text)
    assert all(re.fullmatch(r"[A-Z]{2}-\d{4}", text) for text, _ in decoded.others)
    assert sum(share for _, share in decoded.others) < 1


@pytest.mark.parametrize("seed", range(5))
def test_where_all_is_possible_nothing_changes(seed: int) -> None:
    log_probs = random_log_probs(6, 3, seed)
    automaton = compile_pattern("[ab]*", TOKENS)
    path, text = (
        decode_path(log_probs, TOKENS, automaton),
        decode_text(log_probs, TOKENS, automaton, width=200, negligible=0),
    )
    assert path == decode_greedy(log_probs, TOKENS)
    assert text is not None
    assert text.text == decode_beam(log_probs, TOKENS, width=200, negligible=0).text


def test_a_repeated_character_needs_a_blank_between() -> None:
    sure = np.log(np.array([[0.02, 0.97, 0.01]] * 3))
    for decode in (decode_path, decode_text):
        decoded = decode(sure, TOKENS, compile_words(["aa", "bbb"], TOKENS))
        assert decoded is not None
        assert decoded.text == "aa"
        assert decode(sure, TOKENS, compile_words(["bbb", "aaa"], TOKENS)) is None


def test_work_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ahead, "MOST_WORK", 100)
    with pytest.raises(UserError, match="too long a line"):
        decode_path(random_log_probs(60, 3, 0), TOKENS, compile_pattern("[ab]*", TOKENS))
