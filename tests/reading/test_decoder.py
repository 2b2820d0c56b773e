import itertools

import numpy as np
import pytest
from ctc_tools import collapse, path_probabilities, random_log_probs, steps

from text_recognizer.alphabet import ALPHABET
from text_recognizer.reading import decoder
from text_recognizer.reading.decoder import decode_beam, decode_greedy
from text_recognizer.reading.language import Contexts, LanguageModel, english

TOKENS = ("<B>", "a", "b")


@pytest.mark.parametrize("seed", range(40))
def test_wide_beam_finds_the_text_of_largest_total_probability(seed):
    log_probs = random_log_probs(6, 3, seed, 1.0)
    totals = {text: sum(paths) for text, paths in path_probabilities(log_probs, TOKENS).items()}
    decoded = decode_beam(log_probs, TOKENS, width=200, negligible=0)
    assert decoded.text == max(totals, key=totals.__getitem__)
    assert decoded.log_probability == pytest.approx(np.log(totals[decoded.text]))


@pytest.mark.parametrize("seed", range(10))
def test_greedy_is_the_best_path(seed):
    log_probs = random_log_probs(5, 3, seed)
    best = max(itertools.product(range(3), repeat=5), key=lambda path: log_probs[np.arange(5), path].sum())
    decoded = decode_greedy(log_probs, TOKENS)
    assert decoded.text == collapse(best, TOKENS)
    assert decoded.log_probability == pytest.approx(log_probs.max(1).sum())


@pytest.mark.parametrize("decode", [decode_greedy, decode_beam])
def test_repeated_characters_need_a_blank_between(decode):
    assert decode(steps({"l": 0.9}, {"l": 0.8}, {}, {"l": 0.9}), ALPHABET).text == "ll"
    assert decode(steps({"l": 0.9}, {"l": 0.9}, {"l": 0.9}), ALPHABET).text == "l"


@pytest.mark.parametrize("decode", [decode_greedy, decode_beam])
def test_characters_say_where_and_how_surely_they_were_read(decode):
    decoded = decode(steps({}, {}, {"A": 0.6}, {"A": 0.9}, {}, {"b": 0.7}, {}), ALPHABET)
    assert [(c.character, c.first, c.last) for c in decoded.characters] == [("A", 2, 3), ("b", 5, 5)]
    assert [c.probability for c in decoded.characters] == pytest.approx([0.9, 0.7], abs=1e-6)


def test_a_faint_double_does_not_move_later_characters():
    decoded = decode_beam(steps({"l": 0.9}, {"l": 0.4}, {"l": 0.02}, {}, {}, {"l": 0.9}, {}), ALPHABET)
    assert [(c.character, c.first) for c in decoded.characters] == [("l", 0), ("l", 5)]


@pytest.mark.parametrize("decode", [decode_greedy, decode_beam])
def test_special_tokens_are_never_read(decode):
    decoded = decode(steps({"<P>": 0.9, "x": 0.06}, {"<E>": 0.99}), ALPHABET)
    assert set(decoded.text) <= {"x"}


def test_a_certain_special_token_leaves_nothing():
    log_probs = np.full((3, len(ALPHABET)), -np.inf)
    log_probs[:, ALPHABET.index("<P>")] = 0
    assert decode_beam(log_probs, ALPHABET).text == ""


@pytest.mark.parametrize("decode", [decode_greedy, decode_beam])
def test_blank_line_is_empty_and_certain(decode):
    decoded = decode(steps({}, {}, {}), ALPHABET)
    assert (decoded.text, round(decoded.log_probability, 4)) == ("", 0)


def test_long_lines_do_not_underflow():
    log_probs = random_log_probs(2000, len(ALPHABET), 0, 3.0)
    decoded = decode_beam(log_probs, ALPHABET, width=4)
    assert np.isfinite(decoded.log_probability)
    assert decoded.log_probability >= decode_greedy(log_probs, ALPHABET).log_probability - 50


def test_language_settles_what_the_picture_leaves_open():
    starts, seen = np.array([0, 3, 4], np.int32), np.array([0, 1, 2, 1], np.uint8)
    costs, escapes = np.array([100, 100, 100, 2], np.uint8), np.array([0, 30], np.uint8)  # after "a" comes "b"
    language = LanguageModel(Contexts(["", "a"], starts, seen, costs, escapes), "0ba")
    tokens = ("<B>", "a", "b", "c")
    log_probs = steps({"a": 0.98}, {"b": 0.45, "c": 0.5}, tokens=tokens)
    assert decode_beam(log_probs, tokens).text == "ac"
    assert decode_beam(log_probs, tokens, language).text == "ab"
    sure = steps({"a": 0.98}, {"b": 0.001, "c": 0.998}, tokens=tokens)
    assert decode_beam(sure, tokens, language).text == "ac"


def test_what_is_remembered_of_a_language_model_is_bounded(monkeypatch):
    monkeypatch.setattr(decoder, "MOST_REMEMBERED", 50)
    growth = decoder.Growth(ALPHABET, english())
    unbounded = decoder.Growth(ALPHABET, english())
    for state in range(40):
        for token in range(4, 20):
            assert growth(state, token) == unbounded(state, token)
            assert len(growth._known) <= 50
