"""``text-recognizer lines``: composed lines as one picture to look at, or as files for other tools."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from text_recognizer.alphabet import ALPHABET
from text_recognizer.data.glyphs.sources import download_glyphs, load_glyphs
from text_recognizer.data.synthesis.compose import Layout, LineStyle, compose_lines, encode_texts
from text_recognizer.data.synthesis.degradations import degrade
from text_recognizer.data.text.mix import AS_IT_STANDS, TextMix, draw_texts, split_documents
from text_recognizer.data.text.sources import download_text, load_documents, to_alphabet
from text_recognizer.errors import UsageError, check_at_least, check_seed
from text_recognizer.files import replacing, write_text

LABELS = "labels.tsv"
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
) -> None:
    """Compose lines and show them on one page, or write them as files for other tools.

    Args:
        text: The text of every line; if not given, texts are drawn from the text source.
        out: A .png file for a page of all lines with captions, or a folder for one PNG per line, dark on white, and
            labels.tsv, which has file name and text of each, separated by a tab.
        count: How many lines.
        layout: How the characters stand: exact, overlap, uneven, handwriting or mixed.
        min_overlap: The smallest share of a character's cell that the next one may cover, where there are cells.
        max_overlap: The largest.
        degraded: Make lines look as paper, pen and camera leave them.
        glyphs: Where the characters come from: emnist, strokes, or an .npz file.
        text_source: Where the texts come from: brown, builtin, or a text file; or several, separated by commas.
        text_mix: How often a line holds which kind of text.
        max_chars: The longest text that is drawn.
        seed: Seed of everything random.

    Raises:
        UsageError: If a value is impossible.
        UserError: If the text is empty, a source cannot be had, or the file or folder cannot be written.
    """
    check_at_least(1, count=count, max_chars=max_chars)
    check_seed(seed)
    style = LineStyle(layout, min_overlap, max_overlap)
    as_page = Path(out).suffix.lower() == ".png"
    if Path(out).suffix and not as_page and not Path(out).is_dir():
        raise UsageError(f"--out is {out!r}, but must be a .png file or a folder.")
    indices = np.arange(count)
    if text is None:
        download_text(text_source)
        corpus = split_documents(load_documents(text_source, seed), seed)["train"]
        codes, lengths = draw_texts(corpus, "train", max_chars=max_chars, seed=seed, indices=indices, mix=text_mix)
    else:
        codes, lengths = encode_texts([" ".join(to_alphabet(text, "--text").split())] * count)
    download_glyphs(glyphs)
    composed = compose_lines(load_glyphs(glyphs, seed)["train"], codes, lengths, style, seed=seed, indices=indices)
    images = composed.images
    if degraded:
        images = degrade(images, composed.widths, seed=seed, indices=indices)
    pictures = [255 - image[:, :width] for image, width in zip(images, composed.widths, strict=True)]
    texts = [ALPHABET.decode(row[:length]) for row, length in zip(codes, lengths, strict=True)]
    if as_page:
        _save_page(pictures, texts, out)
        print(f"{count} lines: {out}")
    else:
        _save_files(pictures, texts, Path(out))
        print(f"{count} lines and {LABELS}: {out}")


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


def _save_files(pictures: Sequence[np.ndarray], texts: Sequence[str], folder: Path) -> None:
    digits = len(str(len(pictures) - 1))
    names = [f"{number:0{digits}}.png" for number in range(len(pictures))]
    for name, picture in zip(names, pictures, strict=True):
        with replacing(folder / name) as temporary:
            Image.fromarray(picture).save(temporary)
    write_text(folder / LABELS, "".join(f"{name}\t{text}\n" for name, text in zip(names, texts, strict=True)))
