import pytest

from text_recognizer.alphabet import ALPHABET, READER_ALPHABET, Alphabet
from text_recognizer.errors import UserError


def test_tokens_are_the_labs_in_its_order() -> None:
    assert len(ALPHABET) == 83
    assert ALPHABET[:6] == ("<B>", "<S>", "<E>", "<P>", "0", "1")
    assert "".join(ALPHABET[14:66]) == "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    assert "".join(ALPHABET[66:]) == " !\"#&'()*+,-./:;?"


def test_text_survives_encoding_and_special_tokens_are_left_out() -> None:
    text = 'Is it (12:30) & "fine"?'
    assert ALPHABET.decode(ALPHABET.encode(text)) == text
    assert ALPHABET.decode([1, *ALPHABET.encode("a b"), 2, 3, 3]) == "a b"


def test_unknown_character_is_named() -> None:
    with pytest.raises(UserError, match="'%'"):
        ALPHABET.encode("5%")


@pytest.mark.parametrize("tokens", [["a", "a"], ["ab"], [""]])
def test_impossible_tokens_are_refused(tokens: list[str]) -> None:
    with pytest.raises(ValueError, match=r"token|Token"):
        Alphabet(tokens)


def test_an_alphabet_extends_one_whose_indices_it_keeps() -> None:
    assert READER_ALPHABET.extends(ALPHABET)
    assert READER_ALPHABET.extends(READER_ALPHABET)
    assert not ALPHABET.extends(READER_ALPHABET)
    assert not Alphabet(("<B>", "b", "a", "c")).extends(Alphabet(("<B>", "a", "b")))
