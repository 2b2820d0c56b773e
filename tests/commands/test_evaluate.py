import json
import os
import shutil
import subprocess
import sys
from inspect import signature
from pathlib import Path

import pytest
from labelled_tools import write_pictures

from text_recognizer.cli import main
from text_recognizer.commands.evaluate import SHIPPED, evaluate
from text_recognizer.commands.finetune import finetune
from text_recognizer.errors import TRAINING_MODULES
from text_recognizer.reading.model_file import DEFAULT_MODEL


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve lines of two words, with a broken picture among them."""
    place = tmp_path_factory.mktemp("labelled")
    flags = "--count=12 --max_chars=12 --glyphs=strokes --text_source=builtin"
    assert main(["lines", f"--out={place}", *flags.split()]) == 0
    rows = (place / "labels.tsv").read_text(encoding="utf-8").splitlines()
    table = ["file\ttext\twriter", *(f"{row}\tw{number % 3}" for number, row in enumerate(rows)), "bad.png\tx\tw0"]
    (place / "labels.tsv").write_text("\n".join(table), encoding="utf-8")
    (place / "bad.png").write_bytes(b"\x89PNG and nothing else")
    return place


def test_two_models_and_foreign_readings_side_by_side(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other, model = tmp_path / "other.tsv", tmp_path / "copy.onnx"
    shutil.copy(DEFAULT_MODEL, model)
    other.write_text("".join(f"{number:02}.png\tword\n" for number in range(12)), encoding="utf-8")
    out = [f"--json={tmp_path / 'out.json'}", f"--html={tmp_path / 'out.html'}", "--group=writer"]
    models = [f"--model={DEFAULT_MODEL}", "--model", str(model)]
    assert main(["evaluate", str(folder), *models, "--readings", str(other), *out]) == 0
    printed = capsys.readouterr()
    found = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    names = ["recognizer.onnx", "copy.onnx", "other.tsv"]
    assert [reader["name"] for reader in found["readers"]] == names
    rates = [reader["rates"]["as it is"]["cer"]["value"] for reader in found["readers"]]
    assert rates[0] == rates[1] < 0.3 < rates[2]
    assert found["lines"] == 12
    assert found["differences"][0]["p"] == 1
    assert "bad.png: not a picture" in printed.err
    assert all(name in printed.out for name in names)
    assert "writer w2" in printed.out
    assert (tmp_path / "out.html").read_text(encoding="utf-8").count("<img") == 12 - sum(
        row["read"]["recognizer.onnx"] == row["text"] for row in found["readings"]
    )


@pytest.mark.parametrize("unicode", ["NFC", "NFKC", "none"])
def test_readings_of_the_very_bytes_of_the_labels_have_no_errors(tmp_path: Path, unicode: str) -> None:
    write_pictures(tmp_path, ["a.png"])
    for name in ("labels.tsv", "other.tsv"):
        (tmp_path / name).write_bytes("a.png\tcafe\u0301 ﬁn\n".encode())
    flags = [f"--readings={tmp_path}/other.tsv", f"--unicode={unicode}", f"--json={tmp_path}/out.json"]
    assert main(["evaluate", str(tmp_path), *flags]) == 0
    found = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert found["readers"][1]["rates"]["as it is"]["exact"]["value"] == 1
    assert found["characters"] == {"NFC": 7, "NFKC": 8, "none": 8}[unicode]


def test_names_that_are_not_utf_8_are_escaped_in_what_is_written(tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    write_pictures(folder, ["a.png", "b.png"])
    for name in "ab":
        (folder / f"{name}.gt.txt").write_text("one", encoding="utf-8")
    (folder / "a.png").rename(folder / os.fsdecode(b"\xe9.png"))
    (folder / "a.gt.txt").rename(folder / os.fsdecode(b"\xe9.gt.txt"))
    (folder / os.fsdecode(b"\xff.gt.txt")).mkdir()
    (folder / os.fsdecode(b"\xff.png")).touch()
    assert main(["evaluate", str(folder), f"--json={tmp_path}/out.json", f"--html={tmp_path}/out.html"]) == 0
    found = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert [row["file"] for row in found["readings"]] == ["b.png", r"\xe9.png"]
    assert r"caf\xe9/\xff.gt.txt: cannot be read (Is a directory)." in " ".join(found["faults"])
    assert "caf\\xe9 is read" in (tmp_path / "out.html").read_text(encoding="utf-8")


def test_two_files_of_one_name_are_named_by_their_paths(tmp_path: Path) -> None:
    write_pictures(tmp_path, ["a.png"])
    (tmp_path / "labels.tsv").write_text("a.png\tone\n", encoding="utf-8")
    files = [str(tmp_path / reader / "read.tsv") for reader in "xy"]
    for number, file in enumerate(files):
        Path(file).parent.mkdir()
        Path(file).write_text(f"a.png\t{number}\n", encoding="utf-8")
    flags = [f"--readings={files[0]}", f"--readings={files[1]}", f"--json={tmp_path}/out.json"]
    assert main(["evaluate", str(tmp_path), *flags]) == 0
    read = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))["readings"][0]["read"]
    assert {name: text for name, text in read.items() if name != SHIPPED} == {files[0]: "0", files[1]: "1"}


def test_a_part_is_what_training_leaves_alone(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", str(folder), "--part=test"]) == 0
    printed = capsys.readouterr().out
    assert "Part test: dealt by writer, no writer in two parts." in printed
    assert SHIPPED in printed


def test_the_parts_are_those_of_a_training() -> None:
    assert signature(evaluate).parameters["seed"].default == signature(finetune).parameters["seed"].default


@pytest.mark.parametrize(
    ("flags", "code", "message"),
    [
        (["--group=age"], 2, "--group is 'age', but the labels have writer"),
        (["--worst=-1"], 2, "--worst is -1"),
        (["--json=one", "--html=./one"], 2, "--json and --html are both one. Give two files."),
        (["--model=nothing.onnx"], 1, "nothing.onnx: no such model file"),
        (["--readings=nothing.jsonl"], 1, "nothing.jsonl: cannot be read"),
    ],
)
def test_wrong_flags(
    folder: Path, flags: list[str], code: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", str(folder), *flags]) == code
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    "flags",
    [
        "--json={mine}/labels.tsv",
        "--html={mine}/00.png",
        "--json={mine}/unlabelled.png",
        "--readings={other} --json={other}",
        "--model={model} --html={model}",
    ],
)
def test_what_is_read_is_not_overwritten(
    folder: Path, tmp_path: Path, flags: str, capsys: pytest.CaptureFixture[str]
) -> None:
    mine, other, model = tmp_path / "mine", tmp_path / "other.tsv", tmp_path / "model.onnx"
    shutil.copytree(folder, mine)
    for file in (other, model, mine / "unlabelled.png"):
        file.write_text("00.png\tword\n", encoding="utf-8")
    before = {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()}
    assert main(["evaluate", str(mine), *flags.format(mine=mine, other=other, model=model).split()]) == 2
    assert "is to be read, and would be lost" in capsys.readouterr().err
    assert {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()} == before


def test_links_in_a_circle_take_figures(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "circle.jsonl").symlink_to("circle.jsonl")
    assert main(["evaluate", str(folder), f"--json={tmp_path}/circle.jsonl"]) == 0
    assert json.loads((tmp_path / "circle.jsonl").read_text(encoding="utf-8"))["lines"]


def test_figures_in_the_folder_are_written_again(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "mine")
    for _ in range(2):
        assert main(["evaluate", str(tmp_path / "mine"), f"--json={tmp_path}/mine/figures.json"]) == 0


def test_it_needs_no_training_extra(folder: Path) -> None:
    program = (
        f"import sys; sys.modules.update(dict.fromkeys({TRAINING_MODULES!r})); "
        f"from text_recognizer.cli import main; sys.exit(main(['evaluate', {str(folder)!r}]))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "both ignored" in done.stdout
