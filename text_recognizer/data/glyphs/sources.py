"""Where the character pictures of lines come from: EMNIST, pen strokes, or a file of the user."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from text_recognizer.alphabet import ALPHABET
from text_recognizer.data.glyphs.bank import GLYPH_SIZE, NOT_ARRAYS, GlyphBank
from text_recognizer.data.glyphs.emnist import load_emnist, prepare_emnist, split_train_val
from text_recognizer.data.glyphs.strokes import draw_glyphs
from text_recognizer.data.splits import SPLITS, Split
from text_recognizer.errors import UserError

VISIBLE_CHARACTERS = tuple(character for character in ALPHABET.characters if character != " ")
STROKES_PER_CHARACTER: dict[Split, int] = {"train": 400, "val": 100, "test": 100}
HELD_OUT_SHARE = 0.1
"""Of a glyph file: this share validates and the same share tests."""


def download_glyphs(source: str) -> None:
    """Download what a source needs: EMNIST for ``emnist``, nothing for the others.

    Raises:
        UserError: As :func:`load_glyphs` does.
    """
    if source == "emnist":
        prepare_emnist()
    elif source != "strokes":
        _check_exists(source)


def load_glyphs(source: str, seed: int) -> dict[Split, GlyphBank]:
    """Glyphs of every visible character for each split; no glyph is in two splits.

    Args:
        source: ``emnist`` (split as the data module EMNIST), ``strokes`` (drawn, no download), or the path of an
            ``.npz`` file with ``images`` uint8 (N, 28, 28), ink 255 on 0, and ``characters`` of type ``<U1`` (N,), each
            character's glyphs being split 80/10/10. What EMNIST or the file lacks is drawn with pen strokes.
        seed: Seed of the splits and of the strokes.

    Raises:
        UserError: If the source is unknown, cannot be had, or is not in that form.
    """
    if source == "strokes":
        return _draw_splits(VISIBLE_CHARACTERS, seed)
    banks = _emnist_splits(seed) if source == "emnist" else _file_splits(source, seed)
    present = banks["train"].characters
    missing = [character for character in VISIBLE_CHARACTERS if character not in present]
    if not missing:
        return banks
    drawn = _draw_splits(missing, seed)
    return {split: banks[split].completed_by(drawn[split]) for split in SPLITS}


def _draw_splits(characters: Iterable[str], seed: int) -> dict[Split, GlyphBank]:
    characters = tuple(characters)
    seeds = np.random.SeedSequence(seed).generate_state(len(SPLITS)).tolist()
    return {
        split: draw_glyphs(characters, STROKES_PER_CHARACTER[split], split_seed)
        for split, split_seed in zip(SPLITS, seeds, strict=True)
    }


def _emnist_splits(seed: int) -> dict[Split, GlyphBank]:
    arrays = load_emnist()
    train, val = split_train_val(len(arrays.train_targets), seed)
    return {
        "train": GlyphBank.from_arrays(arrays.train_images[train], arrays.train_targets[train]),
        "val": GlyphBank.from_arrays(arrays.train_images[val], arrays.train_targets[val]),
        "test": GlyphBank.from_arrays(arrays.test_images, arrays.test_targets),
    }


def _file_splits(path: str, seed: int) -> dict[Split, GlyphBank]:
    images, characters = read_glyph_file(path)
    rng = np.random.default_rng(seed)
    chosen: dict[Split, list[np.ndarray]] = {split: [] for split in SPLITS}
    for character in np.unique(characters):
        order = rng.permutation(np.flatnonzero(characters == character))
        if len(order) < len(SPLITS):
            raise UserError(
                f"{path} holds {len(order)} of {str(character)!r}, but at least {len(SPLITS)} are needed: "
                "one each to train, validate and test. Add some, or leave the character out (it is then drawn)."
            )
        held_out = max(1, round(HELD_OUT_SHARE * len(order)))
        chosen["val"].append(order[:held_out])
        chosen["test"].append(order[held_out : 2 * held_out])
        chosen["train"].append(order[2 * held_out :])
    indices = np.array(ALPHABET.encode("".join(characters)), dtype=np.int64)
    return {
        split: GlyphBank.from_arrays(images[glyphs], indices[glyphs])
        for split, glyphs in ((split, np.concatenate(chosen[split])) for split in SPLITS)
    }


def read_glyph_file(path: str) -> tuple[np.ndarray, np.ndarray]:
    """Read a glyph file of the user.

    Returns:
        Images uint8 (N, 28, 28), ink 255 on 0, and characters ``<U1`` (N,), all visible and of the alphabet.

    Raises:
        UserError: If there is no such file or its content is not of this form.
    """
    _check_exists(path)
    try:
        with np.load(path, allow_pickle=False) as arrays:
            images, characters = arrays["images"], arrays["characters"]
    except NOT_ARRAYS as error:
        raise UserError(
            f"{path} is not a glyph file ({error}). Expected an .npz file with two arrays: images, uint8 (N, 28, 28), "
            "and characters, <U1 (N,)."
        ) from error
    if images.dtype != np.uint8 or images.ndim != 3 or images.shape[1:] != (GLYPH_SIZE, GLYPH_SIZE) or not len(images):
        raise UserError(
            f"images in {path} must be uint8 (N, 28, 28), ink 255 on 0, but is {images.dtype} {images.shape}."
        )
    if characters.dtype.kind != "U" or characters.dtype.itemsize != 4 or characters.shape != (len(images),):
        raise UserError(
            f"characters in {path} must be <U1 ({len(images)},), one for each image, "
            f"but is {characters.dtype} {characters.shape}."
        )
    if unknown := sorted(set(characters.tolist()) - set(VISIBLE_CHARACTERS)):
        raise UserError(
            f"characters in {path} holds {', '.join(map(repr, unknown))}. Possible are {''.join(VISIBLE_CHARACTERS)}"
        )
    if images.mean() > 127:
        raise UserError(f"images in {path} are dark on bright. Ink must be 255 on 0: save 255 - images.")
    return images, characters


def _check_exists(path: str) -> None:
    if not Path(path).is_file():
        raise UserError(f"Unknown glyph source {path!r}: expected emnist, strokes, or the path of an .npz file.")
