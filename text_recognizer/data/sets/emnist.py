"""EMNIST ByClass as a data set: handwritten digits and letters."""

from __future__ import annotations

import numpy as np

from text_recognizer.alphabet import ALPHABET
from text_recognizer.data.glyphs.bank import GLYPH_SIZE
from text_recognizer.data.glyphs.emnist import load_emnist, prepare_emnist, split_train_val
from text_recognizer.data.sets.data_module import CharacterDataset, DataModule


class EMNIST(DataModule):
    """Handwritten digits and letters (EMNIST ByClass, 62 classes), 28x28, upright.

    Of the official training pictures, 80 % are for training and 20 % for validation (chosen by the seed). The official
    test pictures are for testing.

    Args:
        batch_size: Examples per batch.
        num_workers: Processes that prepare batches; 0 prepares them in the main process.
        seed: Seed of the split and of the order.
        balance: Cap each class of the training split at the mean class size, leaving pictures out at random.
    """

    def __init__(self, *, batch_size: int = 128, num_workers: int = 0, seed: int = 42, balance: bool = False) -> None:
        super().__init__(batch_size=batch_size, num_workers=num_workers, seed=seed)
        self.balance = balance
        self.alphabet = ALPHABET
        self.input_shape = (1, GLYPH_SIZE, GLYPH_SIZE)

    def prepare_data(self) -> None:
        """Download and decode the archive, if the cache does not hold it decoded."""
        prepare_emnist()

    def setup(self, stage: str | None = None) -> None:
        """Load all splits; ``stage`` is ignored."""
        if self.datasets:
            return
        arrays = load_emnist()
        train, val = split_train_val(len(arrays.train_targets), self.seed)
        if self.balance:
            train = capped_at_mean(train, arrays.train_targets[train], self.seed)
        self.datasets = {
            "train": CharacterDataset(arrays.train_images[train], arrays.train_targets[train]),
            "val": CharacterDataset(arrays.train_images[val], arrays.train_targets[val]),
            "test": CharacterDataset(arrays.test_images, arrays.test_targets),
        }


def capped_at_mean(indices: np.ndarray, targets: np.ndarray, seed: int) -> np.ndarray:
    """Those of ``indices`` that remain when no class may have more than the mean class size.

    Args:
        indices: (N,) indices of examples.
        targets: (N,) class of each.
        seed: Seed of the choice, which is without replacement.
    """
    order = np.random.default_rng(seed).permutation(len(indices))
    classes = np.unique(targets)
    cap = round(len(targets) / len(classes))
    kept = [order[targets[order] == label][:cap] for label in classes]
    return np.take(indices, np.sort(np.concatenate(kept)))
