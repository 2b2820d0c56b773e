"""What the documents say is to be typed, for the tests that check it and that do it."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("data/raw/*/*.md")])
COMMAND = re.compile(r"(?:^|[ !/\\])(?:text-recognizer|training/run_experiment\.py) ")
_FENCE = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)


def fenced(page: Path, language: str) -> list[str]:
    """The fenced blocks of a language."""
    return [body for found, body in _FENCE.findall(page.read_text(encoding="utf-8")) if found == language]


def shell_lines(page: Path) -> list[str]:
    """Lines for the shell: those of indented blocks, without comments; a line that goes on is one."""
    text = re.sub(r" \\\n\s*", " ", _FENCE.sub("", page.read_text(encoding="utf-8")))
    return [line.partition(" #")[0].strip() for line in re.findall(r"^ {4}(\S.*)", text, re.MULTILINE)]


def inline_code(page: Path) -> list[str]:
    """What stands in backticks in the text."""
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    return [" ".join(code.split()) for code in re.findall(r"(?<!`)`([^`]+)`(?!`)", text)]


def commands() -> list[str]:
    """Every command of this project in the documents, once: ``text-recognizer ...`` without what stands before it."""
    found = {}
    for page in PAGES:
        for line in (*shell_lines(page), *inline_code(page)):
            if match := COMMAND.search(line):
                train = "train " if "run_experiment" in match[0] else ""
                found[train + line[match.end() :].strip()] = None
    return list(found)


def copy_weights(folder: Path) -> None:
    """Put the weights that ship where a checkout has them."""
    shutil.copytree(ROOT / "training" / "reader", folder / "training" / "reader")


def skip_without_its_extra(command: str) -> None:
    """Skip a test of a command that needs an extra which is not installed."""
    if "--wandb" in command:
        pytest.importorskip("wandb", reason="needs the extra wandb")
    if "--engine=ray" in command or command.startswith("sweep"):
        pytest.importorskip("ray", reason="needs the extra cluster")
