"""MNIST: handwritten digits."""

from __future__ import annotations

import numpy as np

from text_recognizer.data.download import fetch
from text_recognizer.data.glyphs.bank import GLYPH_SIZE
from text_recognizer.data.glyphs.idx import read_idx
from text_recognizer.errors import UserError

NUM_TRAIN, NUM_VAL, NUM_TEST = 55_000, 5_000, 10_000
FILES = {
    "train": ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"),
    "t10k": ("t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"),
}


def load_mnist(part: str, count: int) -> tuple[np.ndarray, np.ndarray]:
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
