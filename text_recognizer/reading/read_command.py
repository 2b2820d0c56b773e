"""``text-recognizer read``: pictures in, one text per picture out."""

from __future__ import annotations

import glob
import sys
from collections.abc import Iterator
from dataclasses import replace
from json import dumps
from pathlib import Path
from typing import Any

import numpy as np

from text_recognizer.errors import UsageError, UserError
from text_recognizer.reading.pictures import FORMATS, load_picture
from text_recognizer.reading.recognizer import Decoder, Reading, TextRecognizer

_SUFFIXES = {".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp", ".tif", ".tiff", ".pbm", ".pgm", ".ppm"}
_AT_ONCE = 64
_PIXELS_AT_ONCE = 20_000_000


def read(
    pictures: list[str],
    *,
    json: bool = False,
    lines: bool = False,
    model: str | None = None,
    decoder: Decoder = "beam",
    threads: int = 2,
) -> int:
    """Read pictures of hand-printed lines and print one text per picture.

    Args:
        pictures: Picture files, folders of them, glob patterns, or ``-`` for standard input.
        json: Print one JSON object per picture, each on its own line: file, text, confidence and characters, or file
            and error.
        lines: Each picture is a page or paragraph: split it into lines and read these in order.
        model: An ONNX file made by ``text-recognizer export``; by default the model that ships with the package.
        decoder: ``beam`` weighs what the picture leaves open by how English it is; ``greedy`` does not.
        threads: How many batches of lines are read at the same time.

    Returns:
        0 if all pictures were read, 1 if any failed.

    Raises:
        UsageError: If no picture is given, there is no such decoder, or there are fewer than 1 threads.
        UserError: If the model cannot be loaded.
    """
    if not pictures:
        raise UsageError("No picture given. Try: text-recognizer read line.png")
    files = [file for picture in pictures for file in _expand(picture)]
    recognizer = TextRecognizer(model, decoder, threads)
    failed = False
    for results in _progress(_read_in_groups(recognizer, files, lines), len(files)):
        for file, result in results:
            failed |= isinstance(result, UserError)
            _print(file, result, json, lines)
        sys.stdout.flush()
    return int(failed)


def _expand(picture: str) -> list[str]:
    """The files that an argument stands for; the argument itself where that is none, to be reported in its place."""
    path = Path(picture)
    if path.is_dir():
        return sorted(str(file) for file in path.iterdir() if file.suffix.lower() in _SUFFIXES) or [picture]
    if picture != "-" and not path.exists() and glob.has_magic(picture):
        return sorted(glob.glob(picture, recursive=True)) or [picture]  # noqa: PTH207 (Path takes no absolute pattern)
    return [picture]


_Results = list[tuple[str, list[Reading] | UserError]]


def _read_in_groups(recognizer: TextRecognizer, files: list[str], lines: bool) -> Iterator[_Results]:
    """Read so many pictures at once that batches fill, and memory does not."""
    for group in _load_in_groups(files):
        pages = [[] if isinstance(page, UserError) else _lines_of(page, lines) for _, page in group]
        readings = iter(recognizer.read_grey([line for page in pages for line, _ in page]))
        found = [[_shifted(next(readings), x) for _, x in page] for page in pages]
        yield [
            (file, page if isinstance(page, UserError) else own) for (file, page), own in zip(group, found, strict=True)
        ]


def _load_in_groups(files: list[str]) -> Iterator[list[tuple[str, np.ndarray | UserError]]]:
    group: list[tuple[str, np.ndarray | UserError]] = []
    pixels = 0
    for file in files:
        loaded = _load(file)
        group.append((file, loaded))
        pixels += loaded.size if isinstance(loaded, np.ndarray) else 0
        if len(group) == _AT_ONCE or pixels > _PIXELS_AT_ONCE:
            yield group
            group, pixels = [], 0
    if group:
        yield group


def _load(file: str) -> np.ndarray | UserError:
    try:
        if Path(file).is_dir():
            return UserError(f"{file}: a folder without pictures; expected files of {', '.join(FORMATS)}.")
        if not Path(file).exists() and glob.has_magic(file):
            return UserError(f"{file}: no file matches.")
        return load_picture(file, "standard input" if file == "-" else file)
    except UserError as error:
        return error


def _lines_of(page: np.ndarray, split: bool) -> list[tuple[np.ndarray, int]]:
    """The pictures to read, and where each begins in the page."""
    if not split:
        return [(page, 0)]
    from text_recognizer.reading.page import split_lines

    return [(line.picture, line.x) for line in split_lines(page)]


def _shifted(reading: Reading, x: int) -> Reading:
    moved = (replace(character, x0=character.x0 + x, x1=character.x1 + x) for character in reading.characters)
    return replace(reading, characters=tuple(moved)) if x else reading


def _print(file: str, result: list[Reading] | UserError, json: bool, lines: bool) -> None:
    if isinstance(result, UserError):
        if json:
            print(dumps({"file": file, "error": str(result)}, ensure_ascii=False))
        else:
            print(f"error: {result}", file=sys.stderr)
        return
    if json:
        print(dumps({"file": file, **_to_json(result, lines)}, ensure_ascii=False))
    else:
        print("\n".join(reading.text for reading in result))


def _to_json(readings: list[Reading], lines: bool) -> dict[str, Any]:
    """One reading as it is; the lines of a page joined, and each on its own besides."""
    if not lines:
        return readings[0].to_json()
    count = sum(len(reading.text) for reading in readings)
    confidence = sum(reading.confidence * len(reading.text) for reading in readings) / max(count, 1)
    each = [reading.to_json() for reading in readings]
    return {
        "text": "\n".join(reading.text for reading in readings),
        "confidence": round(confidence, 4),
        "characters": [character for line in each for character in line["characters"]],
        "lines": each,
    }


def _progress(groups: Iterator[_Results], total: int) -> Iterator[_Results]:
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
