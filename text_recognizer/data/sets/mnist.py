"""MNIST as a data set: handwritten digits."""

from __future__ import annotations

import string

import numpy as np

from text_recognizer.alphabet import Alphabet
from text_recognizer.data.download import fetch
from text_recognizer.data.glyphs.bank import GLYPH_SIZE
from text_recognizer.data.glyphs.mnist import FILES, NUM_TEST, NUM_TRAIN, NUM_VAL, load_mnist
from text_recognizer.data.sets.data_module import CharacterDataset, DataModule


class MNIST(DataModule):
    """Handwritten digits, 28x28: 55,000 to train, 5,000 to validate (chosen by the seed), the official 10,000 to test.

    Args:
        batch_size: Examples per batch.
        num_workers: Processes that prepare batches; 0 prepares them in the main process.
        seed: Seed of the split and of the order.
    """

    def __init__(self, *, batch_size: int = 128, num_workers: int = 0, seed: int = 42) -> None:
        super().__init__(batch_size=batch_size, num_workers=num_workers, seed=seed)
        self.alphabet = Alphabet(string.digits)
        self.input_shape = (1, GLYPH_SIZE, GLYPH_SIZE)

    def prepare_data(self) -> None:
        """Download the four files, if the cache does not hold them."""
        for filenames in FILES.values():
            for filename in filenames:
                fetch("mnist", filename)

    def setup(self, stage: str | None = None) -> None:
        """Load all splits; ``stage`` is ignored."""
        if self.datasets:
            return
        images, targets = load_mnist("train", NUM_TRAIN + NUM_VAL)
        order = np.random.default_rng(self.seed).permutation(len(targets))
        train, val = order[:NUM_TRAIN], order[NUM_TRAIN:]
        self.datasets = {
            "train": CharacterDataset(images[train], targets[train]),
            "val": CharacterDataset(images[val], targets[val]),
            "test": CharacterDataset(*load_mnist("t10k", NUM_TEST)),
        }
