import pytest

from text_recognizer.errors import counted


@pytest.mark.parametrize(("number", "words"), [(0, "0 lines"), (1, "1 line"), (2, "2 lines"), (1234, "1,234 lines")])
def test_numbers_are_said_as_people_say_them(number, words):
    assert counted(number, "line") == words
