"""The documents: their commands parse, their links lead somewhere, and what they say of the code is so."""

from __future__ import annotations

import ast
import functools
import importlib
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from text_recognizer import cli
from text_recognizer.data.download import MIRROR_SETTING, cache_folder, data_file
from text_recognizer.data.glyph_sources import read_glyph_file
from text_recognizer.data.mnist import FILES
from text_recognizer.errors import UserError
from text_recognizer.registry import DATA_CLASSES, load_class
from text_recognizer.training.arguments import parse
from text_recognizer.training.experiment import build

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("data/raw/*/*.md")])
COMMAND = re.compile(r"(?:^|[ !/\\])(?:text-recognizer|training/run_experiment\.py) ")
MAY_IMPORT = {
    "data": set(),
    "models": set(),
    "reading": set(),
    "serving": {"reading"},
    "training": {"reading", "data", "models"},
    "hand": {"reading", "data", "models", "training"},
}
"""The last column of the table in docs/design.md."""


def code_lines(page: Path) -> list[str]:
    """Lines of the indented and fenced blocks of a page, and its inline code."""
    text = re.sub(r" \\\n\s*", " ", page.read_text(encoding="utf-8"))
    fenced = "\n".join(re.findall(r"^```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL)).splitlines()
    indented = re.findall(r"^ {4}(.*)", text, re.MULTILINE)
    inline = re.findall(r"(?<!`)`([^`]+)`(?!`)", text)
    return [line.replace("\n", " ") for line in [*fenced, *indented, *inline]]


def commands() -> list[str]:
    """Every command of this project in the documents, as its arguments after ``text-recognizer``."""
    found = {}
    for page in PAGES:
        for line in code_lines(page):
            if match := COMMAND.search(line):
                train = "train " if "run_experiment" in match[0] else ""
                found[train + line[match.end() :].partition(" #")[0].strip()] = None
    return list(found)


class Parsed(Exception):
    """Raised in place of the work of a command that has been given possible flags."""


def work(*_: Any, **__: Any) -> None:
    raise Parsed


def parses(argv: list[str], monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether a command would run with these flags; it does not run."""
    name, *rest = argv
    command = cli.COMMANDS[name]
    try:
        if name == "train":
            build(parse(rest, "train"))
            return True
        if name == "data":
            monkeypatch.setattr(load_class(DATA_CLASSES, rest[0], "data set"), "prepare_data", work)
        else:
            module = importlib.import_module(command.module)
            monkeypatch.setattr(module, command.function, functools.wraps(getattr(module, command.function))(work))
        cli.main(argv)
    except Parsed:
        return True
    except (SystemExit, UserError):
        pass
    return False


@pytest.mark.parametrize("command", commands())
def test_command_parses(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    argv = shlex.split(command)
    if argv == ["--help"]:
        assert cli.main(argv) == 0
    elif len(argv) == 1:
        assert argv[0] in cli.COMMANDS  # a command that is mentioned by its name
    else:
        assert parses(argv, monkeypatch)


@pytest.mark.parametrize(
    "command",
    [
        "lines --layuot=exact",
        "lines --count=many",
        "data EMNISTLines --max_overlap=2",
        "train --model_class=LineCNN",
        "train --max_epoch=5",
        "export --out=model.onnx",
    ],
)
def test_wrong_command_does_not_parse(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards the test above: it must see mistakes."""
    assert not parses(command.split(), monkeypatch)


def test_documents_have_commands() -> None:
    assert {command.split()[0] for command in commands()} >= {"train", "data", "lines", "read", "export", "demo"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files_and_headings(page: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if link.startswith(("http:", "https:", "mailto:")):
            continue
        path, _, heading = link.partition("#")
        target = page.parent / path if path else page
        assert target.exists(), link
        if heading:
            headings = re.findall(r"^#+ (.*)", target.read_text(encoding="utf-8"), re.MULTILINE)
            assert heading in [re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in headings], link


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_scripts_exist(page: Path) -> None:
    for line in code_lines(page):
        for script in re.findall(r"\bpython3? ([\w/]+\.py)", line):
            assert (ROOT / script).is_file(), line


def test_no_path_of_this_machine() -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("needs git to know which files belong to the project")
    names = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.splitlines()
    local = [f"{folder}/".encode() for folder in (ROOT, ROOT.parent / "shared", Path.home())]
    files = [path for name in names if (path := ROOT / name).is_file()]
    assert files
    assert not [path for path in files if any(folder in path.read_bytes() for folder in local)]


def test_places_of_manual_downloads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(MIRROR_SETTING, raising=False)
    page = (ROOT / "docs" / "data.md").read_text(encoding="utf-8")
    mnist = [("mnist", name) for names in FILES.values() for name in names]
    for name in (("emnist", "gzip.zip"), ("brown", "brown.zip"), *mnist):
        assert f"`data/{data_file(*name).cached_path.relative_to(cache_folder()).as_posix()}`" in page


def test_example_makes_a_glyph_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = (ROOT / "docs" / "data.md").read_text(encoding="utf-8")
    example = re.search(r"```python\n(.*?)```", page, re.DOTALL)
    assert example
    (tmp_path / "letters").mkdir()
    for name in ("a1", "a2", "B1"):
        Image.fromarray(np.full((40, 30), 255, np.uint8)).save(tmp_path / "letters" / f"{name}.png")
    monkeypatch.chdir(tmp_path)
    exec(example[1], {})
    images, characters = read_glyph_file("glyphs.npz")
    assert images.shape == (3, 28, 28)
    assert images.max() == 0
    assert sorted(characters) == ["B", "a", "a"]


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_rooms_import_what_the_design_says(room: str) -> None:
    imported = set()
    for path in (ROOT / "text_recognizer" / room).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            imported |= {name.split(".")[1] for name in names if name.startswith("text_recognizer.")}
            assert room not in ("reading", "serving") or not {name.split(".")[0] for name in names} & {
                "torch",
                "lightning",
            }
    assert imported & (MAY_IMPORT.keys() - {room}) <= MAY_IMPORT[room]
