from pathlib import Path

import pytest
from reading_tools import SENTENCES, log_probability

from text_recognizer.alphabet import READER_ALPHABET
from text_recognizer.errors import UserError
from text_recognizer.reading.language import LanguageModel
from text_recognizer.reading.ngrams import build_language_model, read_language


def test_a_language_is_learned_from_a_text(tmp_path: Path) -> None:
    file = tmp_path / "german.txt"
    file.write_text("Die Größe der Bücher, über die wir sprechen, ist für jeden schön. " * 60, encoding="utf-8")
    language = read_language(file, READER_ALPHABET)
    state = language.start
    for character in "Gr":
        state = language.next_state(state, character)
    assert language.log_probability(state, "ö") > language.log_probability(state, "o") + 2


def test_a_language_of_many_characters_knows_the_commonest(tmp_path: Path) -> None:
    characters = [chr(0x4E00 + number) for number in range(400)]
    text = "".join(one * (1 + 20 * (number < 50)) for number, one in enumerate(characters)) * 4
    (tmp_path / "chinese.txt").write_text(text, encoding="utf-8")
    language = read_language(tmp_path / "chinese.txt", ("", *characters))
    assert len(language.characters) == 256
    common, rare = (language.log_probability(language.start, characters[number]) for number in (3, 399))
    assert common > rare


def test_too_short_a_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "short.txt").write_text("One sentence.")
    with pytest.raises(UserError, match=r"short\.txt: a text of 11 letters"):
        read_language(tmp_path / "short.txt", READER_ALPHABET)


def test_learns_its_text_and_survives_a_file(tmp_path: Path) -> None:
    model = build_language_model(SENTENCES, contexts=500)
    assert log_probability(model, "the cat") > log_probability(model, "teh cat") + 2
    model.save(tmp_path / "model.npz")
    loaded = LanguageModel.load(tmp_path / "model.npz")
    assert log_probability(loaded, "the dog sat") == log_probability(model, "the dog sat")


def test_the_same_text_gives_the_same_model() -> None:
    first, second = (build_language_model(SENTENCES, contexts=100) for _ in range(2))
    assert log_probability(first, SENTENCES[:300]) == log_probability(second, SENTENCES[:300])
