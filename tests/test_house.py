"""The tree shows the architecture: who imports whom, how full a room is, and where a command is."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest
from documents import ROOT
from importlinter.cli import lint_imports

from text_recognizer.cli import COMMANDS

PACKAGE = ROOT / "text_recognizer"
MOST_FILES = 12
ROOMS = sorted({path.parent for path in PACKAGE.rglob("*") if path.is_file() and "__pycache__" not in path.parts})


def test_rooms_import_what_the_contracts_say(capsys: pytest.CaptureFixture[str]) -> None:
    code = lint_imports(str(ROOT / "pyproject.toml"), no_cache=True)
    assert code == 0, capsys.readouterr().out


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
