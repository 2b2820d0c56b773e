"""``text-recognizer lines``: composed lines as one picture to look at, or as files for other tools."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from text_recognizer.cluster import Engine, check_engine, on_cluster
from text_recognizer.data.glyphs.sources import download_glyphs
from text_recognizer.data.synthesis.compose import Layout, LineStyle
from text_recognizer.data.synthesis.shards import BATCH, Recipe, ShardFormat, Shards, Spread, here, write_shards
from text_recognizer.data.text.mix import AS_IT_STANDS, TextMix
from text_recognizer.data.text.sources import download_text
from text_recognizer.errors import UsageError, check_at_least, check_seed, counted
from text_recognizer.files import read_text, replacing, write_text

LABELS = "labels.tsv"
_COMPOSED = re.compile(r"\d+\.png\t")
CAPTION_SIZE = 13
MARGIN = 12


def lines(
    *,
    text: str | None = None,
    out: str = "lines.png",
    count: int = 12,
    layout: Layout = "handwriting",
    min_overlap: float = 0.0,
    max_overlap: float = 0.33,
    degraded: bool = False,
    glyphs: str = "strokes",
    text_source: str = "builtin",
    text_mix: TextMix = AS_IT_STANDS,
    max_chars: int = 30,
    seed: int = 42,
    shards: ShardFormat | None = None,
    shard_lines: int = 10_000,
    workers: int = 1,
    engine: Engine = "here",
    address: str | None = None,
) -> None:
    """Compose lines and show them on one page, or write them as files for other tools.

    Args:
        text: The text of every line; by default, texts are drawn from the text source.
        out: A .png file for a page of all lines with captions, or a folder for one PNG per line, dark on white, and
            labels.tsv with the file name and text of each, separated by a tab.
        count: Number of lines.
        layout: How the characters are placed: exact, overlap, uneven, handwriting or mixed.
        min_overlap: The smallest share of a character's cell that the next one may cover, in layouts with cells.
        max_overlap: The largest such share.
        degraded: Degrade lines as paper, pen and camera do.
        glyphs: Source of characters: emnist, strokes, or an .npz file.
        text_source: Source of texts: brown, builtin, or a text file; or several, separated by commas.
        text_mix: Weights of the kinds of text.
        max_chars: Length of the longest text.
        seed: Seed of everything random.
        shards: Write the folder as shards, skipping those that exist: webdataset (tar files with a .png and a .txt per
            line) or parquet (the columns number, png and text).
        shard_lines: With shards: lines in each shard.
        workers: With shards: number of processes that write them. It does not change the bytes.
        engine: With shards: write them on this machine (here), or with ray on all cores of this machine or a cluster
            whose machines share the folder.
        address: With ray: the cluster, as ``ray start`` prints it, or auto; by default only this machine.

    Raises:
        UsageError: If a value is impossible, or Ray is not installed.
        UserError: If the text is empty, a source cannot be had, the file or folder cannot be written, or there is no
            such cluster.
    """
    check_at_least(1, count=count, max_chars=max_chars, shard_lines=shard_lines, workers=workers)
    check_seed(seed)
    check_engine(engine, address)
    if engine == "ray" and (shards is None or workers > 1):
        raise UsageError("--engine=ray writes --shards, on all cores of a cluster. Give --shards, and no --workers.")
    style = LineStyle(layout, min_overlap, max_overlap)
    as_page = Path(out).suffix.lower() == ".png"
    if (Path(out).suffix and not as_page and not Path(out).is_dir()) or (as_page and shards):
        raise UsageError(f"--out is {out!r}, but must be {'a folder' if shards else 'a .png file or a folder'}.")
    if not as_page and shards is None:
        _check_folder(Path(out), count)
    if text is None:
        download_text(text_source)
    download_glyphs(glyphs)
    recipe = Recipe(text, style, degraded, glyphs, text_source, text_mix, max_chars, seed)
    if shards is not None:
        spread = partial(on_cluster, address=address) if engine == "ray" else partial(here, workers=workers)
        _save_shards(Shards(recipe, Path(out), shards, count, shard_lines), spread)
        return
    if as_page:
        _save_page(*recipe.compose(np.arange(count)), out)
        print(f"{counted(count, 'line')}: {out}")
    else:
        _save_files(recipe, count, Path(out))
        print(f"{counted(count, 'line')} and {LABELS}: {out}")


def _check_folder(folder: Path, count: int) -> None:
    """Check that a folder holds no labels and no pictures that would be lost but those of composed lines."""
    labels = folder / LABELS
    rows = read_text(labels).splitlines() if labels.exists() else []
    if not all(_COMPOSED.match(row) for row in rows):
        raise UsageError(f"{labels} is there already, with labels of other pictures. Give another folder with --out.")
    others = {file.name for file in folder.glob("*.png")} - {row.partition("\t")[0] for row in rows}
    for name in sorted(others):
        number = name.removesuffix(".png")
        if number.isdecimal() and int(number) < count and name == _name(int(number), count):
            raise UsageError(
                f"{folder / name} is there already, and {LABELS} does not name it. Give another folder with --out."
            )


def _name(number: int, count: int) -> str:
    """What the picture of a line is called, one of so many."""
    return f"{number:0{len(str(count - 1))}}.png"


def _save_shards(shards: Shards, spread: Spread) -> None:
    for path in write_shards(shards, spread):
        print(f"written: {path}", file=sys.stderr)
    print(f"{counted(shards.count, 'line')} in {counted(len(shards.paths), 'shard')}: {shards.folder}")


def _save_page(pictures: Sequence[np.ndarray], captions: Sequence[str], path: str | Path) -> None:
    """Save pictures, uint8 (H, W) with ink 0, one below the other, each with its caption above."""
    font = ImageFont.load_default(CAPTION_SIZE)
    row_height = pictures[0].shape[0] + CAPTION_SIZE + 2 * MARGIN
    widths = [max(picture.shape[1], font.getlength(c)) for picture, c in zip(pictures, captions, strict=True)]
    page = Image.new("L", (int(max(widths)) + 2 * MARGIN, len(pictures) * row_height + MARGIN), 255)
    draw = ImageDraw.Draw(page)
    for row, (picture, caption) in enumerate(zip(pictures, captions, strict=True)):
        top = row * row_height + MARGIN
        draw.text((MARGIN, top), caption, font=font, fill=120)
        page.paste(Image.fromarray(picture), (MARGIN, top + CAPTION_SIZE + MARGIN // 2))
    with replacing(path) as temporary:
        page.save(temporary)


def _save_files(recipe: Recipe, count: int, folder: Path) -> None:
    """Save lines as they are composed, some at a time, and at the end their labels."""
    rows: list[str] = []
    for first in range(0, count, BATCH):
        indices = np.arange(first, min(first + BATCH, count))
        for number, picture, text in zip(indices.tolist(), *recipe.compose(indices), strict=True):
            name = _name(number, count)
            with replacing(folder / name) as temporary:
                Image.fromarray(picture).save(temporary)
            rows.append(f"{name}\t{text}\n")
    write_text(folder / LABELS, "".join(rows))
