"""The tree shows the architecture: who imports whom, how full a room is, and where a command is."""

from __future__ import annotations

import ast
import re
import runpy
import statistics
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from documents import ROOT

from text_recognizer.cli import COMMANDS

PACKAGE = ROOT / "text_recognizer"
MOST_FILES = 12
USUAL_LINES, MOST_LINES = 8, 60
ROOMS = sorted({path.parent for path in PACKAGE.rglob("*") if path.is_file() and "__pycache__" not in path.parts})


def test_rooms_import_what_the_contracts_say() -> None:
    program = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"
    # In a process of its own, as it silences all loggers.
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: str(room.relative_to(ROOT)))
def test_no_room_is_crowded(room: Path) -> None:
    files = [path.name for path in room.iterdir() if path.is_file() and path.name != "__init__.py"]
    assert len(files) <= MOST_FILES, files


def test_a_command_is_a_file_of_its_name() -> None:
    modules = {name: "text_recognizer.commands." + name.replace(" ", ".") for name in COMMANDS}
    assert {name: command.module.rstrip("_") for name, command in COMMANDS.items()} == modules
    assert max(Counter(command.module for command in COMMANDS.values()).values()) == 1


def test_the_design_names_all_rooms() -> None:
    page = (ROOT / "docs" / "design.md").read_text(encoding="utf-8")
    named = set(re.findall(r"^\| `([\w/]+)/` \|", page, re.MULTILINE))
    rooms = {path.parent.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("__init__.py")} - {"."}
    assert named == rooms


def test_functions_are_short() -> None:
    lengths = {
        f"{path.relative_to(PACKAGE)}:{node.name}": _lines_of(node)
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert statistics.median(lengths.values()) <= USUAL_LINES
    assert {name: length for name, length in lengths.items() if length > MOST_LINES} == {}


def _lines_of(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """The lines of a function with its signature and without its docstring."""
    assert function.end_lineno is not None
    first = function.body[0]
    documented = ast.get_docstring(function) is not None and first.end_lineno is not None
    return function.end_lineno - function.lineno + 1 - (first.end_lineno - first.lineno + 1 if documented else 0)  # type: ignore[operator]


def test_the_picture_of_the_rooms_is_that_of_the_contract() -> None:
    drawn = runpy.run_path(str(ROOT / "docs" / "pictures" / "rooms.py"))["drawing"]()
    assert (ROOT / "docs" / "pictures" / "rooms.svg").read_text(encoding="utf-8") == drawn
