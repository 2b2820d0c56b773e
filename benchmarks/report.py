"""What the benchmarks share in reporting: the machine and the data by name, tables in files."""

from __future__ import annotations

import json
import os
import platform
from pathlib import Path
from typing import Any

import torch

from text_recognizer.data.download import MIRROR_SETTING
from text_recognizer.files import write_text
from text_recognizer.processors import usable_cores


def machine() -> str:
    """Processor, widest instructions that PyTorch uses on it, cores, GPU and versions, in one line."""
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.is_file():
        names = [line.split(":")[1].strip() for line in info.read_text().splitlines() if line.startswith("model name")]
        model = names[0] if names else model
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
    versions = f"Python {platform.python_version()}, PyTorch {torch.__version__}"
    return f"{model} ({torch.backends.cpu.get_cpu_capability()}), {_cores()} cores, {gpu}, {versions}"


def _cores() -> str:
    """How many there are, and how many of them this process may use if not all."""
    there, usable = os.cpu_count() or 1, usable_cores()
    return str(there) if usable >= there else f"{usable} of {there}"


def data_source() -> str:
    """Which MNIST, EMNIST and Brown corpus were used."""
    return "a mirror of part of the data" if os.environ.get(MIRROR_SETTING) else "the official files"


def write(path: Path, text: str, mark: str) -> None:
    """Replace what stands between ``<!-- mark -->`` and ``<!-- /mark -->`` in a file."""
    before, rest = path.read_text(encoding="utf-8").split(f"<!-- {mark} -->")
    after = rest.split(f"<!-- /{mark} -->")[1]
    write_text(path, f"{before}<!-- {mark} -->\n{text}\n<!-- /{mark} -->{after}")


def kept(file: Path | None, what: str) -> dict[str, dict[str, Any]]:
    """What was measured before and is in a file, by its name there, that of ``what``; nothing without a file."""
    lines = file.read_text(encoding="utf-8").splitlines() if file and file.exists() else []
    return {figures.pop(what): figures for figures in map(json.loads, lines)}


def keep(file: Path | None, what: str, name: str, figures: dict[str, Any]) -> None:
    """Add what was measured to a file, if there is one, as a line of JSON."""
    if file:
        with file.open("a", encoding="utf-8") as lines:
            print(json.dumps({what: name, **figures}), file=lines)
