import sys
from collections import Counter
from pathlib import Path

import pytest
from reading_tools import SENTENCES, log_probability

from text_recognizer.errors import UserError
from text_recognizer.reading.language import LanguageModel
from text_recognizer.training.shipped import build_language


@pytest.fixture
def lists(tmp_path: Path) -> Path:
    folder = tmp_path / "lists"
    folder.mkdir()
    (folder / "english-words.10").write_text("milk\nbread\nbread's\n")
    (folder / "english-words.50").write_text("zeugma\n")
    (folder / "english-proper-names.50").write_text("Zo\u00eb\n", encoding="latin-1")
    return folder


def test_common_words_occur_more_often(lists: Path) -> None:
    text = build_language.word_text(lists)
    counts = Counter(word.strip(".,").lower() for word in text.split())
    assert counts == {"milk": 15, "bread": 15, "zeugma": 2, "zo\u00eb": 4}
    assert text == build_language.word_text(lists)


def test_a_folder_without_lists_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"holds no lists such as english-words\.10"):
        build_language.word_text(tmp_path)


def test_entries_are_plain_letters() -> None:
    text = build_language.entries("A book of some words.", count=300)
    assert text.isascii()
    assert sum(map(str.isdigit, text)) > 100
    assert sum(map(str.isupper, text)) > 100


def test_the_model_knows_its_texts(
    lists: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    mark = "\n*** {} OF THE PROJECT GUTENBERG EBOOK A BOOK ***\n"
    (tmp_path / "book.txt").write_text(f"licence{mark.format('START')}{SENTENCES}{mark.format('END')}licence")
    out = tmp_path / "model.npz"
    monkeypatch.setattr(build_language, "NUM_ENTRIES", 100)
    flags = ["--words", str(lists), "--output", str(out)]
    monkeypatch.setattr(sys, "argv", ["build", "--text", str(tmp_path / "book.txt"), *flags])
    assert build_language.main() == 0
    model = LanguageModel.load(out)
    assert log_probability(model, "the cat") > log_probability(model, "licence")
    assert log_probability(model, "bread") > log_probability(model, "braed") + 2
    monkeypatch.setattr(sys, "argv", ["build", "--text", str(tmp_path / "none.txt"), *flags])
    assert build_language.main() == 1
    assert "none.txt" in capsys.readouterr().err
