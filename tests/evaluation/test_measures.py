import pytest

from text_recognizer.errors import UsageError
from text_recognizer.evaluation.measures import (
    cer,
    confusions,
    error_counts,
    marked,
    normalised,
    right_characters,
    variant_of,
)


def test_errors_are_counted_in_characters_and_words() -> None:
    counts = error_counts(["the cat sat", ""], ["the bat sat down", "no"])
    assert counts.tolist() == [[6, 16, 2, 4], [2, 2, 1, 1]]
    assert cer(["the cat sat", ""], ["the bat sat down", "no"]) == 8 / 18
    assert error_counts([], []).shape == (0, 4)


def test_unicode_and_white_space_are_normalised() -> None:
    assert normalised(" caf\u0065\u0301 \t au\u00a0lait ") == "café au lait"
    assert normalised("ﬁne", "NFKC") == "fine"
    assert normalised("ﬁne", "NFC") == "ﬁne"
    assert len(normalised("e\u0301", "none")) == 2
    with pytest.raises(UsageError, match="--unicode is 'NFX'"):
        normalised("x", "NFX")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("variant", "expected"),
    [
        ("as it is", "It's 3.5 €, Straße!"),
        ("case ignored", "it's 3.5 €, strasse!"),
        ("punctuation ignored", "Its 35 Straße"),
        ("both ignored", "its 35 strasse"),
    ],
)
def test_variants(variant: str, expected: str) -> None:
    assert variant_of("It's 3.5 €, Straße!", variant) == expected  # type: ignore[arg-type]


def test_what_was_read_in_place_of_what() -> None:
    found = confusions(["ct", "caat", "cut"], ["cat", "cat", "cat"])
    assert found == {("a", ""): 1, ("", "a"): 1, ("a", "u"): 1}
    assert marked("cut!", "cat") == [
        ("equal", "c", "c"),
        ("replace", "a", "u"),
        ("equal", "t", "t"),
        ("insert", "", "!"),
    ]


@pytest.mark.parametrize(
    ("text", "truth", "right"),
    [("cat", "cat", 3), ("cut", "cat", 2), ("ct", "cat", 2), ("caat", "cat", 3)],
)
def test_right_characters(text: str, truth: str, right: int) -> None:
    found = right_characters(text, truth)
    assert (len(found), sum(found)) == (len(text), right)
