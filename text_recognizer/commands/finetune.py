"""``text-recognizer finetune``: a reader learns your labelled lines."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from datetime import timedelta
from inspect import signature
from pathlib import Path
from typing import Any, Literal

import torch

from text_recognizer.errors import UsageError, check_at_least, check_seed
from text_recognizer.evaluation.terminal import CERTAIN
from text_recognizer.files import check_can_be_written
from text_recognizer.training.arguments import Arguments, parse
from text_recognizer.training.finetune import MOST_FORGOTTEN, Choice
from text_recognizer.training.finetune import finetune as finetuned
from text_recognizer.training.logs import quiet_lightning

_BF16_FLAGS = {"amx_bf16", "avx512_bf16"}
_OWN_FLAGS = {"folder", "out"}
_YEAR = 525_600  # minutes
_NAMES = {"epochs": "max_epochs", "patience": "stop_early"}
"""What the flags of a training are called that have another name here."""


def finetune(
    folder: str,
    *,
    out: str = "finetuned.onnx",
    init: str = "reader",
    minutes: float = 12.0,
    epochs: int = 100,
    patience: int = 20,
    lr: float = 1e-3,
    freeze: Literal["nothing", "features"] = "features",
    composed: float = 0.5,
    glyphs: str = "strokes",
    text: str = "builtin",
    alphabet: Literal["reader", "from-data"] = "reader",
    batch_size: int = 8,
    num_workers: int = 1,
    seed: int = 42,
) -> None:
    """Train a reader on your labelled lines, while composed lines keep it from forgetting other writing.

    It is the short way of ``train --data_class=LabelledLines --init=reader``, with an export.

    Args:
        folder: A folder of labelled lines in one of the usual formats, which is detected, or a file of labels.
        out: The ONNX file to write, for ``read --model`` and ``serve --model``.
        init: The reader to start from: ``reader``, the one that ships, or an ONNX file.
        minutes: The longest training time.
        epochs: The largest number of passes over your lines.
        patience: Stop after this number of epochs without an improvement on your validation part.
        lr: Peak learning rate of the schedule.
        freeze: The layers that are not trained: nothing, or the features, which see the shapes of characters.
        composed: Share of composed lines in the training, from 0 to below 1.
        glyphs: Source of characters for composed lines: strokes, emnist, or an .npz file.
        text: Source of texts for composed lines: builtin, brown, or a text file.
        alphabet: The characters to read: ``reader``, those that the reader knows; ``from-data``, also those that only
            your labels have.
        batch_size: Lines in each step.
        num_workers: Processes that prepare lines; 0 prepares them in the main process.
        seed: Seed of everything random and of the split into parts, as for ``evaluate --part=test --seed``.

    Raises:
        UsageError: If a flag has an impossible value.
        UserError: If there is too little to learn from, or a file cannot be read or written.
    """
    if init != "reader" and Path(init).suffix.lower() != ".onnx":
        raise UsageError(f"--init is {init!r}, but must be reader or an .onnx file.")
    check_at_least(1, epochs=epochs, patience=patience, batch_size=batch_size)
    check_training(out, minutes, seed)
    quiet_lightning()
    flags = {
        "init": init,
        "minutes": minutes,
        "epochs": epochs,
        "patience": patience,
        "lr": lr,
        "freeze": freeze,
        "composed": composed,
        "glyphs": glyphs,
        "text": text,
        "alphabet": alphabet,
        "batch_size": batch_size,
        "num_workers": num_workers,
        "seed": seed,
    }
    with tempfile.TemporaryDirectory(prefix="finetune-") as log_dir:
        choices, about = finetuned(arguments_of_lines("finetune", folder, flags, log_dir), Path(out))
    print(summary(choices, about))
    print(f"Read with it: text-recognizer read --model={out} PICTURE")


def arguments_of_lines(command: str, folder: str, flags: Mapping[str, Any], log_dir: str) -> Arguments:
    """Those of the training on labelled lines that ``command`` is the short way of.

    Args:
        command: Its name.
        folder: The labelled lines.
        flags: Of :func:`finetune`, those that differ from its defaults.
        log_dir: Where the training writes.
    """
    defaults = {name: one.default for name, one in signature(finetune).parameters.items() if name not in _OWN_FLAGS}
    given = defaults | dict(flags) | {"path": folder}
    minutes = given.pop("minutes")
    of_training = {_NAMES.get(name, name): value for name, value in given.items()}
    return arguments_of(command, "LabelledLines", of_training, minutes, log_dir)


def check_training(out: str, minutes: float, seed: int) -> None:
    """Check what every short way of a training takes, before any work.

    Raises:
        UsageError: If one has an impossible value.
        UserError: If the file cannot be written.
    """
    if Path(out).suffix.lower() != ".onnx":
        raise UsageError(f"--out is {out!r}, but must end in .onnx.")
    check_minutes(minutes)
    check_seed(seed)
    check_can_be_written(out)


def check_minutes(minutes: float) -> None:
    """Check how long a training may take.

    Raises:
        UsageError: If that is no time, or more than a year.
    """
    if not 0 < minutes <= _YEAR:
        raise UsageError(f"--minutes is {minutes}, but must be above 0, and at most {_YEAR:,}, a year.")


def arguments_of(command: str, data_class: str, flags: dict[str, Any], minutes: float, log_dir: str) -> Arguments:
    """Those of the training from a reader that ``command`` is the short way of."""
    rest = [f"--data_class={data_class}", "--loss=ctc", "--gradient_clip_val=1.0", f"--log_dir={log_dir}"]
    limit = timedelta(minutes=minutes)
    time = (
        f"--max_time={limit.days:02}:{limit.seconds // 3600:02}:{limit.seconds // 60 % 60:02}:{limit.seconds % 60:02}"
    )
    precision = "bf16-mixed" if _bf16_helps() else "32-true"
    own = [f"--{name}={value}" for name, value in flags.items()]
    return parse([*own, *rest, time, f"--precision={precision}"], f"text-recognizer {command}")


def _bf16_helps() -> bool:
    """Whether the GPU, or else the processor as Linux describes it, computes with bfloat16 itself."""
    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    info = Path("/proc/cpuinfo")
    return info.is_file() and bool(_BF16_FLAGS & set(info.read_text(encoding="utf-8").split()))


def summary(choices: list[Choice], about: dict[str, Any]) -> str:
    """What was learned from how many lines, which share of it was chosen, and what that gains, for the terminal."""
    chosen, data = choices[0], about["data"]
    by_share = sorted(choices, key=lambda one: one.share)
    lines = [
        f"{data['train']} lines to learn from, {data['val']} to choose by, {data['test']} to test on: {data['dealt']}.",
        "Of what was learned, the error rates on your lines to choose by, and on composed lines:",
        *(f"  {one.share:4.0%}  {one.own:.4f}  {one.composed:.4f}" for one in by_share),
        f"Chosen: {chosen.share:.0%}, the best on your lines that is at most {MOST_FORGOTTEN} worse on composed ones.",
    ]
    if test := about["test"]:
        before, after, p = test["before"]["cer"]["value"], test["after"]["cer"]["value"], test["difference"]["p"]
        verdict = "a real difference" if p < CERTAIN else "may be chance: test on more lines"
        lines.append(f"Error rate on your test lines: {before:.4f} before, {after:.4f} now, p = {p:.4f}: {verdict}.")
    if not chosen.share:
        lines.append("Nothing that was learned reads your lines better, so the file reads as the reader did before.")
    return "\n".join(lines)
