"""Draws the pictures of docs/data.md: ``python docs/pictures/make.py``. Downloads EMNIST if the cache lacks it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from text_recognizer.data.compose import Lines, LineStyle, compose_lines, encode_texts
from text_recognizer.data.degradations import degrade
from text_recognizer.data.glyph_sources import load_glyphs

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
WIDTH = 7.0
CAPTION = 0.25  # inches, like WIDTH


def show(name: str, rows: dict[str, Lines], *, boxes: bool = False) -> None:
    """Save lines below each other, dark on white, each batch under its caption."""
    lines = [(caption, batch, i) for caption, batch in rows.items() for i in range(len(batch.images))]
    width = max(int(batch.widths.max()) for batch in rows.values())
    heights = [batch.images.shape[1] for _, batch, _ in lines]
    figure = Figure(figsize=(WIDTH, WIDTH * sum(heights) / width + CAPTION * len(rows)), layout="constrained")
    axes_of_lines = figure.subplots(len(lines), squeeze=False, height_ratios=heights).flat
    for axes, (caption, batch, i) in zip(axes_of_lines, lines, strict=True):
        axes.imshow(255 - batch.images[i], cmap="gray", vmin=0, vmax=255)
        axes.set(xlim=(-0.5, width), anchor="W")
        axes.set_axis_off()
        if i == 0:
            axes.set_title(caption, loc="left", fontsize=8)
        for x0, x1 in batch.boxes[i] if boxes else ():
            axes.axvspan(x0 - 0.5, x1 - 0.5, facecolor="tab:orange", edgecolor="tab:red", alpha=0.3)
    figure.savefig(FOLDER / name, dpi=110)


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
