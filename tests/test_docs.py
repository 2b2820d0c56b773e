"""The documents: their commands parse, their links lead somewhere, and what they say of the code is so."""

from __future__ import annotations

import functools
import importlib
import itertools
import json
import re
import runpy
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from documents import (
    COMMAND,
    PAGES,
    ROOT,
    commands,
    copy_weights,
    fenced,
    inline_code,
    shell_lines,
    skip_without_its_extra,
)
from PIL import Image

from text_recognizer import cli
from text_recognizer.data.download import MIRROR_SETTING, cache_folder, data_file
from text_recognizer.data.glyphs.mnist import FILES
from text_recognizer.data.glyphs.sources import read_glyph_file
from text_recognizer.errors import UserError
from text_recognizer.files import write_text
from text_recognizer.registry import DATA_CLASSES, load_class
from text_recognizer.training.arguments import parse
from text_recognizer.training.experiment import build

NOT_COMMANDS = {
    r"make ": "a target of the Makefile; what it calls is tested, or is CI itself",
    r"(git clone|cd|source|export|[A-Z]=|%cd|!git) ?": "prepares the shell",
    r"(\S*pip|!pip|uv|conda|py|python3?|\.venv/bin/python) .*(install|venv|env create|activate)": "installs",
    r"\.venv\\Scripts": "prepares PowerShell",
    r"\.venv/bin/python -m pytest": "these tests",
    r"docker ": "needs an engine; tests/serving carries out the steps of the Dockerfile",
    r"tensorboard ": "is not ours",
    r"pip download ": "gets data",
    r"ocrmypdf ": "tests/test_ocrmypdf.py runs it",
    r"python scripts/": "tests/test_scripts.py runs it",
}
"""Lines for the shell that call nothing of this project, by their beginning, and why they need no test."""
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
LOADED_FROM_ELSEWHERE = re.compile(
    r"""(<(script|img|iframe)[^>]+src|<link[^>]+href)=["']?(https?:)?//|@import|url\(["']?https?:"""
)


class Parsed(Exception):
    """Raised in place of the work of a command that has been given possible flags."""


def work(*_: Any, **__: Any) -> None:
    raise Parsed


def parses(argv: list[str], monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether a command would run with these flags; it does not run."""
    words = 2 if argv[0] == "hand" else 1
    name, rest = " ".join(argv[:words]), argv[words:]
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
    except SystemExit as end:
        return end.code == 0  # --help
    except UserError:
        pass
    return False


@pytest.fixture(scope="module")
def folder_with_a_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the config of a run, and the weights that ship, where the documents' commands look for them."""
    folder = tmp_path_factory.mktemp("documents")
    copy_weights(folder)
    flags = parse(["--model_class=LineReader", "--data_class=EMNISTLines", "--prepared=true"], "train").yaml
    write_text(folder / "training" / "logs" / "RUN" / "config.yaml", flags)
    write_text(folder / "best.yaml", "model_class: MLP\ndata_class: PenStrokes\n")  # as a sweep leaves it
    return folder


@pytest.mark.parametrize("command", commands(), ids=str)
def test_command_parses(command: str, folder_with_a_run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    skip_without_its_extra(command)
    monkeypatch.chdir(folder_with_a_run)
    argv = shlex.split(command)
    if argv == ["--help"]:
        assert cli.main(argv) == 0
    elif " ".join(argv) in {*cli.COMMANDS, "hand"}:
        pass  # a command that is mentioned by its name
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
def test_every_line_for_the_shell_is_known(page: Path) -> None:
    """What is a command of this project is parsed here and run in test_documented_commands.py."""
    lines = [line for line in shell_lines(page) if not COMMAND.search(line)]
    assert [line for line in lines if not any(re.match(known, line) for known in NOT_COMMANDS)] == []


@pytest.mark.parametrize("page", [*PAGES, *NOTEBOOKS], ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files_and_headings(page: Path) -> None:
    for link in re.findall(r"""(?:\]\(|<img src=")([^)"\s]+)""", prose(page)):
        if link.startswith(("http:", "https:", "mailto:")):
            continue
        path, _, heading = link.partition("#")
        target = page.parent / path if path else page
        assert target.exists(), link
        if heading:
            headings = re.findall(r"^#+ (.*)", target.read_text(encoding="utf-8"), re.MULTILINE)
            assert heading in [re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in headings], link


def prose(page: Path) -> str:
    """A document, or what a notebook says between its code."""
    text = page.read_text(encoding="utf-8")
    if page.suffix == ".md":
        return text
    return "".join("".join(cell["source"]) for cell in json.loads(text)["cells"] if cell["cell_type"] == "markdown")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_make_has_the_targets(page: Path) -> None:
    targets = re.findall(r"^([a-z-]+):.* ## ", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    for line in (*shell_lines(page), *inline_code(page)):
        if named := re.match(r"make ([a-z-]+)", line):
            assert named[1] in targets


def scripts() -> list[str]:
    """Calls of the project's own scripts in the documents, without what names the interpreter."""
    lines = [line for page in PAGES for line in (*shell_lines(page), *inline_code(page))]
    calls = [re.match(r"python3? ((?:benchmarks|docs|scripts)/[\w/]+\.py.*)", line) for line in lines]
    return sorted({call[1] for call in calls if call})


@pytest.mark.parametrize("call", scripts())
def test_scripts_have_the_flags(call: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    script, *flags = call.split()
    assert (ROOT / script).is_file()
    if not flags:
        return
    monkeypatch.setattr(sys, "argv", [script, "--help"])
    with pytest.raises(SystemExit):
        runpy.run_path(str(ROOT / script), run_name="__main__")
    described = capsys.readouterr().out
    assert [flag for flag in flags if flag.startswith("--") and f"  {flag} " not in described] == []


def test_the_site_builds_without_warnings_and_needs_no_network(tmp_path: Path) -> None:
    pytest.importorskip("sphinx", reason="needs the extra docs: make extras")
    flags = ["--fail-on-warning", "--keep-going", "--nitpicky", "--quiet"]
    command = [sys.executable, "-m", "sphinx", *flags, str(ROOT / "docs"), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    pages = {path.stem for path in tmp_path.glob("*.html")}
    assert pages >= {path.stem for path in (ROOT / "docs").glob("*.md")}
    for path in (*tmp_path.rglob("*.html"), *tmp_path.rglob("*.css")):
        assert not LOADED_FROM_ELSEWHERE.search(path.read_text(encoding="utf-8")), path


def test_the_lab_quotes_the_results() -> None:
    results = (ROOT / "docs" / "results.md").read_text(encoding="utf-8")
    quoted = re.findall(r"\b0\.\d{3}\b", (ROOT / "docs" / "lab.md").read_text(encoding="utf-8"))
    assert len(quoted) > 10
    assert [figure for figure in quoted if figure not in results] == []


def test_every_training_of_the_sweep_can_be_built() -> None:
    [block] = fenced(ROOT / "docs" / "next-labs.md", "yaml")
    sweep = yaml.safe_load(block)
    drawn = [
        [f"--{name}={value}" for value in said.get("values", [said.get("value")])]
        for name, said in sweep["parameters"].items()
    ]
    trainings = list(itertools.product(*drawn))
    assert len(trainings) == 9
    for flags in trainings:
        _, recognition, _ = build(parse(flags, "run_experiment.py"))
        assert sweep["metric"]["name"].removeprefix("val_") in recognition.val_metrics.compute()


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


def test_settings_are_documented() -> None:
    source = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "text_recognizer").rglob("*.py"))
    settings = set(re.findall(r"\"(TEXT_RECOGNIZER_[A-Z_]+)\"", source))
    documented = re.findall(
        r"^\| `(TEXT_RECOGNIZER_[A-Z_]+)`", (ROOT / "docs" / "setup.md").read_text("utf-8"), re.MULTILINE
    )
    assert settings == set(documented)


def test_places_of_manual_downloads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(MIRROR_SETTING, raising=False)
    page = (ROOT / "docs" / "data.md").read_text(encoding="utf-8")
    mnist = [("mnist", name) for names in FILES.values() for name in names]
    for name in (("emnist", "gzip.zip"), ("brown", "brown.zip"), *mnist):
        assert f"`data/{data_file(*name).cached_path.relative_to(cache_folder()).as_posix()}`" in page


def test_example_makes_a_glyph_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    [example] = fenced(ROOT / "docs" / "data.md", "python")
    (tmp_path / "letters").mkdir()
    for name in ("a1", "a2", "B1"):
        Image.fromarray(np.full((40, 30), 255, np.uint8)).save(tmp_path / "letters" / f"{name}.png")
    monkeypatch.chdir(tmp_path)
    exec(example, {})
    images, characters = read_glyph_file("glyphs.npz")
    assert images.shape == (3, 28, 28)
    assert images.max() == 0
    assert sorted(characters) == ["B", "a", "a"]
