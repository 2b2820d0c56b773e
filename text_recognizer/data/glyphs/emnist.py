"""EMNIST ByClass: handwritten digits and letters."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import NamedTuple

import numpy as np

from text_recognizer.alphabet import ALPHABET, DIGITS, LETTERS
from text_recognizer.data.download import data_file, explain_damage, made_once, processed_folder
from text_recognizer.data.glyphs.bank import GLYPH_SIZE
from text_recognizer.data.glyphs.idx import read_idx
from text_recognizer.errors import UserError

CLASSES = DIGITS + LETTERS
TRAIN_SHARE = 0.8
MEMBER = "gzip/emnist-byclass-"


class EMNISTArrays(NamedTuple):
    """The two official parts, upright, read from disk as they are used.

    Images are uint8 (N, 28, 28), ink 255; targets int64 (N,), indices of :data:`~text_recognizer.alphabet.ALPHABET`.
    """

    train_images: np.ndarray
    train_targets: np.ndarray
    test_images: np.ndarray
    test_targets: np.ndarray


def prepare_emnist() -> Path:
    """Download EMNIST and decode it to ``.npy`` files, unless the cache holds them.

    Returns:
        The folder of the decoded arrays. Its name holds the key of the archive.

    Raises:
        UserError: If the archive cannot be had or is not EMNIST ByClass, or the cache folder cannot be written.
    """
    archive = data_file("emnist", "gzip.zip")
    return made_once(processed_folder() / f"emnist-{archive.key}", lambda folder: _decode_to(folder, archive.fetch()))


def load_emnist() -> EMNISTArrays:
    """EMNIST from the cache, downloaded and decoded first if need be."""
    folder = prepare_emnist()
    with explain_damage(folder):
        images = {part: np.load(folder / f"{part}_images.npy", mmap_mode="r") for part in ("train", "test")}
        targets = {part: np.load(folder / f"{part}_targets.npy") for part in ("train", "test")}
    return EMNISTArrays(images["train"], targets["train"], images["test"], targets["test"])


def split_train_val(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Indices, ascending, of the training pictures that train (80 %) and that validate (20 %)."""
    order = np.random.default_rng(seed).permutation(count)
    num_train = int(TRAIN_SHARE * count)
    return np.sort(order[:num_train]), np.sort(order[num_train:])


def _decode_to(folder: Path, archive: Path) -> None:
    for name, array in _decode(archive)._asdict().items():
        np.save(folder / f"{name}.npy", array)


def _decode(archive: Path) -> EMNISTArrays:
    """Read the ByClass members of NIST's ``gzip.zip``."""
    try:
        with zipfile.ZipFile(archive) as members:
            index_of_label = _parse_mapping(members.read(f"{MEMBER}mapping.txt").decode("ascii"))
            train, test = (_decode_part(members, part, index_of_label) for part in ("train", "test"))
    except (zipfile.BadZipFile, KeyError, ValueError) as error:
        raise UserError(f"{archive} is not EMNIST's gzip.zip with {MEMBER}* in it: {error}") from error
    return EMNISTArrays(*train, *test)


def _decode_part(members: zipfile.ZipFile, part: str, index_of_label: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pictures, which are stored transposed, turned upright, and alphabet indices of ``train`` or ``test``."""
    arrays = []
    for kind, ndim in (("images-idx3", 3), ("labels-idx1", 1)):
        name = f"{MEMBER}{part}-{kind}-ubyte.gz"
        arrays.append(read_idx(io.BytesIO(members.read(name)), ndim=ndim, name=name))
    images, labels = arrays
    if images.shape != (len(labels), GLYPH_SIZE, GLYPH_SIZE) or labels.max(initial=0) >= len(CLASSES):
        raise UserError(
            f"its {part} part must hold pictures of 28x28 and as many labels below {len(CLASSES)}, "
            f"but holds {images.shape} and {labels.shape} up to {labels.max(initial=0)}."
        )
    return np.ascontiguousarray(images.transpose(0, 2, 1)), index_of_label[labels]


def _parse_mapping(mapping: str) -> np.ndarray:
    """Alphabet index of each label, int64 (62,), from lines of a label and the character's ASCII code."""
    code_of_label = {int(label): int(code) for label, code in (line.split() for line in mapping.splitlines())}
    characters = "".join(chr(code_of_label[label]) for label in sorted(code_of_label))
    if characters != CLASSES:
        raise UserError(f"its mapping must list {CLASSES!r}, but lists {characters!r}.")
    return np.array(ALPHABET.encode(characters), dtype=np.int64)
