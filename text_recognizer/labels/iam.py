"""The IAM handwriting database as it is distributed: lines/, ascii/ or xml/, and the lists of its splits."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from pathlib import Path

from text_recognizer.imaging.pictures import SUFFIXES
from text_recognizer.labels.lines import LabelledLine, Labels, Part, files_named
from text_recognizer.labels.texts import read_text

_LISTS: dict[str, Part] = {
    "trainset": "train",
    "validationset1": "val",
    "validationset2": "val",
    "testset": "test",
}
"""The large writer-independent text line recognition task; both validation sets validate."""
_STANDS_APART = ((re.compile(r" +([.,;:!?)\]]|n't\b)"), r"\1"), (re.compile(r"([(\[]) +"), r"\1"))
_ASCII_FIELDS = 9


def is_iam(folder: Path) -> bool:
    """Whether a folder holds IAM's lines and their texts."""
    return (folder / "lines").is_dir() and ((folder / "xml").is_dir() or _ascii(folder, "lines.txt") is not None)


def read_iam(labels: Labels) -> None:
    """Add IAM's lines to ``labels``: texts of xml/ where it is there, which keep their spaces, else of lines.txt."""
    folder = labels.folder
    pictures = {file.stem: file for file in sorted((folder / "lines").rglob("*")) if file.suffix.lower() in SUFFIXES}
    texts = _texts_of_xml(labels) if (folder / "xml").is_dir() else _texts_of_ascii(labels)
    writers = _writers_of_ascii(folder)
    parts = _parts(folder)
    missing = []
    for name, (text, groups) in texts.items():
        form = name.rpartition("-")[0]
        about = {"form": form, **({"writer": writers[form]} if form in writers else {}), **groups}
        if name in pictures:
            labels.lines.append(LabelledLine(name, pictures[name], text, about, part=parts.get(name)))
        else:
            missing.append(name)
    labels.blame("Left out, lines without a picture in lines/", missing)
    labels.blame("Left out, pictures in lines/ without a text", sorted(pictures.keys() - texts.keys()))
    if not parts:
        labels.faults.append(
            "The lists of the official split (trainset.txt, validationset1.txt, validationset2.txt, testset.txt) "
            "are not there: put them into the folder to measure as others do."
        )


Texts = dict[str, tuple[str, dict[str, str]]]


def _ascii(folder: Path, name: str) -> Path | None:
    return next((file for file in (folder / "ascii" / name, folder / name) if file.is_file()), None)


def _rows(file: Path | None) -> list[list[str]]:
    if file is None:
        return []
    return [line.split() for line in read_text(file)[0].split("\n") if line.strip() and not line.startswith("#")]


def _texts_of_ascii(labels: Labels) -> Texts:
    """Of ``a01-000u-00 ok 154 19 408 746 1661 89 A|MOVE|to``: words and punctuation stand apart and are joined."""
    texts: Texts = {}
    broken = []
    for row in _rows(_ascii(labels.folder, "lines.txt")):
        if len(row) < _ASCII_FIELDS:
            broken.append(" ".join(row))
            continue
        text = " ".join(row[_ASCII_FIELDS - 1 :]).replace("|", " ")
        for apart, joined in _STANDS_APART:
            text = apart.sub(joined, text)
        texts[row[0]] = text, {"segmentation": row[1]}
    labels.blame("Left out, lines of lines.txt that are no labels", broken)
    return texts


def _texts_of_xml(labels: Labels) -> Texts:
    texts: Texts = {}
    for file in files_named(labels.folder / "xml", "*.xml"):
        try:
            form = ET.parse(file).getroot()
        except (ET.ParseError, OSError, ValueError, LookupError) as error:
            labels.faults.append(f"{file.name}: cannot be read as XML ({error}); its lines were left out.")
            continue
        groups = {"writer": writer} if (writer := form.get("writer-id")) else {}
        for line in form.iter("line"):
            segmentation = {"segmentation": said} if (said := line.get("segmentation")) else {}
            texts[line.get("id") or ""] = line.get("text") or "", groups | segmentation
    return texts


def _writers_of_ascii(folder: Path) -> dict[str, str]:
    """Writers by form, of ``a01-000u 000 2 prt 7 5 52 36``."""
    return {row[0]: row[1] for row in _rows(_ascii(folder, "forms.txt")) if len(row) > 1}


def _parts(folder: Path) -> dict[str, Part]:
    """The official split, by line, where its lists lie anywhere in the folder."""
    parts: dict[str, Part] = {}
    for file in files_named(folder, "*.txt"):
        part = _LISTS.get(file.stem)
        if part is not None:
            parts |= {row[0]: part for row in _rows(file)}
    return parts
