from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from text_recognizer.errors import UsageError, UserError
from text_recognizer.reading.fields.words import compile_words, read_words

TOKENS = ("<B>", "a", "b", " ")


@given(st.lists(st.text("ab ", max_size=6), min_size=1).filter(any), st.lists(st.text("ab ", max_size=6)))
def test_accepts_the_words_and_no_others(words: list[str], others: list[str]) -> None:
    automaton = compile_words(words, TOKENS)
    for text in words + others:
        assert automaton.accepts([TOKENS.index(character) for character in text]) == (text in words)


def test_equal_ends_are_shared() -> None:
    words = [start + "ababab" for start in ("aa", "ab", "ba", "bb")]
    assert len(compile_words(words, TOKENS).tokens) == 2 + 2 + 6  # the second letter leads to one state from both


def test_a_file_has_a_word_a_row(tmp_path: Path) -> None:
    file = tmp_path / "names.txt"
    file.write_text("Ann\n\n  Mary  Ann \r\nAnn\n")
    assert read_words(file) == ("Ann", "Mary Ann")


def test_what_is_no_list_is_said(tmp_path: Path) -> None:
    (tmp_path / "empty.txt").write_text("\n\n")
    with pytest.raises(UserError, match=r"empty\.txt: holds no word"):
        read_words(tmp_path / "empty.txt")
    with pytest.raises(UserError, match=r"none\.txt: cannot be read"):
        read_words(tmp_path / "none.txt")
    with pytest.raises(UsageError, match="'abc' has 'c'"):
        compile_words(["ab", "abc"], TOKENS)
