import pytest
from ctc_tools import steps

from text_recognizer.alphabet import ALPHABET
from text_recognizer.reading.decoder import decode_beam
from text_recognizer.reading.language import english
from text_recognizer.reading.numbers import START, STATES, next_number, number_factor


def factor_of(text: str) -> float:
    state, factor = START, 1.0
    for character in text:
        factor *= number_factor(state, character)
        state = next_number(state, character)
        assert 0 <= state < STATES
    return factor


@pytest.mark.parametrize(
    "text",
    [
        "24/02/1904",
        "2026/11/28",
        "100234/24",
        "2024/00123",
        "123/456/78901",
        "12345,12346,12347",
        "1/2 and 3/4",
        "1,250,000.50",
        "12345.67",
        "12345,67",
        "555-867-5309",
        "10:15:30",
        "3.14159265",
        "90210, 90211",
        "AB12/C345678",
        "0870 123456, 4540 7373 7282",
    ],
)
def test_numbers_as_people_write_them_are_as_likely_as_before(text):
    assert factor_of(text) == 1


@pytest.mark.parametrize("text", ["628/2456678", "0081213/6", "98873245/0", "1,2345678", "5981886,410", "5981886.410"])
def test_groups_that_no_number_has_are_unlikely(text):
    assert factor_of(text) < 0.12


def read(text: str, slash: float) -> str:
    """What is read of a text whose slashes could be ones: ``slash`` is the probability that they are none."""
    rows = [{one: 0.98} if one != "/" else {"/": slash, "1": 0.98 - slash} for one in text]
    return decode_beam(steps(*(row for one in rows for row in (one, {}))), ALPHABET, english()).text


def test_a_slash_in_a_long_row_of_digits_is_a_slanting_one():
    assert read("9887324/0332663", 0.8) == "988732410332663"
    assert read("24/02/1904", 0.8) == "24/02/1904"


def test_a_clear_slash_stays():
    assert read("9887324/0332663", 0.97) == "9887324/0332663"
