import itertools
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from text_recognizer.alphabet import READER_ALPHABET
from text_recognizer.errors import UsageError
from text_recognizer.reading.fields.pattern import compile_pattern

TOKENS = ("<B>", "a", "b", "7")
TEXTS = ["".join(text) for length in range(6) for text in itertools.product(TOKENS[1:], repeat=length)]


def texts_of(pattern: str) -> list[str]:
    """The short texts that the automaton of a pattern accepts."""
    automaton = compile_pattern(pattern, TOKENS)
    return [text for text in TEXTS if automaton.accepts([TOKENS.index(character) for character in text])]


def patterns() -> st.SearchStrategy[str]:
    atoms = st.sampled_from(["a", "b", "7", ".", "[ab]", "[^a]", r"\d", r"\w", r"[\d-]", "[]b]", r"\x61", "(?:a)"])
    repeats = st.sampled_from(["*", "+", "?", "{2}", "{,2}", "{1,}", "{1,3}", "*?", "{0}"])
    return st.recursive(
        atoms,
        lambda inner: st.one_of(
            st.tuples(inner, inner).map("".join),
            st.tuples(inner, repeats).map(lambda pair: f"({pair[0]}){pair[1]}"),
            st.lists(inner, min_size=2, max_size=3).map(lambda parts: f"({'|'.join(parts)})"),
        ),
        max_leaves=6,
    )


@given(patterns())
def test_accepts_what_python_matches(pattern: str) -> None:
    matched = [text for text in TEXTS if re.fullmatch(pattern, text)]
    if matched not in ([], [""]):
        assert texts_of(pattern) == matched


@pytest.mark.parametrize("pattern", [r"^a+$", r"a|^b", r"a{2", r"(?P<letter>a)7", r"\$?a", "a{x}", r"a\-?b", "^(a|b)$"])
def test_what_python_reads_so_too(pattern: str) -> None:
    if pattern == "a|^b":
        with pytest.raises(UsageError, match="character 3"):
            texts_of(pattern)
    elif pattern in ("a{2", "a{x}"):
        with pytest.raises(UsageError, match="leaves no text"):  # brackets are characters, which TOKENS lack
            texts_of(pattern)
    else:
        assert texts_of(pattern) == [text for text in TEXTS if re.fullmatch(pattern, text)]


@pytest.mark.parametrize(
    ("pattern", "place"),
    [
        ("a(?=b)", 2),
        (r"(a)\1", 4),
        ("[a", 1),
        ("ab++", 3),
        ("a{2}+", 2),
        ("(?i)a", 1),
        (r"a\b", 2),
        ("a^b", 2),
        ("a**", 3),
        ("(a|b", 1),
        ("(" * 60 + ")" * 60, 52),
    ],
)
def test_what_cannot_be_followed_is_named_with_its_place(pattern: str, place: int) -> None:
    with pytest.raises(UsageError, match=f"wrong at character {place}: ") as raised:
        compile_pattern(pattern, TOKENS)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    "pattern", [".*a.{30}", "(a?){5000}", "(){65535}", "((a{1,99}){1,99}){1,99}", "(a{9}b?){500}", "(.|a{50})*" * 90]
)
def test_hostile_patterns_are_refused_soon(pattern: str) -> None:
    started = time.process_time()
    with pytest.raises(UsageError, match="cannot be followed"):
        compile_pattern(pattern, READER_ALPHABET)
    assert time.process_time() - started < 5


def test_long_patterns_that_are_plain_are_followed() -> None:
    assert len(compile_pattern("[a-z ]{0,400}", READER_ALPHABET).tokens) == 27 * 400


def test_a_pattern_of_foreign_characters_names_those_that_are_read() -> None:
    with pytest.raises(UsageError, match="reader writes these characters: ab7"):
        compile_pattern("[а-я]+", TOKENS)  # noqa: RUF001
