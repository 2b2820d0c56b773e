"""Composed lines as shards that any trainer reads; line *i* is in the same bytes of the same file whoever writes it."""

from __future__ import annotations

import io
import json
import multiprocessing
import tarfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from PIL import Image

from text_recognizer.alphabet import ALPHABET
from text_recognizer.data.glyphs.bank import GlyphBank
from text_recognizer.data.glyphs.sources import load_glyphs
from text_recognizer.data.synthesis.compose import LineStyle, compose_lines, encode_texts
from text_recognizer.data.synthesis.degradations import degrade
from text_recognizer.data.text.mix import AS_IT_STANDS, Corpus, TextMix, draw_texts, split_documents
from text_recognizer.data.text.sources import load_documents, to_alphabet
from text_recognizer.errors import UsageError, UserError, check_pyarrow
from text_recognizer.files import replacing, write_text

ShardFormat = Literal["webdataset", "parquet"]

RECIPE = "recipe.json"
BATCH = 256
_ENDINGS = {"webdataset": ".tar", "parquet": ".parquet"}


@dataclass(frozen=True)
class Recipe:
    """What decides every byte of composed lines.

    Attributes:
        text: The text of every line; None draws texts from the text source.
        style: How the characters stand.
        degraded: Whether lines look as paper, pen and camera leave them.
        glyphs: Where the characters come from, as :func:`load_glyphs` takes it.
        text_source: Where the texts come from, as :func:`load_documents` takes it.
        text_mix: How often a line holds which kind of text.
        max_chars: The longest text that is drawn.
        seed: Seed of everything random.
    """

    text: str | None
    style: LineStyle
    degraded: bool = False
    glyphs: str = "strokes"
    text_source: str = "builtin"
    text_mix: TextMix = AS_IT_STANDS
    max_chars: int = 30
    seed: int = 42

    def compose(self, indices: np.ndarray) -> tuple[list[np.ndarray], list[str]]:
        """Lines of these numbers.

        Args:
            indices: int64 (B,).

        Returns:
            Pictures, each uint8 (h, w) dark on white, and their texts.

        Raises:
            UserError: If the text is empty, or a source cannot be had.
        """
        codes, lengths = self._texts(indices)
        composed = compose_lines(
            _bank(self.glyphs, self.seed), codes, lengths, self.style, seed=self.seed, indices=indices
        )
        images = composed.images
        if self.degraded:
            images = degrade(images, composed.widths, seed=self.seed, indices=indices)
        pictures = [255 - image[:, :width] for image, width in zip(images, composed.widths, strict=True)]
        return pictures, [ALPHABET.decode(row[:length]) for row, length in zip(codes, lengths, strict=True)]

    def _texts(self, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        if self.text is not None:
            return encode_texts([" ".join(to_alphabet(self.text, "--text").split())] * len(indices))
        corpus = _corpus(self.text_source, self.seed)
        return draw_texts(corpus, "train", max_chars=self.max_chars, seed=self.seed, indices=indices, mix=self.text_mix)


@lru_cache(maxsize=1)
def _bank(glyphs: str, seed: int) -> GlyphBank:
    return load_glyphs(glyphs, seed)["train"]


@lru_cache(maxsize=1)
def _corpus(text_source: str, seed: int) -> Corpus:
    return split_documents(load_documents(text_source, seed), seed)["train"]


@dataclass(frozen=True)
class Shards:
    """A folder of shards.

    Attributes:
        recipe: What decides the lines.
        folder: Where the shards go.
        format: ``webdataset``, tar files with a .png and a .txt per line; or ``parquet``, files with the columns
            number, png and text.
        count: How many lines.
        size: Lines in each shard; the last may have fewer.
    """

    recipe: Recipe
    folder: Path
    format: ShardFormat
    count: int
    size: int

    @property
    def paths(self) -> list[Path]:
        """The files, whether they are there or not."""
        total = -(-self.count // self.size)
        return [self.folder / f"lines-{number:06}{_ENDINGS[self.format]}" for number in range(total)]

    def write(self, number: int) -> Path:
        """Write a shard, whole or not at all; its path.

        Raises:
            UserError: If it cannot be written.
        """
        path = self.paths[number]
        with replacing(path) as temporary:
            {"webdataset": _write_tar, "parquet": _write_parquet}[self.format](temporary, self._lines(number))
        return path

    def _lines(self, number: int) -> Iterator[tuple[int, bytes, str]]:
        """Number, PNG file and text of each line of a shard."""
        end = min(self.count, (number + 1) * self.size)
        for first in range(number * self.size, end, BATCH):
            indices = np.arange(first, min(first + BATCH, end))
            for index, picture, text in zip(indices.tolist(), *self.recipe.compose(indices), strict=True):
                yield index, _png(picture), text


Spread = Callable[[Callable[[int], Path], Sequence[int]], Iterator[Path]]
"""Calls a function for each of several numbers, wherever, and gives what it returns, in any order."""


def here(write: Callable[[int], Path], numbers: Sequence[int], *, workers: int) -> Iterator[Path]:
    """Work in so many processes of this machine; one is this process."""
    if workers == 1:
        yield from map(write, numbers)
        return
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) as pool:
        yield from pool.map(write, numbers)


def write_shards(shards: Shards, spread: Spread) -> Iterator[Path]:
    """Write the shards that are not there yet; their paths, as each is written.

    Raises:
        UsageError: If pyarrow is missing, or the folder holds shards of other lines.
        UserError: If a shard cannot be written.
    """
    if shards.format not in get_args(ShardFormat):
        raise UsageError(f"--shards is {shards.format!r}, but must be one of {', '.join(get_args(ShardFormat))}.")
    if shards.format == "parquet":
        check_pyarrow("--shards parquet", "--shards webdataset")
    _claim(shards)
    missing = [number for number, path in enumerate(shards.paths) if not path.exists()]
    if missing:
        yield from spread(shards.write, missing)


def _claim(shards: Shards) -> None:
    """Write down what the folder holds, unless that is there already."""
    about = asdict(shards.recipe) | {"format": shards.format, "count": shards.count, "shard_lines": shards.size}
    said, path = json.dumps(about, indent=2) + "\n", shards.folder / RECIPE
    try:
        there = path.read_text(encoding="utf-8") if path.exists() else said
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read. Give another --out.") from error
    if there != said:
        raise UsageError(f"{shards.folder} holds shards of other lines; {RECIPE} says which. Give another --out.")
    write_text(path, said)


def _png(picture: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG")
    return file.getvalue()


def _write_tar(path: Path, lines: Iterator[tuple[int, bytes, str]]) -> None:
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as tar:
        for number, png, text in lines:
            for ending, data in (("png", png), ("txt", text.encode())):
                member = tarfile.TarInfo(f"{number:09}.{ending}")
                member.size = len(data)
                tar.addfile(member, io.BytesIO(data))


def _write_parquet(path: Path, lines: Iterator[tuple[int, bytes, str]]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as parquet

    types: list[Any] = [pa.int64(), pa.binary(), pa.string()]
    columns = zip(*lines, strict=True)
    arrays = [pa.array(column, one) for column, one in zip(columns, types, strict=True)]
    parquet.write_table(pa.table(arrays, names=["number", "png", "text"]), path)
