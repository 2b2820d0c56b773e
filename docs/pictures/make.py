"""Draws the pictures of docs/data.md: ``python docs/pictures/make.py``. Downloads EMNIST if the cache lacks it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from text_recognizer.data.figures import lines_figure, save_figure
from text_recognizer.data.glyphs.sources import load_glyphs
from text_recognizer.data.synthesis.compose import Lines, LineStyle, compose_lines, encode_texts
from text_recognizer.data.synthesis.degradations import degrade

FOLDER = Path(__file__).parent
TEXTS = ["Meet me at 12:30", "(Room B-7, 2nd floor)"]
STYLES = {
    "exact, min_overlap 0": LineStyle("exact"),
    "exact, min_overlap 0.33": LineStyle("exact", min_overlap=0.33),
    "overlap, 0 to 0.33": LineStyle("overlap"),
    "uneven, 0 to 0.33": LineStyle("uneven"),
    "handwriting": LineStyle("handwriting"),
}
SEED = 3


def show(name: str, rows: dict[str, Lines], *, boxes: bool = False) -> None:
    """Save lines below each other, each batch under its caption."""
    lines = [line for batch in rows.values() for line in zip(batch.images, batch.widths, batch.boxes, strict=True)]
    captions = [text for caption, batch in rows.items() for text in (caption, *[""] * (len(batch.images) - 1))]
    marked = [own for _, _, own in lines] if boxes else None
    save_figure(lines_figure([image[:, :width] for image, width, _ in lines], captions, boxes=marked), FOLDER / name)


def main() -> None:
    bank = load_glyphs("emnist", SEED)["train"]

    def compose(texts: list[str], style: LineStyle) -> Lines:
        return compose_lines(bank, *encode_texts(texts), style, seed=SEED, indices=np.arange(len(texts)))

    layouts = {caption: compose(TEXTS, style) for caption, style in STYLES.items()}
    show("layouts.png", layouts | {"handwriting": compose(TEXTS * 2, STYLES["handwriting"])})
    show("boxes.png", {caption: compose(TEXTS[:1], STYLES[caption]) for caption in list(STYLES)[2:]}, boxes=True)
    lines = compose(TEXTS[:1] * 6, STYLES["handwriting"])
    degraded = degrade(lines.images, lines.widths, seed=SEED, indices=np.arange(len(lines.images)))
    show("degradations.png", {"handwriting, degraded": lines._replace(images=degraded)})


if __name__ == "__main__":
    main()
