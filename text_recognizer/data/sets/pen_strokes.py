"""Characters drawn with pen strokes: a data set without a download."""

from __future__ import annotations

import numpy as np

from text_recognizer.alphabet import ALPHABET
from text_recognizer.data.glyphs.bank import GLYPH_SIZE
from text_recognizer.data.glyphs.sources import load_glyphs
from text_recognizer.data.sets.data_module import CharacterDataset, DataModule


class PenStrokes(DataModule):
    """Characters drawn with pen strokes (78 classes), 28x28: of each, 400 to train, 100 to validate, 100 to test.

    Args:
        batch_size: Examples per batch.
        num_workers: Processes that prepare batches; 0 prepares them in the main process.
        seed: Seed of the strokes and of the order.
    """

    def __init__(self, *, batch_size: int = 128, num_workers: int = 0, seed: int = 42) -> None:
        super().__init__(batch_size=batch_size, num_workers=num_workers, seed=seed)
        self.alphabet = ALPHABET
        self.input_shape = (1, GLYPH_SIZE, GLYPH_SIZE)

    def setup(self, stage: str | None = None) -> None:
        """Draw all splits; ``stage`` is ignored."""
        if self.datasets:
            return
        rng = np.random.default_rng(self.seed)
        for split, bank in load_glyphs("strokes", self.seed).items():
            order = rng.permutation(len(bank))
            self.datasets[split] = CharacterDataset(bank.images[order], bank.indices[order])
