"""EMNIST ByClass: handwritten digits and letters."""

from __future__ import annotations

import io
import shutil
import zipfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
from filelock import FileLock

from text_recognizer.alphabet import ALPHABET, DIGITS, LETTERS
from text_recognizer.data.data_module import CharacterDataset, DataModule
from text_recognizer.data.download import data_file, explain_write_errors, processed_folder
from text_recognizer.data.glyphs import GLYPH_SIZE
from text_recognizer.data.idx import read_idx
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


class EMNIST(DataModule):
    """Handwritten digits and letters (EMNIST ByClass, 62 classes), 28x28, upright.

    80 % of the official training pictures train, 20 % validate (chosen by the seed); the official test pictures test.

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


def prepare_emnist() -> Path:
    """Download EMNIST and decode it to ``.npy`` files, unless the cache holds them.

    Returns:
        The folder of the decoded arrays. Its name holds the key of the archive.

    Raises:
        UserError: If the archive cannot be had or is not EMNIST ByClass, or the cache folder cannot be written.
    """
    archive = data_file("emnist", "gzip.zip")
    folder = processed_folder() / f"emnist-{archive.key}"
    if not folder.is_dir():
        with explain_write_errors(folder.parent):
            folder.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(f"{folder}.lock"):
                if not folder.is_dir():
                    _save(_decode(archive.fetch()), folder)
    return folder


def load_emnist() -> EMNISTArrays:
    """EMNIST from the cache, downloaded and decoded first if need be."""
    folder = prepare_emnist()
    try:
        images = {part: np.load(folder / f"{part}_images.npy", mmap_mode="r") for part in ("train", "test")}
        targets = {part: np.load(folder / f"{part}_targets.npy") for part in ("train", "test")}
    except (OSError, ValueError) as error:
        raise UserError(f"The cache {folder} is damaged ({error}). Delete the folder; it is made anew.") from error
    return EMNISTArrays(images["train"], targets["train"], images["test"], targets["test"])


def split_train_val(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Indices, ascending, of the training pictures that train (80 %) and that validate (20 %)."""
    order = np.random.default_rng(seed).permutation(count)
    num_train = int(TRAIN_SHARE * count)
    return np.sort(order[:num_train]), np.sort(order[num_train:])


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
    return indices[np.sort(np.concatenate(kept))]


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


def _save(arrays: EMNISTArrays, folder: Path) -> None:
    """Write the arrays to a temporary folder and rename it."""
    temporary = folder.with_name(f"{folder.name}.part")
    try:
        temporary.mkdir(exist_ok=True)
        for name, array in arrays._asdict().items():
            np.save(temporary / f"{name}.npy", array)
        temporary.rename(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
