import re
from dataclasses import fields

import numpy as np
import pytest

from text_recognizer.alphabet import ALPHABET, PADDING
from text_recognizer.data.splits import SPLITS, Split
from text_recognizer.data.text.builtin import builtin_documents
from text_recognizer.data.text.mix import Corpus, TextMix, draw_texts, split_documents
from text_recognizer.errors import UsageError, UserError

KINDS = [field.name for field in fields(TextMix)]


def only(kind: str) -> TextMix:
    return TextMix(**{name: float(name == kind) for name in KINDS})


@pytest.fixture(scope="module")
def corpora() -> dict[Split, Corpus]:
    return split_documents(builtin_documents(seed=3, count=60), seed=3)


def draw(corpus: Corpus, split: Split = "train", count: int = 300, max_chars: int = 14, seed: int = 5, **settings):  # type: ignore[no-untyped-def]
    codes, lengths = draw_texts(
        corpus, split, max_chars=max_chars, seed=seed, indices=np.arange(count) + 1000, **settings
    )
    for row, length in zip(codes, lengths, strict=True):
        assert (row[length:] == ALPHABET.index(PADDING)).all()
    return [ALPHABET.decode(row[:length]) for row, length in zip(codes, lengths, strict=True)]


def text_of(corpus: Corpus) -> str:
    return ALPHABET.decode(corpus.codes)


def test_texts_are_whole_words_of_one_document() -> None:
    documents = [f"w{i}a w{i}b   w{i}c\nw{i}d" for i in range(40)]
    corpus = Corpus.from_documents(documents)
    texts = set(draw(corpus, count=3000, max_chars=12))
    lines = [" ".join(document.split()) for document in documents]
    for text in texts:
        assert len(text) <= 12
        assert any(f" {text} " in f" {line} " for line in lines)
    assert {len(text.split()) for text in texts} == {1, 2, 3}
    assert all(sum(f"w{i}{letter}" in texts for i in range(40)) > 15 for letter in "abcd")


@pytest.mark.parametrize("mix", [TextMix(), TextMix(*[1.0] * len(KINDS))])
def test_splits_share_no_text(corpora: dict[Split, Corpus], mix: TextMix) -> None:
    texts = {split: set(map(str.lower, draw(corpora[split], split, 3000, mix=mix))) for split in SPLITS}
    assert min(map(len, texts.values())) > 100
    assert not texts["train"] & texts["val"]
    assert not texts["train"] & texts["test"]
    assert not texts["val"] & texts["test"]


def test_splits_share_no_text_even_of_one_corpus(corpora: dict[Split, Corpus]) -> None:
    texts = [set(map(str.lower, draw(corpora["train"], split, 2000, max_chars=8))) for split in SPLITS]
    assert all(texts)
    assert not texts[0] & texts[1] | texts[0] & texts[2] | texts[1] & texts[2]


def test_documents_are_dealt_once() -> None:
    documents = [f"word{i}" for i in range(50)]
    corpora = split_documents(documents, seed=1)
    dealt = [text_of(corpora[split]).split() for split in SPLITS]
    assert [len(words) for words in dealt] == [40, 5, 5]
    assert sorted(word for words in dealt for word in words) == sorted(documents)
    assert text_of(split_documents(documents, seed=1)["val"]) == text_of(corpora["val"])
    assert text_of(split_documents(documents, seed=2)["val"]) != text_of(corpora["val"])


def test_text_depends_on_seed_and_index_alone(corpora: dict[Split, Corpus]) -> None:
    mix = TextMix(*[1.0] * len(KINDS))
    corpus = corpora["train"]
    whole, lengths = draw_texts(corpus, "train", max_chars=20, seed=9, indices=np.arange(100), mix=mix)
    order = np.array([70, 3, 99])
    some, some_lengths = draw_texts(corpus, "train", max_chars=20, seed=9, indices=order, mix=mix)
    assert (some == whole[order]).all()
    assert (some_lengths == lengths[order]).all()
    assert not np.array_equal(whole, draw_texts(corpus, "train", max_chars=20, seed=8, indices=np.arange(100))[0])


def test_kinds(corpora: dict[Split, Corpus]) -> None:
    corpus = corpora["train"]
    drawn = {kind: draw(corpus, mix=only(kind)) for kind in KINDS}
    words = set(text_of(corpus).split())
    assert drawn["as_is"] == draw(corpus)
    assert any(character.islower() for text in drawn["as_is"] for character in text)
    assert all(text == text.upper() for text in drawn["capitals"])
    assert all(word[:1] == word[:1].upper() for text in drawn["title_case"] for word in text.split(" "))
    assert all(word[1:] == word[1:].lower() for text in drawn["title_case"] for word in text.split(" "))
    assert set(drawn["single_words"]) <= words
    assert all(text.isdigit() for text in drawn["digits"])
    assert {len(text) for text in drawn["digits"]} == set(range(1, 15))
    assert all(re.search(r"\d", text) for text in drawn["dates_and_codes"])


def test_dates_are_possible(corpora: dict[Split, Corpus]) -> None:
    texts = draw(corpora["train"], count=3000, mix=only("dates_and_codes"))
    dates = [match for text in texts if (match := re.fullmatch(r"(\d\d)\.(\d\d)\.(\d{4})", text))]
    times = [match for text in texts if (match := re.fullmatch(r"(\d+):(\d\d)", text))]
    assert len(dates) > 100
    assert all(1 <= int(d[1]) <= 31 and 1 <= int(d[2]) <= 12 and 1900 <= int(d[3]) < 2100 for d in dates)
    assert len(times) > 100
    assert all(int(t[1]) < 24 and int(t[2]) < 60 for t in times)
    assert max(map(len, texts)) <= 14


def test_weights(corpora: dict[Split, Corpus]) -> None:
    texts = draw(corpora["val"], "val", 2000, mix=TextMix(as_is=0, capitals=1, digits=3))
    assert 0.7 < np.mean([text.isdigit() for text in texts]) < 0.8


@pytest.mark.parametrize("documents", [["abcdefghijk"], []])
def test_no_usable_text_ends_in_an_error(documents: list[str]) -> None:
    with pytest.raises(UserError, match="no usable line of at most 10 characters for the train split"):
        draw(Corpus.from_documents(documents), max_chars=10)


def test_text_that_no_split_may_use_ends_in_an_error() -> None:
    corpus = Corpus.from_documents(["word"])
    usable = []
    for split in SPLITS:
        try:
            usable += draw(corpus, split, count=2)
        except UserError:
            continue
    assert usable == ["word", "word"]


def test_too_few_documents() -> None:
    with pytest.raises(UserError, match="2 documents"):
        split_documents(["one text", "another"], seed=0)


def test_unknown_character() -> None:
    with pytest.raises(UserError, match="'é'"):
        Corpus.from_documents(["fine", "un café"])
    with pytest.raises(UserError, match="'@'"):
        Corpus.from_documents(["me@home"])


@pytest.mark.parametrize("weights", [{"as_is": 0.0}, {"digits": -1.0}, {"digits": float("nan")}])
def test_impossible_mix(weights: dict[str, float]) -> None:
    with pytest.raises(UsageError, match="text_mix"):
        TextMix(**weights)
