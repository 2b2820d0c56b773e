"""The IDX format of MNIST and EMNIST: a header of big-endian integers, then bytes."""

from __future__ import annotations

import gzip
import zlib
from typing import BinaryIO

import numpy as np

from text_recognizer.errors import UserError

_UNSIGNED_BYTES = 0x08


def read_idx(file: BinaryIO, *, ndim: int, name: str) -> np.ndarray:
    """Read a gzip-compressed IDX file of bytes.

    Args:
        file: The compressed file.
        ndim: How many dimensions it must have: 3 for images, 1 for labels.
        name: What an error message calls the file.

    Returns:
        A uint8 array.

    Raises:
        UserError: If it is not such a file, or holds more or fewer bytes than its header says.
    """
    try:
        content = gzip.GzipFile(fileobj=file).read()
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise UserError(f"{name} is not a whole gzip file: {error}.") from error
    header_size = 4 + 4 * ndim
    if len(content) < header_size or content[:4] != bytes([0, 0, _UNSIGNED_BYTES, ndim]):
        raise UserError(
            f"{name} does not begin as an IDX file of {ndim}-dimensional bytes, but with {content[:4].hex()}."
        )
    shape = tuple(np.frombuffer(content, dtype=">u4", count=ndim, offset=4).tolist())
    values = np.frombuffer(content, dtype=np.uint8, offset=header_size)
    if values.size != np.prod(shape, dtype=np.int64):
        raise UserError(f"{name} says that it holds {shape} bytes, but holds {values.size:,}.")
    return values.reshape(shape)
