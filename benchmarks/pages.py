"""Reads photographed pages with this reader and with RapidOCR's whole engine: ``python benchmarks/pages.py``.

The folder given as ``--pictures`` has a ``labels.tsv`` with the columns ``file`` and ``text``; ``\\n`` parts the
lines of a page. Pictures of one line are left out. The page character error rate counts edits between the whole texts,
lines joined by a line break. Then each page is read once more, enlarged to twelve megapixels.
"""

from __future__ import annotations

import argparse
import csv
import importlib.metadata
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
from rapidfuzz.distance import Levenshtein
from report import machine, write

from text_recognizer.command_line import run_safely
from text_recognizer.imaging.pictures import load_picture
from text_recognizer.reading.recognizer import TextRecognizer

THREADS = 2
CAMERA_PIXELS = 12_000_000
ReadPage = Callable[[Path], str]


def labelled_pages(folder: Path) -> list[tuple[Path, str]]:
    """Pictures of several lines and their texts."""
    with (folder / "labels.tsv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    return [(folder / row["file"], row["text"].replace("\\n", "\n")) for row in rows if "\\n" in row["text"]]


def this_reader() -> ReadPage:
    """The reader that ships."""
    reader = TextRecognizer(threads=THREADS)

    def read(path: Path) -> str:
        [lines] = reader.read_pages([load_picture(path)], split=True)
        return "\n".join(line.text for line in lines)

    return read


def rapid_ocr() -> ReadPage:
    """RapidOCR's whole engine, its lines in the order in which it gives them."""
    from rapidocr import RapidOCR

    threads = {"intra_op_num_threads": THREADS, "inter_op_num_threads": 1}
    options = {f"EngineConfig.onnxruntime.{name}": value for name, value in threads.items()}
    engine = RapidOCR(params=options | {"Global.log_level": "error"})

    def read(path: Path) -> str:
        found: Any = engine(path)
        return "\n".join(found.txts or ())

    return read


def enlarged(path: Path, folder: Path) -> Path:
    """A picture as a camera of twelve megapixels gives it, in ``folder``."""
    picture: Any = cv2.imread(str(path))
    scale = (CAMERA_PIXELS / (picture.shape[0] * picture.shape[1])) ** 0.5
    target = folder / f"{path.stem}.jpg"
    cv2.imwrite(str(target), cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC))
    return target


def read_all(read: ReadPage, pages: list[Path]) -> tuple[list[str], float]:
    """Texts, and seconds a page."""
    started = time.perf_counter()
    texts = [read(page) for page in pages]
    return texts, (time.perf_counter() - started) / len(pages)


def measure(folder: Path) -> str:
    """The table: page character error rates and seconds a page."""
    with tempfile.TemporaryDirectory() as large:
        return _table(folder, Path(large))


def _table(folder: Path, large: Path) -> str:
    pages = labelled_pages(folder)
    readers: dict[str, ReadPage] = {"this reader": this_reader()}
    try:
        readers[f"RapidOCR {importlib.metadata.version('rapidocr')}"] = rapid_ocr()
    except ModuleNotFoundError as error:
        print(f"RapidOCR is left out: {error.name} is not installed.", file=sys.stderr)
    lines = [
        "| reader | page character error rate | median of pages | seconds a page | at 12 megapixels |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    files = [path for path, _ in pages]
    large_files = [enlarged(path, large) for path in files]
    for name, read in readers.items():
        read(files[0])
        (texts, seconds), (_, seconds_large) = read_all(read, files), read_all(read, large_files)
        edits = [Levenshtein.distance(text, truth) for text, (_, truth) in zip(texts, pages, strict=True)]
        rates = [count / len(truth) for count, (_, truth) in zip(edits, pages, strict=True)]
        rate = sum(edits) / sum(len(truth) for _, truth in pages)
        lines.append(f"| {name} | {rate:.3f} | {statistics.median(rates):.3f} | {seconds:.2f} | {seconds_large:.2f} |")
    return "\n".join([*lines, "", f"{len(pages)} pages. {machine()}."])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=Path, required=True, help="folder with photographed pages and labels.tsv")
    parser.add_argument("--write", type=Path, help="also put the table into this file")
    arguments = parser.parse_args()
    cv2.setNumThreads(THREADS)

    def command() -> None:
        table = measure(arguments.pictures)
        print(table)
        if arguments.write:
            write(arguments.write, table, "pages")

    return run_safely(command)


if __name__ == "__main__":
    sys.exit(main())
