import logging
import time
import zipfile
from collections import Counter
from pathlib import Path
from random import Random

import pytest

from text_recognizer.alphabet import ALPHABET
from text_recognizer.data.text.builtin import Grammar, _with_ed, _with_ing, _with_s, builtin_documents
from text_recognizer.data.text.sources import download_text, load_documents, read_brown, to_alphabet
from text_recognizer.errors import UserError


def check_documents(documents: list[str]) -> None:
    assert len(documents) >= 10
    for document in documents:
        assert document
        assert document == " ".join(document.split())
        assert set(document) <= set(ALPHABET.characters)


def test_builtin_text() -> None:
    start = time.perf_counter()
    documents = load_documents("builtin", seed=1)
    assert time.perf_counter() - start < 10
    check_documents(documents)
    text = "".join(documents)
    assert len(text) > 400_000
    assert set(text) == set(ALPHABET.characters)
    assert load_documents("builtin", seed=1) == documents
    assert load_documents("builtin", seed=2) != documents


def test_builtin_text_has_the_letters_and_variety_of_english() -> None:
    documents = builtin_documents(seed=1)
    letters = Counter(character for document in documents for character in document.lower() if character.isalpha())
    ranked = [letter for letter, _ in letters.most_common()]
    assert ranked[0] == "e"
    assert set(ranked[:9]) == set("etaoinshr")
    assert set(ranked[-4:]) == set("jqxz")
    assert len({word for document in documents for word in document.split()}) > 10_000


def test_sentences_are_in_one_document_only() -> None:
    documents = builtin_documents(seed=1, count=20, sentences=30)
    asked = [question for document in documents for question in document.split("? ") if len(question) > 60]
    assert len(set(asked)) == len(asked)


def test_grammar_forms() -> None:
    source = (
        '[words]\nthings = "calf/calves apple"\npeople = "man/men"\nverbs = "stop"\nirregular_verbs = "go/went/gone"\n'
        '[rules]\nall = ["{!person} {^people} {03-03} {a|a}"]\nweighted = { all = 1 }'
    )
    assert Grammar(source).expand("weighted", Random(0)) == "MAN Men 03 a"


@pytest.mark.parametrize(
    ("form", "words"),
    [
        (
            _with_s,
            {"box": "boxes", "city": "cities", "day": "days", "go": "goes", "radio": "radios", "match": "matches"},
        ),
        (_with_ed, {"bake": "baked", "carry": "carried", "stop": "stopped", "open": "opened", "play": "played"}),
        (_with_ing, {"lie": "lying", "make": "making", "see": "seeing", "begin": "beginning", "run": "running"}),
    ],
)
def test_word_forms(form, words: dict[str, str]) -> None:
    assert {word: form(word) for word in words} == words


def test_brown(mirror: str) -> None:
    download_text("brown")
    documents = load_documents("brown", seed=0)
    check_documents(documents)
    assert len(documents) == 500
    assert documents[0].startswith(
        "The Fulton County Grand Jury said Friday an investigation of Atlantas recent primary"
    )
    assert not set("".join(documents)) & set("!\"#&'()*+,-./:;?")


def test_an_archive_that_is_not_brown(tmp_path: Path) -> None:
    archive = tmp_path / "brown.zip"
    archive.write_text("no zip")
    with pytest.raises(UserError, match="not the archive of the Brown corpus"):
        read_brown(archive)
    with zipfile.ZipFile(archive, "w") as members:
        members.writestr("brown/ca01", "The/at jury/nn said/vbd")
    with pytest.raises(UserError, match="holds 1 files and 3 tokens"):
        read_brown(archive)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\u201c\u00c7a va\u201d\u2014c\u2019est l\u2019\u0153uvre\u2026", "\"Ca va\"--c'est l'oeuvre..."),
        ("\ufb01ne, na\u00efve Stra\u00dfe \u00bd \u00a0 1\u20132 \u00abx\u00bb", 'fine, naive Strasse 1/2   1-2 "x"'),
        ("_Emma_ [1]: 5% of $3", "Emma 1: 5 of 3"),
        ("read \u041c\u0438\u0440, please", "read  please"),
    ],
)
def test_to_alphabet(text: str, expected: str) -> None:
    assert to_alphabet(text, "a text") == expected


def test_what_is_left_out_is_named(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        to_alphabet("[a] [b]", "my.txt")
    assert caplog.messages == ["my.txt: left out, as they are outside the alphabet: '[' (U+005B) 2x, ']' (U+005D) 2x"]


@pytest.mark.parametrize(
    "text",
    [
        "one two three four five six seven eight nine ten",
        "\ufeffone two three four five six seven eight nine " + 500 * "x",
        "\r\n\r\n".join(["A short line.", "A long line. " * 1000, "word " * 3000]),
    ],
)
def test_a_text_file_gives_at_least_ten_documents_and_keeps_its_words(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(text.encode())
    documents = load_documents(str(path), seed=0)
    check_documents(documents)
    assert " ".join(documents).split() == text.strip("\ufeff").split()
    assert max(map(len, documents)) < 4_000


def test_gutenberg_licence_is_cut(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    book = " ".join(f"word{i}" for i in range(100))
    mark = "*** {} OF THE PROJECT GUTENBERG EBOOK A BOOK ***"
    path.write_text(f"Licence\n{mark.format('START')}\n{book}\n{mark.format('END')}\nLicence")
    assert " ".join(load_documents(str(path), seed=0)) == book


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "0 words"),
        (b"only three words", "3 words"),
        ("\u041c\u0438\u0440 ".encode() * 100, "0 words"),
        ("caf\u00e9".encode("latin-1"), "not UTF-8"),
    ],
)
def test_a_text_file_that_cannot_serve(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(content)
    with pytest.raises(UserError, match=rf"a\.txt.*{message}"):
        load_documents(str(path), seed=0)


def test_an_unknown_source_is_named() -> None:
    for function in (download_text, lambda source: load_documents(source, seed=0)):
        with pytest.raises(UserError, match=r"'bown'.*brown, builtin, or the path"):
            function("bown")


def test_several_sources_are_joined(tmp_path: Path) -> None:
    (tmp_path / "own.txt").write_text("one two three four five six seven eight nine ten eleven twelve")
    own = load_documents(str(tmp_path / "own.txt"), seed=1)
    assert load_documents(f"builtin,{tmp_path / 'own.txt'}", seed=1) == load_documents("builtin", seed=1) + own


def test_words_with_a_letter_of_another_script_are_left_out_whole() -> None:
    assert to_alphabet("one \u03b1two thr\u03b2ee\nfour\u03b3 five\u2603", "text").split() == ["one", "five"]


@pytest.mark.parametrize("line", ["a" * 1_000_000 + "\u03b1", "\u03b1" * 1_000_000, "a\u03b1" * 500_000])
def test_a_long_line_without_spaces_takes_no_longer_than_others(line: str) -> None:
    start = time.process_time()
    assert to_alphabet(line, "text") == ""
    assert time.process_time() - start < 10
