"""How well IAM's official test lines are read: ``python benchmarks/iam.py IAM``.

``IAM`` is the folder of the IAM handwriting database as it is distributed: ``lines/`` with ``xml/`` or ``ascii/``, and
the lists of its split by writers (``trainset.txt`` and so on). The licence of IAM lets nobody pass it on, so that who
has it measures. The reader that ships has learned nothing of IAM. One that has learned its training part
(``text-recognizer finetune IAM --out=iam.onnx``) is measured beside it with ``--model=iam.onnx``. RapidOCR and
Tesseract read too, where they are installed. Brackets hold 95 % intervals, for which whole writers are drawn.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
from reading import Read, rapid_ocr, tesseract
from report import machine

from text_recognizer.command_line import run_safely
from text_recognizer.errors import UserError
from text_recognizer.evaluation.evaluate import evaluate, to_json
from text_recognizer.evaluation.readings import Reader, Said, read_with
from text_recognizer.labels.find import find_labels
from text_recognizer.labels.lines import LabelledLine, Labels
from text_recognizer.reading.recognizer import TextRecognizer

SHIPPED = "the reader that ships"
PARTS = ("train", "val", "test")


def lines_of(folder: str, part: str) -> Labels:
    """The lines of a part of IAM's official split.

    Raises:
        UserError: If the folder does not hold IAM, or not that part of the split.
    """
    labels = find_labels(folder)
    if labels.form != "IAM":
        raise UserError(f"{folder}: holds {labels.form}, not IAM. Expected lines/ with xml/ or ascii/lines.txt.")
    labels.lines = [line for line in labels.lines if line.part == part]
    if not labels.lines:
        raise UserError(f"{folder}: no line is in the part {part} of the official split. {' '.join(labels.faults)}")
    return labels


def peers() -> dict[str, Read]:
    """Whatever other readers are installed, by name and version."""
    found: dict[str, Read] = {}
    try:
        found[f"RapidOCR {importlib.metadata.version('rapidocr')}"] = rapid_ocr()
    except (ModuleNotFoundError, importlib.metadata.PackageNotFoundError):
        print("RapidOCR is left out: it is not installed.", file=sys.stderr)
    if shutil.which("tesseract"):
        said = subprocess.run(["tesseract", "--version"], capture_output=True, text=True, check=True).stdout
        found[said.splitlines()[0].capitalize()] = tesseract
    else:
        print("Tesseract is left out: it is not installed.", file=sys.stderr)
    return found


def read_by_peer(name: str, read: Read, lines: list[LabelledLine]) -> Reader:
    """What another program says of lines, a picture at a time, so that memory stays bounded."""
    return Reader(name, [Said(read([np.ascontiguousarray(line.load())])[0]) for line in lines])


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """All figures, as ``text-recognizer evaluate --json`` has them."""
    labels = lines_of(arguments.folder, arguments.part)
    models = {SHIPPED: None} | {Path(model).name: model for model in arguments.model}
    recognizers = {name: TextRecognizer(model) for name, model in models.items()}
    lines, readers = read_with(recognizers, labels, lambda _: None)
    readers += [read_by_peer(name, read, lines) for name, read in peers().items()]
    about = {"part": arguments.part, "faults": labels.faults, "machine": machine()}
    return to_json(evaluate(lines, readers)) | about


def table(figures: dict[str, Any]) -> str:
    """The figures as Markdown."""
    lines = ["| reader | lines | CER | folded | WER | exact lines |", "| --- | ---: | ---: | ---: | ---: | ---: |"]
    for reader in figures["readers"]:
        rates, folded = reader["rates"]["as it is"], reader["rates"]["both ignored"]
        cells = [_interval(one) for one in (rates["cer"], folded["cer"], rates["wer"], rates["exact"])]
        lines.append(f"| {reader['name']} | {rates['lines']} | {' | '.join(cells)} |")
    said = f"IAM, part {figures['part']} of the official split. Folded: without case and punctuation."
    return "\n".join([*lines, "", said, *figures["faults"], f"Machine: {figures['machine']}."])


def _interval(rate: dict[str, float]) -> str:
    return f"{rate['value']:.3f} ({rate['low']:.3f} to {rate['high']:.3f})"


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", help="IAM as it is distributed")
    parser.add_argument("--part", choices=PARTS, default="test", help="of the official split")
    parser.add_argument("--model", action="append", default=[], help="a further model file; the flag once for each")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of the table")
    arguments = parser.parse_args(argv)
    figures = measure(arguments)
    print(json.dumps(figures, indent=2) if arguments.json else table(figures))


if __name__ == "__main__":
    sys.exit(run_safely(main))
