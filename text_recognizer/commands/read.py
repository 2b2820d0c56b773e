"""``text-recognizer read``: pictures in, one text per picture out."""

from __future__ import annotations

import glob
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from json import dumps
from pathlib import Path
from typing import Any

import numpy as np

from text_recognizer.errors import UsageError, UserError, attempt, naming
from text_recognizer.hand.file import model_of
from text_recognizer.hand.store import hand_path
from text_recognizer.imaging.normalization import NormalizedLine
from text_recognizer.imaging.pictures import FORMATS, load_picture
from text_recognizer.reading.archive.listing import Listing, Shard
from text_recognizer.reading.archive.rows import Row, open_rows
from text_recognizer.reading.archive.run import read_archive, skipped
from text_recognizer.reading.recognizer import Decoder, Reading, TextRecognizer
from text_recognizer.reading.results import doubts_of, to_json

_SUFFIXES = {".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp", ".tif", ".tiff", ".pbm", ".pgm", ".ppm"}
_AT_ONCE = 64
_PIXELS_AT_ONCE = 20_000_000
_SKIPPED_NAMED = 5


@dataclass
class _Picture:
    """A picture on its way to its readings, or to what is wrong with it.

    Attributes:
        file: As it was given.
        grey: uint8 (h, w).
        lines: Its lines as they are read; None for blank paper.
        readings: What they say.
        error: Why there is none.
        doubts: What is left out of it, or makes it doubtful.
    """

    file: str
    grey: np.ndarray | None = None
    lines: list[NormalizedLine | None] = field(default_factory=list)
    readings: list[Reading] = field(default_factory=list)
    error: UserError | None = None
    doubts: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        return "standard input" if self.file == "-" else self.file


def read(
    pictures: list[str],
    *,
    json: bool = False,
    lines: bool = False,
    reject_below: float = 0.0,
    model: str | None = None,
    hand: str | None = None,
    decoder: Decoder = "beam",
    threads: int = 2,
    out: str | None = None,
    recursive: bool = False,
    resume: bool = False,
    shard: str = "1/1",
) -> int:
    """Read pictures of handwritten lines and print one text per picture, of several after the picture's name.

    Args:
        pictures: Picture files, folders of them, glob patterns, or ``-`` for standard input.
        json: Print one JSON object per picture, each on its own line: file, text, confidence and characters, or file
            and error.
        lines: Each picture is a page or paragraph: split it into lines and read these in order.
        reject_below: Reject pictures whose confidence, the expected share of right characters, is below this.
        model: An ONNX file made by ``text-recognizer export``; by default the model that ships with the package.
        hand: Read with the hand of this name (``text-recognizer hand learn``) instead.
        decoder: ``beam`` weighs what the picture leaves open by how English it is; ``greedy`` does not.
        threads: How many batches of lines are read at the same time.
        out: Write a row per picture here instead, as each is read: a .jsonl file, or a folder of Parquet files whose
            name ends in .parquet. Pictures may then be text files, too, that name a picture a line.
        recursive: With out: folders below folders are read too.
        resume: With out: go on with rows that are there; pictures that have one are not read again.
        shard: With out: read one of several parts of all pictures, as 3/16.

    Returns:
        0 if all pictures were read, 1 if any failed or was rejected. What is skipped or doubtful is said on standard
        error.

    Raises:
        UsageError: If no picture is given, there is no such decoder, there are fewer than 1 threads, both a model and a
            hand are given, or the least confidence is not from 0 to 1.
        UserError: If the model cannot be loaded, or there is no such hand.
    """
    if not pictures:
        raise UsageError("No picture given. Try: text-recognizer read line.png")
    if model is not None and hand is not None:
        raise UsageError("Both --model and --hand are given, but one reader reads. Leave one out.")
    if not 0 <= reject_below <= 1:
        raise UsageError(f"--reject_below is {reject_below}, but must be from 0 to 1.")
    if out is None and (recursive or resume or shard != "1/1"):
        raise UsageError("--recursive, --resume and --shard need --out, which takes the rows: --out rows.jsonl")
    recognizer = TextRecognizer(model if hand is None else model_of(hand_path(hand)), decoder, threads)
    if out is not None:
        listing = Listing(pictures, _SUFFIXES, recursive, Shard.parse(shard))
        return _write_rows(listing, recognizer, Path(out), resume, lines, reject_below)
    files = [file for picture in pictures for file in _expand(picture)]
    failed = False
    for group in _progress(_read_in_groups(recognizer, files, lines), len(files)):
        for picture in group:
            _reject(picture, reject_below)
            failed |= picture.error is not None
            _print(picture, json, lines, named=len(files) > 1)
        sys.stdout.flush()
    return int(failed)


def _write_rows(
    listing: Listing, recognizer: TextRecognizer, out: Path, resume: bool, split: bool, least: float
) -> int:
    """Read an archive into a file of rows."""

    def read_rows(files: Iterator[str]) -> Iterator[list[Row]]:
        for group in _read_in_groups(recognizer, files, split):
            for picture in group:
                _reject(picture, least)
            yield [_row(picture, split) for picture in group]

    out = listing.shard.of(out)
    with open_rows(out, resume=resume) as rows:
        tally = read_archive(listing, read_rows, rows)
    print(f"{out}: {tally}. {skipped(listing) or ''}".strip(), file=sys.stderr)
    return int(tally.failed > 0)


def _row(picture: _Picture, lines: bool) -> Row:
    """A picture as JSON, with what is doubtful about it."""
    row = {"file": picture.file} | _outcome(picture, lines)
    return row | {"doubts": picture.doubts} if picture.doubts else row


def _outcome(picture: _Picture, lines: bool) -> dict[str, Any]:
    return {"error": str(picture.error)} if picture.error else to_json(picture.readings, lines)


def _expand(picture: str) -> list[str]:
    """The files that an argument stands for; the argument itself where that is none, to be reported in its place."""
    path = Path(picture)
    if path.is_dir():
        entries = sorted(path.iterdir(), key=lambda entry: _by_number(entry.name))
        _tell_skipped(picture, [entry for entry in entries if entry.suffix.lower() not in _SUFFIXES or entry.is_dir()])
        return [str(entry) for entry in entries if entry.suffix.lower() in _SUFFIXES and entry.is_file()] or [picture]
    if picture != "-" and not path.exists() and glob.has_magic(picture):
        return sorted(glob.glob(picture, recursive=True), key=_by_number) or [picture]  # noqa: PTH207 (Path takes no absolute pattern)
    return [picture]


def _by_number(name: str) -> list[tuple[int, str]]:
    """A sorting key by which 2 comes before 10."""
    parts = re.findall(r"\d+|\D+", name)
    return [(int(part), part) if part.isdecimal() else (-1, part) for part in parts]


def _tell_skipped(folder: str, entries: list[Path]) -> None:
    shown = [f"{entry.name}/" if entry.is_dir() else entry.name for entry in entries if not entry.name.startswith(".")]
    if not shown:
        return
    more = f" and {len(shown) - _SKIPPED_NAMED} more" if len(shown) > _SKIPPED_NAMED else ""
    folders = f" Of the folders below it: {folder}/**/*.png" if any(name.endswith("/") for name in shown) else ""
    print(
        f"{folder}: skipped {', '.join(shown[:_SKIPPED_NAMED])}{more}; "
        f"read are its files whose names end in {', '.join(sorted(_SUFFIXES))}.{folders}",
        file=sys.stderr,
    )


def _read_in_groups(recognizer: TextRecognizer, files: Iterable[str], split: bool) -> Iterator[list[_Picture]]:
    """Read so many pictures at once that batches fill, and memory does not."""
    for group in _load_in_groups(recognizer, files, split):
        results = iter(recognizer.read_normalized([line for picture in group for line in picture.lines]))
        for picture in group:
            for _ in picture.lines:
                result = next(results)
                if isinstance(result, UserError):
                    picture.error = UserError(f"{picture.name}: {result}")
                else:
                    picture.readings.append(result)
            if picture.grey is not None and not picture.error:
                picture.doubts += doubts_of(picture.grey, picture.readings, recognizer, split)
        yield group


def _load_in_groups(recognizer: TextRecognizer, files: Iterable[str], split: bool) -> Iterator[list[_Picture]]:
    group: list[_Picture] = []
    pixels = 0
    for file in files:
        group.append(_load(file, recognizer, split))
        grey = group[-1].grey
        pixels += 0 if grey is None else grey.size
        if len(group) == _AT_ONCE or pixels > _PIXELS_AT_ONCE:
            yield group
            group, pixels = [], 0
    if group:
        yield group


def _load(file: str, recognizer: TextRecognizer, split: bool) -> _Picture:
    picture = _Picture(file)

    def load() -> None:
        if Path(file).is_dir():
            raise UserError(f"{file}: a folder without pictures; expected files of {', '.join(FORMATS)}.")
        if not Path(file).exists() and glob.has_magic(file):
            raise UserError(f"{file}: no file matches.")
        picture.grey = load_picture(file, picture.name, doubts=picture.doubts)
        with naming(picture.name):
            picture.lines = recognizer.lines(picture.grey, split=split)

    picture.error = attempt(picture.name, load)
    return picture


def _reject(picture: _Picture, least: float) -> None:
    readings = [reading for reading in picture.readings if reading.text]
    if picture.error or not readings or not least:
        return
    confidence = to_json(readings, lines=True)["confidence"]
    if confidence < least:
        picture.error = UserError(f"{picture.name}: rejected: its confidence is {confidence:.2f}, below {least:g}.")


def _print(picture: _Picture, json: bool, lines: bool, named: bool) -> None:
    for doubt in picture.doubts:
        print(f"{picture.name}: {doubt}", file=sys.stderr)
    if json:
        print(dumps({"file": picture.file, **_outcome(picture, lines)}, ensure_ascii=False))
    elif picture.error:
        print(f"error: {picture.error}", file=sys.stderr)
    else:
        start = f"{picture.file}: " if named else ""
        print("\n".join(f"{start}{reading.text}" for reading in picture.readings))


def _progress(groups: Iterator[list[_Picture]], total: int) -> Iterator[list[_Picture]]:
    """A progress bar on standard error, if someone looks at it and there is much to read."""
    if total <= _AT_ONCE or not sys.stderr.isatty():
        yield from groups
        return
    from tqdm import tqdm

    with tqdm(total=total, unit="picture") as bar:
        for group in groups:
            bar.clear()
            yield group
            bar.update(len(group))
