"""``text-recognizer read``: pictures in, one text per picture out."""

from __future__ import annotations

import glob
import sys
from collections.abc import Iterator
from json import dumps
from pathlib import Path

import numpy as np

from text_recognizer.errors import UsageError, UserError
from text_recognizer.hand.file import model_of
from text_recognizer.hand.store import hand_path
from text_recognizer.imaging.pictures import FORMATS, load_picture
from text_recognizer.reading.recognizer import Decoder, Reading, TextRecognizer
from text_recognizer.reading.results import to_json

_SUFFIXES = {".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp", ".tif", ".tiff", ".pbm", ".pgm", ".ppm"}
_AT_ONCE = 64
_PIXELS_AT_ONCE = 20_000_000


def read(
    pictures: list[str],
    *,
    json: bool = False,
    lines: bool = False,
    model: str | None = None,
    hand: str | None = None,
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
        hand: Read with the hand of this name (``text-recognizer hand learn``) instead.
        decoder: ``beam`` weighs what the picture leaves open by how English it is; ``greedy`` does not.
        threads: How many batches of lines are read at the same time.

    Returns:
        0 if all pictures were read, 1 if any failed.

    Raises:
        UsageError: If no picture is given, there is no such decoder, there are fewer than 1 threads, or both a model
            and a hand are given.
        UserError: If the model cannot be loaded, or there is no such hand.
    """
    if not pictures:
        raise UsageError("No picture given. Try: text-recognizer read line.png")
    if model is not None and hand is not None:
        raise UsageError("Both --model and --hand are given, but one reader reads. Leave one out.")
    files = [file for picture in pictures for file in _expand(picture)]
    recognizer = TextRecognizer(model if hand is None else model_of(hand_path(hand)), decoder, threads)
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
        pages = [page for _, page in group if not isinstance(page, UserError)]
        readings = iter(recognizer.read_pages(pages, split=lines))
        yield [(file, page if isinstance(page, UserError) else next(readings)) for file, page in group]


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


def _print(file: str, result: list[Reading] | UserError, json: bool, lines: bool) -> None:
    if isinstance(result, UserError):
        if json:
            print(dumps({"file": file, "error": str(result)}, ensure_ascii=False))
        else:
            print(f"error: {result}", file=sys.stderr)
        return
    if json:
        print(dumps({"file": file, **to_json(result, lines)}, ensure_ascii=False))
    else:
        print("\n".join(reading.text for reading in result))


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
