"""Detects the format of labelled lines in a folder and loads them."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from text_recognizer.errors import UserError, printable
from text_recognizer.imaging.pictures import SUFFIXES
from text_recognizer.labels.iam import is_iam, read_iam
from text_recognizer.labels.lines import PARTS, LabelledLine, Labels, Part, files_named, is_there, listed, within
from text_recognizer.labels.pages import kind_of, read_page
from text_recognizer.labels.tables import MULTI_LINE, read_table
from text_recognizer.labels.texts import one_line, read_text

TRUTH = ".gt.txt"
"""What the name of a text beside a picture ends in."""
_TABLES = ("labels.tsv", "labels.csv", "labels.jsonl")
_IMAGEFOLDER = ("metadata.jsonl", "metadata.csv")
_PADDLE = ("rec_gt*.txt",)
EXPECTED = (
    "labels.tsv, labels.csv or labels.jsonl (file, text); pictures with .gt.txt beside them; metadata.jsonl of an "
    "imagefolder; rec_gt.txt of PaddleOCR; PAGE XML or ALTO beside pictures of pages; or IAM's lines/ with ascii/ or "
    "xml/"
)


def find_labels(path: str | Path, *, composed: bool = True) -> Labels:
    """The labelled lines of a folder, or of one file of labels.

    Args:
        path: A folder in one of the forms of ``EXPECTED``, or a table of them.
        composed: Whether texts are put into Unicode's composed form (NFC), or left as they stand.

    Returns:
        Lines with texts, each picture there once; everything else is among the faults.

    Raises:
        UserError: If there is no such folder, it has no labels, or none is of use.
    """
    path = Path(path)
    if path.is_file():
        labels = _of_tables(path.parent, [path])
    elif path.is_dir():
        labels = _of_folder(path)
    else:
        raise UserError(f"{path}: no such folder of labelled lines.")
    _clean(labels, composed)
    if not labels.lines:
        why = " ".join(labels.faults) or "The labels are empty."
        raise UserError(f"{path}: no labelled line is of use. {why}")
    return labels


def _of_folder(folder: Path) -> Labels:
    found = {form: read for form, look in _FORMS.items() if (read := look(folder)) is not None}
    if not found:
        raise UserError(f"{folder}: no labels found. Expected {EXPECTED}.")
    form, *others = found
    labels = found[form]()
    if others:
        labels.faults.append(f"Read as {form}; there are also {listed(others)}, which were left aside.")
    return labels


Look = Callable[[Path], Callable[[], Labels] | None]


def _tables_of(form: str, patterns: tuple[str, ...], *, deep: bool) -> Look:
    """Looks for tables by name in a folder, or if ``deep`` in the folders of its parts too."""

    def look(folder: Path) -> Callable[[], Labels] | None:
        below = [one for one in folder.iterdir() if deep and one.is_dir() and one.name.lower() in PARTS]
        places = [folder, *sorted(below)]
        tables = [file for place in places for pattern in patterns for file in files_named(place, pattern, deep=False)]
        return (lambda: _of_tables(folder, tables, form)) if tables else None

    return look


def _of_tables(folder: Path, tables: list[Path], form: str | None = None) -> Labels:
    labels = Labels(folder, form or tables[0].name)
    for table in tables:
        if table.suffix.lower() not in (".tsv", ".csv", ".jsonl", ".txt"):
            raise UserError(f"{table}: no table of labels; expected a name that ends in .tsv, .csv, .jsonl or .txt.")
        read_table(labels, table, part=_part_of(folder, table))
    _blame_unlabelled(labels)
    return labels


def _part_of(folder: Path, table: Path) -> Part | None:
    """The part that a table in a folder is named after: ``rec_gt_train.txt``, or ``validation/metadata.jsonl``."""
    names = (*table.relative_to(folder).parent.parts, *table.stem.replace("-", "_").split("_"))
    return next((PARTS[name.lower()] for name in names if name.lower() in PARTS), None)


def _blame_unlabelled(labels: Labels) -> None:
    there = {line.picture for line in labels.lines if is_there(line.picture)}
    known = {picture.resolve() for picture in there}
    files = [file for folder in sorted({picture.parent for picture in there}) for file in sorted(folder.iterdir())]
    pictures = [file for file in files if file.suffix.lower() in SUFFIXES and not _is_of_macos(file)]
    unlabelled = [file for file in pictures if not is_there(file) or file.resolve() not in known]
    labels.blame("Left out, pictures without a label", [printable(file.name) for file in unlabelled])


def _is_of_macos(file: Path) -> bool:
    """Whether a file holds what macOS notes of the one beside it."""
    return file.name.startswith("._")


def _truths(folder: Path) -> Callable[[], Labels] | None:
    truths = [file for file in files_named(folder, f"*{TRUTH}") if not _is_of_macos(file)]
    return (lambda: _of_truths(folder, truths)) if truths else None


def _of_truths(folder: Path, truths: list[Path]) -> Labels:
    labels = Labels(folder, f"pictures with {TRUTH}")
    missing, odd = [], []
    for truth in truths:
        stem = truth.name.removesuffix(TRUTH)
        picture = _picture_beside(truth.parent, stem)
        if picture is None:
            missing.append(within(folder, truth))
            continue
        try:
            text, not_utf8 = read_text(truth)
        except UserError as error:
            labels.faults.append(f"Left out: {error}")
            continue
        odd += [printable(truth.name)] if not_utf8 else []
        labels.lines.append(LabelledLine(within(folder, picture), picture, text.strip().replace("\n", MULTI_LINE)))
    labels.blame("Left out, texts without a picture beside them", missing)
    labels.blame("Texts that are not UTF-8, read as Windows-1252", odd)
    _blame_unlabelled(labels)
    return labels


def _picture_beside(folder: Path, stem: str) -> Path | None:
    """``line.png``, or as kraken and OCR-D name what they have cleaned: ``line.bin.png``, ``line.nrm.png``."""
    names = [stem + kind + suffix for kind in ("", ".nrm", ".bin") for suffix in sorted(SUFFIXES)]
    return next((folder / name for name in names if is_there(folder / name)), None)


def _pages(folder: Path) -> Callable[[], Labels] | None:
    pages = [file for file in files_named(folder, "*.xml") if kind_of(file)]
    return (lambda: _of_pages(folder, pages)) if pages else None


def _of_pages(folder: Path, pages: list[Path]) -> Labels:
    kinds = sorted({kind_of(page) or "" for page in pages})
    labels = Labels(folder, " and ".join(kinds).replace("PAGE", "PAGE XML"))
    for page in pages:
        read_page(labels, page)
    return labels


def _iam(folder: Path) -> Callable[[], Labels] | None:
    return (lambda: _of_iam(folder)) if is_iam(folder) else None


def _of_iam(folder: Path) -> Labels:
    labels = Labels(folder, "IAM")
    read_iam(labels)
    return labels


_FORMS: dict[str, Look] = {
    "labels.tsv, .csv or .jsonl": _tables_of("a table of labels", _TABLES, deep=False),
    "an imagefolder": _tables_of("an imagefolder", _IMAGEFOLDER, deep=True),
    "PaddleOCR's rec_gt.txt": _tables_of("PaddleOCR's rec_gt.txt", _PADDLE, deep=False),
    "IAM": _iam,
    f"pictures with {TRUTH}": _truths,
    "PAGE XML or ALTO": _pages,
}


def _clean(labels: Labels, composed: bool) -> None:
    """Leave out lines without text or picture, pages where lines are wanted, and what is there twice."""
    lines = [replace(line, text=one_line(line.text, composed=composed)) for line in labels.lines]
    lines = _without(labels, lines, lambda line: not line.text, "Left out, as the text is empty")
    lines = _without(
        labels,
        lines,
        lambda line: MULTI_LINE in line.text,
        "Left out, as the text has several lines, where one is expected",
    )
    lines = _without(labels, lines, lambda line: not is_there(line.picture), "Left out, labels without a picture")
    labels.lines = _each_once(labels, lines)


def _without(
    labels: Labels, lines: list[LabelledLine], wrong: Callable[[LabelledLine], bool], what: str
) -> list[LabelledLine]:
    labels.blame(what, [line.name for line in lines if wrong(line)])
    return [line for line in lines if not wrong(line)]


def _each_once(labels: Labels, lines: list[LabelledLine]) -> list[LabelledLine]:
    """Of labels of one picture, and of pictures of the same bytes, the first."""
    kept: dict[object, LabelledLine] = {}
    again, contrary = [], []
    copies = _copies(lines)
    for line in lines:
        key = (copies.get(line.picture, line.picture), line.outline)
        if key not in kept:
            kept[key] = line
        elif kept[key].text == line.text:
            again.append(line.name)
        else:
            contrary.append(f"{line.name} ({kept[key].text!r}, not {line.text!r})")
    labels.blame("Left out, as the same label or picture is there already", again)
    labels.blame("Left out, as the picture has another text already", contrary)
    return list(kept.values())


def _copies(lines: list[LabelledLine]) -> dict[Path, str]:
    """Hashes of pictures of which another one of as many bytes is there; what cannot be read is told of when it is."""
    sizes: dict[int, set[Path]] = defaultdict(set)
    for picture in {line.picture for line in lines}:
        sizes[picture.stat().st_size].add(picture)
    alike = [picture for pictures in sizes.values() if len(pictures) > 1 for picture in pictures]
    hashes: dict[Path, str] = {}
    for picture in alike:
        with suppress(OSError):
            hashes[picture] = hashlib.sha256(picture.read_bytes()).hexdigest()
    return hashes
