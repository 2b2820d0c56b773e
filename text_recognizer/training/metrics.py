"""Accuracies and error rates of characters and lines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from rapidfuzz.distance import Levenshtein
from torch import Tensor
from torchmetrics import Metric

from text_recognizer.alphabet import PADDING, Alphabet

_FOLDS = {"0": "o", "1": "i", "l": "i"}


def fold(text: str) -> str:
    """Text without the distinctions that a single glyph cannot show: case; 0 and O; 1, I and L."""
    return "".join(_FOLDS.get(character, character) for character in text.lower())


def folded_indices(alphabet: Alphabet) -> Tensor:
    """For each index of the alphabet the first index whose token folds to the same, int64 (len(alphabet),)."""
    folded = [token if len(token) > 1 else fold(token) for token in alphabet]
    return torch.tensor([folded.index(token) for token in folded])


class CharacterMetrics(Metric):
    """Accuracies of single characters, all from one confusion matrix.

    ``compute`` returns ``acc``, ``acc_per_class`` (mean recall of the classes that occur) and ``acc_folded``
    (case ignored; 0 and O one class; 1, I and L one class), each in [0, 1].
    """

    full_state_update = False
    confusion: Tensor

    def __init__(self, alphabet: Alphabet, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.size = len(alphabet)
        self.folded = folded_indices(alphabet)
        self.add_state("confusion", torch.zeros(self.size, self.size, dtype=torch.long), dist_reduce_fx="sum")

    def update(self, logits: Tensor, targets: Tensor) -> None:
        """Count predictions: ``logits`` (B, C), ``targets`` (B,)."""
        pairs = targets * self.size + logits.argmax(dim=1)
        self.confusion += torch.bincount(pairs, minlength=self.size**2).view(self.size, self.size)

    def compute(self) -> dict[str, Tensor]:
        confusion = self.confusion.double()
        total = confusion.sum().clamp(min=1)
        occurs = confusion.sum(dim=1) > 0
        recall = confusion.diagonal()[occurs] / confusion.sum(dim=1)[occurs]
        folded = self.folded.to(confusion.device)
        same = folded[:, None] == folded[None, :]
        return {
            "acc": confusion.diagonal().sum() / total,
            "acc_per_class": recall.mean() if occurs.any() else torch.tensor(0.0),
            "acc_folded": confusion[same].sum() / total,
        }


class LineMetrics(Metric):
    """Accuracies and error rates of lines, and which characters are confused.

    ``confusion`` (C, C) counts true characters, in rows, by what was read in their place, where the fewest edits that
    turn one text into the other put them side by side; what was left out or added is in none of its cells.

    ``compute`` returns ``acc`` (the lab's: share of positions that are right, padding counted), ``char_acc`` (positions
    that hold a character, spaces included), ``cer`` (edits / reference characters, padding never counted),
    ``cer_folded`` (the same with case and look-alikes folded) and ``exact`` (share of lines right to the letter).
    """

    full_state_update = False
    confusion: Tensor
    positions: Tensor
    right: Tensor
    characters: Tensor
    right_characters: Tensor
    edits: Tensor
    folded_edits: Tensor
    length: Tensor
    lines: Tensor
    exact: Tensor
    _counts = (
        "positions",
        "right",
        "characters",
        "right_characters",
        "edits",
        "folded_edits",
        "length",
        "lines",
        "exact",
    )

    def __init__(self, alphabet: Alphabet, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.alphabet = alphabet
        self.padding = alphabet.index(PADDING)
        self.is_character = torch.tensor([len(token) == 1 for token in alphabet])
        for name in self._counts:
            self.add_state(name, torch.tensor(0, dtype=torch.long), dist_reduce_fx="sum")
        confusion = torch.zeros(len(alphabet), len(alphabet), dtype=torch.long)
        self.add_state("confusion", confusion, dist_reduce_fx="sum")

    def update(self, predictions: Tensor, targets: Tensor) -> None:
        """Count predicted indices (B, P) against targets (B, L), both padded with ``<P>``.

        A prediction may be longer than its target, P > L: what it adds are errors of the text. Where it is shorter, the
        rest counts as ``<P>``.
        """
        missing = max(0, targets.shape[1] - predictions.shape[1])
        read = F.pad(predictions, (0, missing), value=self.padding)
        right = read[:, : targets.shape[1]] == targets
        is_character = self.is_character.to(targets.device)[targets]
        self.positions += right.numel()
        self.right += right.sum()
        self.characters += is_character.sum()
        self.right_characters += (right & is_character).sum()
        self.count_texts(self.texts(predictions), self.texts(targets))

    def count_texts(self, predictions: Sequence[str], references: Sequence[str]) -> None:
        """Count edits between predicted and reference texts."""
        cells: list[int] = []
        for prediction, reference in zip(predictions, references, strict=True):
            self.edits += Levenshtein.distance(prediction, reference)
            self.folded_edits += Levenshtein.distance(fold(prediction), fold(reference))
            self.length += len(reference)
            self.exact += prediction == reference
            self.lines += 1
            cells += self._cells(prediction, reference)
        counts = torch.tensor(cells, dtype=torch.long).bincount(minlength=self.confusion.numel())
        self.confusion += counts.view_as(self.confusion).to(self.confusion.device)

    def _cells(self, prediction: str, reference: str) -> Iterator[int]:
        """Where in the flat confusion matrix the characters of two texts count that stand side by side."""
        read, true = self.alphabet.encode(prediction), self.alphabet.encode(reference)
        for part in Levenshtein.opcodes(reference, prediction):
            if part.tag in ("equal", "replace"):
                pairs = zip(true[part.src_start : part.src_end], read[part.dest_start : part.dest_end], strict=True)
                yield from (one * len(self.alphabet) + other for one, other in pairs)

    def texts(self, indices: Tensor) -> list[str]:
        """Texts of index rows (B, L); special tokens and surrounding white space are left out."""
        return [self.alphabet.decode(row).strip() for row in indices.tolist()]

    def compute(self) -> dict[str, Tensor]:
        def share(part: Tensor, whole: Tensor) -> Tensor:
            return part.double() / whole.clamp(min=1)

        return {
            "acc": share(self.right, self.positions),
            "char_acc": share(self.right_characters, self.characters),
            "cer": share(self.edits, self.length),
            "cer_folded": share(self.folded_edits, self.length),
            "exact": share(self.exact, self.lines),
        }
