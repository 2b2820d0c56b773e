"""Small folders of labelled lines, for tests."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image

from text_recognizer.commands.lines import lines


def write_pictures(folder: Path, names: Iterable[str]) -> None:
    """Small pictures, no two alike."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        rng = np.random.default_rng(list(name.encode()))
        Image.fromarray(rng.integers(0, 256, (12, 40), np.uint8)).save(folder / name)


def write_lines(folder: Path, count: int, *, writers: int = 0) -> Path:
    """Composed lines of short texts with labels.tsv, by so many writers, if any; returns the folder."""
    lines(out=str(folder), count=count, max_chars=12, max_overlap=0.0)
    rows = (folder / "labels.tsv").read_text(encoding="utf-8").splitlines()
    if writers:
        rows = [f"{row}\twriter {number % writers}" for number, row in enumerate(rows)]
    table = ["file\ttext" + "\twriter" * bool(writers), *rows]
    (folder / "labels.tsv").write_text("\n".join(table), encoding="utf-8")
    return folder
