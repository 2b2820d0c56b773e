from itertools import combinations
from pathlib import Path

import pytest

from text_recognizer.alphabet import ALPHABET
from text_recognizer.errors import UsageError, UserError
from text_recognizer.hand.sheet.layout import (
    BASELINE,
    COPIES,
    FIELD_HEIGHT,
    FIELD_WIDTH,
    MARK_SIZE,
    PHRASES,
    X_HEIGHT,
    Paper,
    Sheet,
    characters_of,
    name_of,
)
from text_recognizer.hand.sheet.printing import MARKS, Label, Rectangle, draw_sheet

PAPERS: list[Paper] = ["A4", "Letter"]
UNPRINTABLE = 6.4
"""Margin that common printers leave, in mm."""
CHARACTERS = [character for character in ALPHABET.characters if character != " "]


def test_every_visible_character_has_its_boxes() -> None:
    texts = [box.text for box in Sheet().boxes]
    assert len(CHARACTERS) == 78
    assert {character: texts.count(character) for character in CHARACTERS} == dict.fromkeys(CHARACTERS, COPIES)


def test_words_to_copy_are_the_rest_and_of_the_alphabet() -> None:
    phrases = [box.text for box in Sheet().boxes if len(box.text) > 1]
    assert phrases == [text for row in PHRASES for text in row]
    assert set("".join(phrases)) <= set(ALPHABET.characters)
    assert set("abcdefghijklmnopqrstuvwxyz") <= set("".join(phrases).lower())


def test_nothing_overlaps_and_all_is_in_the_field() -> None:
    sheet = Sheet()
    areas = [(box.x, box.y, box.width, box.height) for box in sheet.boxes]
    areas += [(mark.x, mark.y, MARK_SIZE, MARK_SIZE) for mark in sheet.marks]
    for x, y, width, height in areas:
        assert x >= 0
        assert y >= 0
        assert x + width <= FIELD_WIDTH + 1e-9
        assert y + height <= FIELD_HEIGHT + 1e-9
    for (x0, y0, w0, h0), (x1, y1, w1, h1) in combinations(areas, 2):
        apart = x0 + w0 <= x1 + 1e-9 or x1 + w1 <= x0 + 1e-9 or y0 + h0 <= y1 + 1e-9 or y1 + h1 <= y0 + 1e-9
        assert apart


def test_marks_have_a_quiet_zone() -> None:
    sheet = Sheet()
    cell = MARK_SIZE / 6
    for mark in sheet.marks:
        for box in sheet.boxes:
            beside = box.x >= mark.x + MARK_SIZE + cell or box.x + box.width <= mark.x - cell
            assert beside or box.y >= mark.y + MARK_SIZE + cell or box.y + box.height <= mark.y - cell


def test_guides_are_in_the_box() -> None:
    box = Sheet().boxes[0]
    assert box.y < box.baseline - 2 * X_HEIGHT
    assert box.baseline == box.y + BASELINE < box.y + box.height - X_HEIGHT


@pytest.mark.parametrize("paper", PAPERS)
def test_all_that_is_printed_is_within_the_margins(paper: Paper) -> None:
    sheet = Sheet(paper)
    width, height = sheet.size
    for shape in draw_sheet(sheet):
        if isinstance(shape, Rectangle):
            right, bottom = shape.x + shape.width, shape.y + shape.height
        else:
            assert isinstance(shape, Label)
            right, bottom = shape.x + 0.56 * shape.size * len(shape.text), shape.y
        assert shape.x >= UNPRINTABLE
        assert shape.y >= UNPRINTABLE
        assert right <= width - UNPRINTABLE
        assert bottom <= height - UNPRINTABLE


def test_each_mark_of_each_paper_has_its_own_number() -> None:
    numbers = [sheet.mark_number(mark) for sheet in map(Sheet, PAPERS) for mark in sheet.marks]
    assert len(set(numbers)) == len(numbers)
    assert max(numbers) < len(MARKS.bytesList)


def test_characters_of_one_form_have_different_names() -> None:
    assert (name_of("c"), name_of("C")) == ("small", "capital")
    assert (name_of("o"), name_of("O"), name_of("0")) == ("small", "capital", "digit")
    assert name_of("'") == "apostrophe"


def test_there_are_two_papers() -> None:
    with pytest.raises(UsageError, match=r"paper is 'A5', but must be one of A4, Letter\."):
        Sheet("A5")  # type: ignore[arg-type]


def test_a_sheet_of_another_script_asks_for_its_characters_in_the_same_boxes() -> None:
    greek = Sheet(characters="αβΩ")
    assert [box.text for box in greek.boxes] == [one for one in "αβΩ" for _ in range(COPIES)]
    for box, usual in zip(greek.boxes, Sheet().boxes, strict=False):
        assert (box.x, box.y, box.width) == (usual.x, usual.y, usual.width)
    assert greek.marks == Sheet().marks


@pytest.mark.parametrize(
    ("character", "name"), [("ω", "small omega"), ("Ж", "capital zhe"), ("é", "small e with acute")]
)
def test_characters_of_other_scripts_are_called_by_their_names(character: str, name: str) -> None:
    assert name_of(character) == name


@pytest.mark.parametrize(
    ("characters", "message"),
    [
        ("", "room for 1 to 78 characters, but 0"),
        ("".join(map(chr, range(0x4E00, 0x4E00 + 79))), "but 79 are given"),
        ("αβα", "'α' is given twice"),
        ("α\u0301", "'\\u0301' is not"),
    ],
)
def test_characters_that_no_sheet_can_ask_for(characters: str, message: str) -> None:
    with pytest.raises(UsageError) as error:
        Sheet(characters=characters)
    assert message in str(error.value)


def test_an_alphabet_is_given_as_it_is_or_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "greek.txt"
    file.write_text("\ufeffα β\nγ ε\u0301\n", encoding="utf-8")
    assert characters_of(str(file)) == characters_of("αβγέ") == "αβγέ"
    file.write_bytes(b"\xff\xfe\x00")
    for name, message in ((file, "not UTF-8 text"), (tmp_path / "none.txt", "No such file")):
        with pytest.raises(UserError, match=message):
            characters_of(str(name))
