"""``text-recognizer evaluate``: how well readers read lines of known text."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from json import dumps
from pathlib import Path
from typing import Literal

from text_recognizer.errors import UsageError, UserError, check_at_least, check_seed, printable
from text_recognizer.evaluation.evaluate import evaluate as evaluated
from text_recognizer.evaluation.evaluate import to_json
from text_recognizer.evaluation.measures import Form
from text_recognizer.evaluation.readings import Progress, read_file, read_with
from text_recognizer.evaluation.report import html as page
from text_recognizer.evaluation.terminal import table
from text_recognizer.files import check_can_be_written, check_not_read, write_text
from text_recognizer.imaging.library_output import told_to_the_user
from text_recognizer.imaging.pictures import SUFFIXES
from text_recognizer.labels.find import find_labels
from text_recognizer.labels.lines import Labels
from text_recognizer.labels.parts import deal
from text_recognizer.reading.recognizer import Decoder, TextRecognizer

SHIPPED = "the reader that ships"
_PROGRESS_FROM = 64
_READ = {*SUFFIXES, ".tsv", ".csv", ".jsonl", ".txt", ".xml"}
"""What the names of pictures and of labels end in."""
Part = Literal["all", "train", "val", "test"]


def evaluate(
    folder: str,
    *,
    model: list[str] | None = None,
    readings: list[str] | None = None,
    group: str | None = None,
    part: Part = "all",
    json: str | None = None,
    html: str | None = None,
    worst: int = 20,
    unicode: Form = "NFC",
    decoder: Decoder = "beam",
    threads: int = 2,
    seed: int = 42,
) -> None:
    """Read labelled lines and print error rates with confidence intervals, of several readers side by side.

    Args:
        folder: A folder of labelled lines in one of the usual formats, which is detected, or a file of labels.
        model: An ONNX file made by ``finetune`` or ``export``; repeat the flag for several. By default the model that
            ships.
        readings: Files with the output of other programs: JSON lines (file, text, confidence), or a table
            with tabs, whose columns without a header are file and text.
        group: A column of the labels, such as writer; error rates are also given for each of its values.
        part: The part of the lines to read: all, train, val or test. The labels name the parts, or else the lines are
            split as for training.
        json: JSON file to write, with all figures and readings.
        html: HTML page to write, with all figures and pictures of the worst lines.
        worst: Number of lines with the most errors to show on the page.
        unicode: Unicode normalization of both texts before they are compared: NFC, NFKC or none.
        decoder: ``beam`` uses a language model where the picture is ambiguous; ``greedy`` does not.
        threads: Number of batches of lines that are read at the same time.
        seed: Seed of the intervals and tests, and of the split into parts, which is that of ``finetune`` by default.

    Raises:
        UsageError: If a flag has an impossible value, no line has the column, or an output is one of the inputs.
        UserError: If there are no labelled lines, or a model or a file of readings cannot be used.
    """
    check_at_least(0, worst=worst)
    check_seed(seed)
    outputs = {flag: file for flag, file in (("--json", json), ("--html", html)) if file}
    for file in outputs.values():
        check_can_be_written(file)
    labels = find_labels(folder, composed=unicode != "none")
    given = [Path(file) for file in [*(model or []), *(readings or [])]]
    _check_outputs(outputs, Path(folder), [*given, *(line.picture for line in labels.lines)])
    told = _keep_part(labels, part, seed)
    models: list[str | None] = [*dict.fromkeys(model or [])] or [None]
    others = [*dict.fromkeys(readings or [])]
    names = _names([*models, *others])
    recognizers = {names[file]: TextRecognizer(file, decoder, threads) for file in models}
    with _progress(len(labels.lines)) as progress, told_to_the_user():
        lines, readers = read_with(recognizers, labels, progress)
    if not lines:
        raise UserError(f"{folder}: no picture can be read. {' '.join(labels.faults)}")
    readers += [read_file(Path(file), lines, labels.faults, name=names[file]) for file in others]
    found = evaluated(lines, readers, form=unicode, group=group, seed=seed)
    faults, shown = labels.faults, printable(folder)
    print(f"{shown}: {labels.form}.{told}\n{table(found)}")
    for fault in faults:
        print(fault, file=sys.stderr)
    if json:
        write_text(json, dumps(to_json(found) | {"faults": faults}, ensure_ascii=False, indent=1) + "\n")
    if html:
        write_text(html, page(found, faults, title=f"How well {shown} is read", worst=worst))
    for file in outputs.values():
        print(f"Written: {printable(file)}")


def _check_outputs(outputs: Mapping[str, str], folder: Path, files: list[Path]) -> None:
    """Check that outputs, by flag, differ, and that none is one of ``files``, or named like labels in the folder.

    Raises:
        UsageError: If one is; the message names it.
    """
    if len({os.path.realpath(output) for output in outputs.values()}) < len(outputs):
        raise UsageError(f"--json and --html are both {outputs['--json']}. Give two files.")
    for flag, output in outputs.items():
        file = Path(output)
        there = Path(os.path.realpath(file))  # Path.resolve raises where links lead in a circle
        is_labels = file.suffix.lower() in _READ and there.is_relative_to(folder.resolve())
        check_not_read(flag, file, [file] if is_labels else files)


def _keep_part(labels: Labels, part: Part, seed: int) -> str:
    """Leave the lines of a part alone; returns a sentence that says how lines were dealt, or nothing."""
    if part == "all":
        return ""
    parts, how = deal(labels.lines, seed)
    if not parts[part]:
        raise UsageError(f"--part is {part}, but no line is in it ({how}).")
    labels.lines = [labels.lines[number] for number in parts[part]]
    return f" Part {part}: {how}."


def _names(files: list[str | None]) -> dict[str | None, str]:
    """What to call models and readings: by file name, or by path where two have one name."""
    names = [SHIPPED if file is None else printable(Path(file).name) for file in files]
    return {
        file: name if names.count(name) == 1 else printable(str(file)) for name, file in zip(names, files, strict=True)
    }


@contextmanager
def _progress(total: int) -> Iterator[Progress]:
    """A bar on standard error, if someone looks at it and there is much to read."""
    from tqdm import tqdm

    with tqdm(total=total, unit="line", disable=total < _PROGRESS_FROM or not sys.stderr.isatty()) as bar:
        yield lambda count: bar.update(count) and None
