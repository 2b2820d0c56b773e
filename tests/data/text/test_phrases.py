import pytest

from text_recognizer.alphabet import ALPHABET, READER_ALPHABET
from text_recognizer.data.text.phrases import KINDS, SHARED_LENGTH, Phrases, cut
from text_recognizer.errors import UserError

DOCUMENTS = ["It was the best of times, it was the worst of times, it was the age of wisdom. " * 20] * 3


def phrases(split: str = "train", kinds: dict[str, float] | None = None) -> Phrases:
    return Phrases(DOCUMENTS, READER_ALPHABET, split, seed=3, kinds=kinds)


def test_a_text_depends_on_seed_and_number_alone() -> None:
    forwards, backwards = phrases(), phrases()
    assert [forwards.text(i, 30) for i in range(50)] == [backwards.text(i, 30) for i in reversed(range(50))][::-1]


def test_no_text_is_in_two_splits() -> None:
    texts = {
        split: {text for i in range(400) if len(text := phrases(split).text(i, 30).lower()) > SHARED_LENGTH}
        for split in ("train", "val", "test")
    }
    assert not texts["train"] & texts["val"]
    assert not texts["train"] & texts["test"]
    assert not texts["val"] & texts["test"]


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_fits_and_can_be_spelled(kind: str) -> None:
    texts = [phrases(kinds={kind: 1.0}).text(i, 24) for i in range(100)]
    assert all(len(text) <= 24 and READER_ALPHABET.encode(text) is not None for text in texts)
    assert all(text == text.strip() and "  " not in text for text in texts)
    assert (set(texts) == {""}) == (kind == "empty")


def test_only_the_characters_that_are_allowed() -> None:
    allowed = frozenset(ALPHABET.characters)
    assert all(allowed.issuperset(phrases().text(i, 30, characters=allowed)) for i in range(200))


def test_a_first_word_that_is_too_long_is_cut() -> None:
    assert cut("incomprehensible things", 5) == "incom"
    assert cut("two  words\nhere", 10) == "two words"


def test_empty_documents_are_refused() -> None:
    with pytest.raises(UserError, match="no words"):
        Phrases([" "], READER_ALPHABET, "train", seed=0)
