"""Handwriting fonts: open fonts whose table says what kind of writing they show.

Twelve of them ship with the package, for which nothing is downloaded.
"""

from __future__ import annotations

import csv
import io
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from text_recognizer.data.download import data_file, made_once, processed_folder
from text_recognizer.errors import UserError

FontSource = Literal["open", "builtin"]
BUILTIN = Path(__file__).with_name("handwriting_fonts")
TABLE = "fonts.tsv"
HELD_OUT_EVERY = 10
"""Of the families in the order of their names, every tenth tests and the one after it validates."""


@dataclass(frozen=True)
class HandwritingFont:
    """A font file, its family, and its kind: ``print``, ``joined``, ``formal``, ``caps`` or ``marker``."""

    path: Path
    family: str
    kind: str


def load_fonts(split: str, source: FontSource = "open") -> list[HandwritingFont]:
    """The fonts of a split, downloaded first if need be; no family is in two splits.

    Args:
        split: ``train``, ``val`` or ``test``.
        source: ``open`` for the archive of 135 fonts, ``builtin`` for those that ship with the package.

    Raises:
        UserError: If the archive cannot be had or is not one of fonts.
    """
    folder = prepare_fonts(source)
    rows = list(csv.DictReader(io.StringIO((folder / TABLE).read_text(encoding="utf-8")), delimiter="\t"))
    families = sorted({row["family"] for row in rows})
    roles = {family: {0: "test", 1: "val"}.get(i % HELD_OUT_EVERY, "train") for i, family in enumerate(families)}
    return [
        HandwritingFont(folder / row["file"], row["family"], row["kind"])
        for row in rows
        if roles[row["family"]] == split
    ]


def prepare_fonts(source: FontSource = "open") -> Path:
    """Download and unpack the fonts of the archive unless the cache holds them; returns the fonts' folder.

    Raises:
        UserError: As :func:`load_fonts` does.
    """
    if source == "builtin":
        return BUILTIN
    archive = data_file("fonts", "handwriting-fonts.zip")
    return made_once(processed_folder() / f"fonts-{archive.key}", lambda folder: _unpack(archive.fetch(), folder))


def _unpack(archive: Path, folder: Path) -> None:
    try:
        with zipfile.ZipFile(archive) as members:
            members.extractall(folder)
    except zipfile.BadZipFile as error:
        raise UserError(f"{archive} is not a readable archive ({error}).") from error
    if not (folder / TABLE).is_file():
        raise UserError(f"{archive} is not an archive of handwriting fonts: it has no {TABLE}.")
