import re

import pytest

from text_recognizer.alphabet import READER_ALPHABET
from text_recognizer.errors import UsageError
from text_recognizer.reading.fields.dates import DATE
from text_recognizer.reading.fields.expected import Expected


@pytest.mark.parametrize(
    "text",
    [
        *("2024-05-17", "2024/12/31", "17.5.2024", "17.05.24", "5/17/2024", "31/12/99", "1-1-1901"),
        *("17 May 2024", "17. Sept. 2024", "May 17, 2024", "Dec 3 1999"),
    ],
)
def test_dates(text: str) -> None:
    assert re.fullmatch(DATE, text)
    assert Expected(date=True).automaton(READER_ALPHABET).accepts(READER_ALPHABET.encode(text))


@pytest.mark.parametrize(
    "text", ["", "2024-13-01", "32.5.2024", "17.5/2024", "2024-5-17", "17 Mai 2024", "5/17", "17.5.3024"]
)
def test_no_dates(text: str) -> None:
    assert not Expected(date=True).automaton(READER_ALPHABET).accepts(READER_ALPHABET.encode(text))


@pytest.mark.parametrize("allowed", ["0-9.,", "a]", "^a", "[a", "\\", "-a", "A&&B", "é"])
def test_allowed_characters(allowed: str) -> None:
    automaton = Expected(allow=allowed).automaton(READER_ALPHABET)
    accepted = {token for token in READER_ALPHABET.characters if automaton.accepts(READER_ALPHABET.encode(token * 3))}
    assert accepted == (set("0123456789.,") if allowed == "0-9.," else set(allowed))
    assert automaton.accepts([])


@pytest.mark.parametrize(
    ("known", "said"),
    [
        ({"allow": "a", "date": True}, "allow and date are given"),
        ({"pattern": ""}, "pattern is empty"),
        ({"words": ()}, "words is empty"),
        ({"pattern": "a" * 1001}, "pattern has 1,001 characters"),
        ({"allow": "9-0"}, "bad character range"),
    ],
)
def test_what_makes_no_sense_is_said(known: dict[str, object], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        Expected.of(**known).automaton(READER_ALPHABET)  # type: ignore[arg-type]


def test_nothing_expected_is_false() -> None:
    assert not Expected()
    assert Expected(allow="a")
