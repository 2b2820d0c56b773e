import numpy as np
import pytest
import torch
import torch.nn.functional as F

from text_recognizer.alphabet import ALPHABET, PADDING
from text_recognizer.training.metrics import CharacterMetrics, LineMetrics, fold

PAD = ALPHABET.index(PADDING)


def rows(*texts: str, length: int = 8) -> torch.Tensor:
    return torch.tensor([ALPHABET.encode(text) + [PAD] * (length - len(text)) for text in texts])


def test_folding_joins_case_and_look_alikes() -> None:
    assert fold("O0o I1lLi Cc") == "ooo iiiii cc"


def test_characters_against_counting_by_hand() -> None:
    targets = rows("aabO", length=4)[0]
    predictions = rows("Aab0", length=4)[0]
    metrics = CharacterMetrics(ALPHABET)
    metrics.update(F.one_hot(predictions, len(ALPHABET)).float(), targets)
    figures = {name: value.item() for name, value in metrics.compute().items()}
    assert figures == pytest.approx({"acc": 2 / 4, "acc_per_class": (0.5 + 1 + 0) / 3, "acc_folded": 1.0})


def test_lines_against_counting_by_hand() -> None:
    metrics = LineMetrics(ALPHABET)
    metrics.update(rows("a cat", "ok"), rows("a Cap", "ok"))
    figures = {name: value.item() for name, value in metrics.compute().items()}
    assert figures == pytest.approx(
        {"acc": 14 / 16, "char_acc": 5 / 7, "cer": 2 / 7, "cer_folded": 1 / 7, "exact": 1 / 2}
    )


def test_what_is_read_past_the_length_of_the_target_counts() -> None:
    metrics = LineMetrics(ALPHABET)
    metrics.update(rows("catcatcatcat", length=20), rows("cat", length=4))
    figures = {name: value.item() for name, value in metrics.compute().items()}
    assert figures == pytest.approx({"acc": 3 / 4, "char_acc": 1.0, "cer": 3.0, "cer_folded": 3.0, "exact": 0.0})


def test_what_is_shorter_than_the_target_is_padded() -> None:
    metrics = LineMetrics(ALPHABET)
    metrics.update(rows("ca", length=2), rows("cat", length=4))
    assert metrics.compute()["acc"].item() == pytest.approx(3 / 4)
    assert metrics.compute()["cer"].item() == pytest.approx(1 / 3)


def test_padding_never_counts_in_the_error_rate() -> None:
    for length in (8, 100):
        metrics = LineMetrics(ALPHABET)
        metrics.update(rows("cot", length=length), rows("cat", length=length))
        assert metrics.compute()["cer"].item() == pytest.approx(1 / 3)


def test_error_rate_is_total_edits_over_total_length() -> None:
    metrics = LineMetrics(ALPHABET)
    metrics.count_texts(["x", "0123456789"], ["a", "0123456789"])
    assert metrics.compute()["cer"].item() == pytest.approx(1 / 11)


def test_characters_are_confused_where_texts_stand_side_by_side() -> None:
    metrics = LineMetrics(ALPHABET)
    metrics.count_texts(["a cot", "bbb", ""], ["a cat", "bb", "x"])
    pairs = {(ALPHABET[i], ALPHABET[j]) for i, j in metrics.confusion.nonzero().tolist()}
    assert pairs == {("a", "a"), (" ", " "), ("c", "c"), ("a", "o"), ("t", "t"), ("b", "b")}
    assert metrics.confusion.sum() == 7


def test_classes_that_do_not_occur_do_not_lower_the_mean_recall() -> None:
    metrics = CharacterMetrics(ALPHABET)
    targets = torch.from_numpy(np.arange(10) % 3 + 4)
    metrics.update(F.one_hot(targets, len(ALPHABET)).float(), targets)
    assert metrics.compute()["acc_per_class"].item() == 1.0
