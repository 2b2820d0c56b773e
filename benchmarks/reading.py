"""Reads the same pictures with this reader and its peers: ``python benchmarks/reading.py``.

Composed lines have characters and texts that no training has seen: in even cells, with overlap, and written as by hand
and degraded as by paper, pen and camera; short fields are on paper. Real pictures come from a folder, given as
``--pictures``, whose ``labels.tsv`` has the columns ``file`` and ``text``; each folder in it is a set. Peers that are
not installed are left out, with a word: RapidOCR (``pip install '.[bench]'``), Tesseract 5 (Debian: ``tesseract-ocr``),
and the lab's LineCNN, which reads composed lines alone (``--line_cnn RUN``, a run of ``text-recognizer train``).
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from report import data_source, machine, write
from torch import nn

from text_recognizer.alphabet import ALPHABET
from text_recognizer.command_line import run_safely
from text_recognizer.data.sets.emnist_lines import EMNISTLines
from text_recognizer.data.sets.paper_lines import PaperLines
from text_recognizer.data.text.mix import TextMix
from text_recognizer.evaluation.measures import cer
from text_recognizer.labels.find import find_labels
from text_recognizer.reading.recognizer import TextRecognizer
from text_recognizer.training.checkpoint import Checkpoint

AS_BY_HAND: dict[str, Any] = {"layout": "handwriting", "degraded_share": 1.0}
COMPOSED: dict[str, dict[str, Any]] = {
    "composed, no overlap": {"max_overlap": 0.0},
    "composed, overlap 0 to 0.33": {"max_overlap": 0.33},
    "composed, overlap 0.2 to 0.5": {"min_overlap": 0.2, "max_overlap": 0.5},
    "as by hand, degraded": AS_BY_HAND,
    "as by hand, capitals": {**AS_BY_HAND, "text_mix": TextMix(as_is=0, capitals=1)},
    "as by hand, digit strings": {**AS_BY_HAND, "text_mix": TextMix(as_is=0, digits=1)},
    "as by hand, dates and codes": {**AS_BY_HAND, "text_mix": TextMix(as_is=0, dates_and_codes=1)},
}
FIELDS = "short fields on paper"
SPEED_SET = "composed, overlap 0 to 0.33"
DEFAULT = "this reader (beam, default)"
MARGIN = 8
THREADS = 2
RAPID_OCR = "RapidOCR recogniser"
RAPID_OCR_PROCESS = "import sys; from rapidocr import RapidOCR; print(RapidOCR()(sys.argv[1]).txts)"

Read = Callable[[list[np.ndarray]], list[str]]


@dataclass(frozen=True)
class PictureSet:
    """Pictures uint8 (h, w), dark on light, and their texts; of composed lines also the lines themselves."""

    pictures: list[np.ndarray]
    texts: list[str]
    lines: np.ndarray | None = None


def composed_set(settings: dict[str, Any], count: int, text: str) -> PictureSet:
    """Lines of test glyphs and test texts, at most 30 characters; those in clean cells on paper with a margin."""
    data = EMNISTLines(**settings, text=text, seed=7)
    data.prepare_data()
    data.setup()
    lines: Any = data.datasets["test"].batch(np.arange(count))
    margin = 0 if data.degraded_share else MARGIN
    pictures = [
        np.pad(255 - image[:, :width], margin, constant_values=255)
        for image, width in zip(lines.images, lines.widths, strict=True)
    ]
    in_cells = lines.images if data.style.has_cells_only else None
    return PictureSet(pictures, [ALPHABET.decode(row) for row in lines.targets], in_cells)


def field_set(count: int, text: str) -> PictureSet:
    """Characters, numbers and words on paper, of writers, fonts, glyphs and texts for testing, as a crop shows them."""
    data = PaperLines(field_share=1.0, text=text, seed=7)
    data.prepare_data()
    data.setup()
    dataset: Any = data.datasets["test"]
    lines = [dataset.line(number) for number in range(count)]
    return PictureSet([255 - picture for picture, _, _ in lines], [text for _, text, _ in lines])


def real_sets(folder: Path) -> dict[str, PictureSet]:
    """Labelled lines by the folder they are in; pages are left to benchmarks/pages.py."""
    sets: dict[str, PictureSet] = {}
    for line in find_labels(folder).lines:
        chosen = sets.setdefault(str(Path(line.name).parent), PictureSet([], []))
        chosen.pictures.append(line.load())
        chosen.texts.append(line.text)
    return sets


def readers(model: str | None) -> dict[str, Read]:
    """Whatever of this reader and its peers is installed; the default decoder first."""
    beam, greedy = (TextRecognizer(model, decoder=name, threads=THREADS) for name in ("beam", "greedy"))
    found: dict[str, Read] = {
        DEFAULT: lambda pictures: [one.text for one in beam.read(pictures)],
        "this reader (greedy)": lambda pictures: [one.text for one in greedy.read(pictures)],
    }
    try:
        found[RAPID_OCR] = rapid_ocr()
    except ModuleNotFoundError as error:
        print(f"RapidOCR is left out: {error.name} is not installed.", file=sys.stderr)
    if shutil.which("tesseract"):
        found["Tesseract"] = tesseract
    else:
        print("Tesseract is left out: it is not installed.", file=sys.stderr)
    return found


def rapid_ocr() -> Read:
    """RapidOCR's recogniser alone, with the models in its wheel."""
    from rapidocr import RapidOCR

    threads = {"intra_op_num_threads": THREADS, "inter_op_num_threads": 1}
    options = {f"EngineConfig.onnxruntime.{name}": value for name, value in threads.items()}
    engine = RapidOCR(params=options | {"Global.log_level": "error"})

    def read(pictures: list[np.ndarray]) -> list[str]:
        images = [cv2.cvtColor(picture, cv2.COLOR_GRAY2BGR) for picture in pictures]
        return list(engine.recognize_txt(images).txts or ())

    return read


def tesseract(pictures: list[np.ndarray]) -> list[str]:
    """Tesseract in its mode for a single line."""
    command = ["tesseract", "-", "-", "--psm", "7", "-l", "eng"]
    texts = []
    for picture in pictures:
        encoded = cv2.imencode(".png", picture)[1].tobytes()
        texts.append(subprocess.run(command, input=encoded, capture_output=True, check=True).stdout.decode().strip())
    return texts


def read_cells(model: nn.Module, lines: np.ndarray) -> list[str]:
    """What one of the lab's models reads in lines uint8 (B, H, W), as they were composed."""
    with torch.inference_mode():
        best = model(torch.from_numpy(lines).unsqueeze(1).float() / 255).argmax(1)
    return [ALPHABET.decode(row).strip() for row in best]


def folded(text: str) -> str:
    """Letters and digits alone, in lower case."""
    return "".join(character for character in text.lower() if character.isalnum())


def error_rates(found: list[str], texts: list[str]) -> dict[str, float]:
    """Edits per reference character: as it is, and with case, spaces and punctuation ignored."""
    return {"cer": cer(found, texts), "cer_folded": cer([*map(folded, found)], [*map(folded, texts)])}


def installed_megabytes(*packages: str) -> float:
    """Megabytes of the files of installed packages and of all they need, without compiled Python code."""
    wanted, sizes = list(packages), {}
    while wanted:
        name = wanted.pop()
        if name not in sizes:
            distribution = importlib.metadata.distribution(name)
            paths = [Path(str(file.locate())) for file in distribution.files or () if file.suffix != ".pyc"]
            sizes[name] = sum(path.stat().st_size for path in paths if path.is_file())
            requirements = map(Requirement, distribution.requires or ())
            needed = (one for one in requirements if one.marker is None or one.marker.evaluate({"extra": ""}))
            wanted += [canonicalize_name(one.name) for one in needed if _is_installed(one.name)]
    return sum(sizes.values()) / 1e6


def _is_installed(package: str) -> bool:
    return any(True for _ in importlib.metadata.distributions(name=package))


def lines_per_second(read: Read, pictures: list[np.ndarray], repeats: int = 5) -> float:
    """Median rate of reading cropped arrays in memory, all in one call."""
    read(pictures[:8])
    return len(pictures) / statistics.median(_seconds(lambda: read(pictures)) for _ in range(repeats))


def process_seconds(picture: np.ndarray, model: str | None) -> dict[str, float]:
    """Seconds that a whole process takes to read one picture, the median of five after one to warm up."""
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/one.png"
        own = ["--model", model] if model else []
        cv2.imwrite(path, picture)
        commands = {
            DEFAULT: [str(Path(sys.executable).with_name("text-recognizer")), "read", path, *own],
            "RapidOCR": [sys.executable, "-c", RAPID_OCR_PROCESS, path],
        }
        seconds = {}
        for name, command in commands.items():
            runs = [_seconds(lambda c=command: subprocess.run(c, capture_output=True, check=True)) for _ in range(6)]  # type: ignore[misc]
            seconds[name] = statistics.median(runs[1:])
        return seconds


def _seconds(work: Callable[[], Any]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """All figures."""
    sets = {name: composed_set(settings, arguments.lines, arguments.text) for name, settings in COMPOSED.items()}
    sets[FIELDS] = field_set(arguments.lines, arguments.text)
    if arguments.pictures:
        sets |= real_sets(arguments.pictures)
    figures: dict[str, Any] = {"pictures": {name: len(one.texts) for name, one in sets.items()}, "error_rates": {}}
    found = readers(arguments.model)
    for reader, read in found.items():
        figures["error_rates"][reader] = {n: error_rates(read(one.pictures), one.texts) for n, one in sets.items()}
    if arguments.line_cnn:
        model = Checkpoint.load(str(arguments.line_cnn / "best.ckpt")).model()
        figures["error_rates"]["LineCNN (the lab's)"] = {
            name: error_rates(read_cells(model, one.lines), one.texts)
            for name, one in sets.items()
            if one.lines is not None
        }
    speed = {
        name: lines_per_second(read, sets[SPEED_SET].pictures) for name, read in found.items() if name != "Tesseract"
    }
    figures["lines_per_second"] = speed
    figures["installed_megabytes"] = {"this reader": installed_megabytes("text-recognizer")}
    if RAPID_OCR in speed:
        figures["speed_against_rapidocr"] = {n: r / speed[RAPID_OCR] for n, r in speed.items() if n != RAPID_OCR}
        figures["process_seconds"] = process_seconds(sets[SPEED_SET].pictures[0], arguments.model)
        figures["installed_megabytes"]["RapidOCR"] = installed_megabytes("rapidocr", "onnxruntime")
    return figures | {"machine": machine(), "data": data_source()}


def table(figures: dict[str, Any]) -> str:
    """The figures as Markdown."""
    readers = list(figures["error_rates"])
    lines = [f"| pictures | n | {' | '.join(readers)} |", "| --- | ---: |" + " ---: |" * len(readers)]
    for name, count in figures["pictures"].items():
        rates = [figures["error_rates"][reader].get(name) for reader in readers]
        cells = [f"{one['cer']:.3f} ({one['cer_folded']:.3f})" if one else "" for one in rates]
        lines.append(f"| {name} | {count} | {' | '.join(cells)} |")
    rates = [figures["lines_per_second"].get(reader) for reader in readers]
    lines.append(f"| lines/s, {THREADS} threads | | {' | '.join(f'{one:.0f}' if one else '' for one in rates)} |")
    lines += ["", "Character error rates; in brackets, with case, spaces and punctuation ignored."]
    for name, value in figures.get("process_seconds", {}).items():
        lines.append(f"Seconds to start and read one picture, {name}: {value:.2f}.")
    for name, value in figures["installed_megabytes"].items():
        lines.append(f"Megabytes of installed packages, {name}: {value:.0f}.")
    return "\n".join([*lines, f"Data: {figures['data']}. Machine: {figures['machine']}."])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of the table")
    parser.add_argument("--pictures", type=Path, help="folder with real pictures and labels.tsv")
    parser.add_argument("--lines", type=int, default=120, help="lines in each composed set")
    parser.add_argument("--text", default="brown", help="text source of the composed lines")
    parser.add_argument("--model", help="model file; by default the one that ships")
    parser.add_argument("--line_cnn", type=Path, metavar="RUN", help="run folder of the lab's LineCNN")
    parser.add_argument("--write", type=Path, help="also put the table into this file")
    arguments = parser.parse_args()
    figures = measure(arguments)
    print(json.dumps(figures, indent=2) if arguments.json else table(figures))
    if arguments.write:
        write(arguments.write, table(figures), "reading")


if __name__ == "__main__":
    sys.exit(run_safely(main))
