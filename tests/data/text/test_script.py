from pathlib import Path

import pytest

from text_recognizer.data.splits import SPLITS
from text_recognizer.data.text.script import ScriptTexts, read_words
from text_recognizer.errors import UserError

GREEK = "αβγδεέΑΒΓΔΕ"


def test_words_that_cannot_be_spelled_are_left_out_and_signs_dropped(tmp_path: Path) -> None:
    file = tmp_path / "text.txt"
    file.write_text("αβγ, (δε\u0301)! xyz αβ7 ζ — Γέ", encoding="utf-8")
    assert read_words(str(file), frozenset(GREEK)) == ["αβγ", "δέ", "Γέ"]


@pytest.mark.parametrize(("content", "message"), [(b"latin alone", "can be spelled"), (b"\xff\xfe\x00", "UTF-8")])
def test_text_without_a_usable_word_is_named(content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_bytes(content)
    with pytest.raises(UserError, match=message) as error:
        read_words(str(tmp_path / "text.txt"), frozenset(GREEK))
    assert "text.txt" in str(error.value)


@pytest.mark.parametrize("words", [["αβγ", "δέ", "Γέ", "εε", "βαβα", "γεγε"], []])
def test_texts_are_spelled_with_the_script_and_no_two_splits_share_one(words: list[str]) -> None:
    found = {}
    for split in SPLITS:
        texts = ScriptTexts(GREEK, words, split, seed=1)
        found[split] = {texts.text(number, 20) for number in range(300)}
        assert all(len(text) <= 20 and set(text) <= set(GREEK + " ") for text in found[split])
        assert texts.text(7, 20) == ScriptTexts(GREEK, words, split, seed=1).text(7, 20)
    long = [{text.lower() for text in found[split] if len(text) > 2} for split in SPLITS]
    assert len(long[0] | long[1] | long[2]) == sum(map(len, long))
    assert len(found["train"]) > 100


def test_a_script_without_cases_has_texts_too() -> None:
    texts = ScriptTexts("אבגד", [], "train", seed=1)
    assert set("".join(texts.text(number, 12) for number in range(50))) <= set("אבגד ")
