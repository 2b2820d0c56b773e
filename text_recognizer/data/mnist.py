"""MNIST: handwritten digits."""

from __future__ import annotations

import string

import numpy as np

from text_recognizer.alphabet import Alphabet
from text_recognizer.data.data_module import CharacterDataset, DataModule
from text_recognizer.data.download import fetch
from text_recognizer.data.glyphs import GLYPH_SIZE
from text_recognizer.data.idx import read_idx
from text_recognizer.errors import UserError

NUM_TRAIN, NUM_VAL, NUM_TEST = 55_000, 5_000, 10_000
FILES = {
    "train": ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"),
    "t10k": ("t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"),
}


class MNIST(DataModule):
    """Handwritten digits, 28x28: 55,000 train, 5,000 validate (chosen by the seed), the official 10,000 test.

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
        images, targets = _load("train", NUM_TRAIN + NUM_VAL)
        order = np.random.default_rng(self.seed).permutation(len(targets))
        train, val = order[:NUM_TRAIN], order[NUM_TRAIN:]
        self.datasets = {
            "train": CharacterDataset(images[train], targets[train]),
            "val": CharacterDataset(images[val], targets[val]),
            "test": CharacterDataset(*_load("t10k", NUM_TEST)),
        }


def _load(part: str, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Images uint8 (count, 28, 28) and digits int64 (count,) of ``train`` or ``t10k``."""
    arrays = []
    for filename, ndim in zip(FILES[part], (3, 1), strict=True):
        path = fetch("mnist", filename)
        with path.open("rb") as file:
            arrays.append(read_idx(file, ndim=ndim, name=str(path)))
    images, digits = arrays
    if images.shape != (count, GLYPH_SIZE, GLYPH_SIZE) or digits.shape != (count,) or digits.max() > 9:
        raise UserError(
            f"MNIST's {FILES[part][0]} must hold {count:,} pictures of 28x28 and as many digits, "
            f"but holds {images.shape} and {digits.shape}."
        )
    return images, digits.astype(np.int64)
