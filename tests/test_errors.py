import pytest

from text_recognizer.errors import UserError, counted, printable


@pytest.mark.parametrize(("number", "words"), [(0, "0 lines"), (1, "1 line"), (2, "2 lines"), (1234, "1,234 lines")])
def test_numbers_are_said_as_people_say_them(number, words):
    assert counted(number, "line") == words


@pytest.mark.parametrize(
    ("text", "shown"),
    [("é.png", "é.png"), ("\udce9.png", r"\xe9.png"), ("\ud83d.png", r"\ud83d.png")],
    ids=["whole", "a byte that is no UTF-8", "half a character"],
)
def test_every_text_can_be_printed(text, shown):
    assert printable(text) == str(UserError(text)) == shown
