import json

import numpy as np
import pytest

from text_recognizer.documents.corrected import correct, corrected
from text_recognizer.documents.formats import written
from text_recognizer.documents.layout import ReadPage
from text_recognizer.errors import UserError
from text_recognizer.imaging.normalization import NormalizedLine
from text_recognizer.reading.recognizer import Character, Reading


def reading(text: str, confidence: float = 0.5) -> Reading:
    """A line whose characters are ten pixels wide each."""
    characters = tuple(Character(one, confidence, 10.0 * k, 10.0 * k + 10) for k, one in enumerate(text))
    line = NormalizedLine(np.zeros((40, 400), np.uint8), 1.0, 0.0)
    return Reading(text, confidence, characters, line, ((text.upper(), 0.2),))


@pytest.mark.parametrize("text", ["the bat", "a", "the old cat sat down", "the catsat", "dog"])
def test_what_stays_keeps_its_place(text: str) -> None:
    said = corrected(reading("the cat sat"), text)
    assert "".join(one.character for one in said.characters) == said.text == text
    assert said.confidence == 1
    assert said.alternatives == ()
    edges = [edge for one in said.characters for edge in (one.x0, one.x1)]
    assert edges == sorted(edges)
    assert edges[0] >= 0
    assert edges[-1] <= 110


def test_a_letter_that_was_wrong_is_where_the_wrong_one_was() -> None:
    said = corrected(reading("the cat"), "the bat")
    assert (said.characters[4].x0, said.characters[4].x1) == (40, 50)
    assert said.characters[5] == Character("a", 1.0, 50, 60)


def test_what_was_right_is_left_alone() -> None:
    line = reading("right")
    assert corrected(line, "right") is line


def test_lines_are_counted_over_pages_without_those_that_are_empty() -> None:
    pages = [ReadPage("a.png", readings=[reading("one"), Reading("", 0.0), reading("two")], width=400, height=40)]
    pages.append(ReadPage("b.png", readings=[reading("three")], width=400, height=40))
    correct(pages, {2: "two!", 3: ""})
    assert [page.text for page in pages] == ["one\n\ntwo!", ""]
    lines = [line["text"] for page in json.loads(written("json", pages))["pages"] for line in page["lines"]]
    assert lines == ["one", "two!"]


@pytest.mark.parametrize("number", [0, 2])
def test_a_line_that_is_not_there_cannot_be_corrected(number: int) -> None:
    with pytest.raises(UserError, match=f"Line {number} is corrected, but the text has 1 line"):
        correct([ReadPage("a.png", readings=[reading("one")], width=400, height=40)], {number: "x"})
