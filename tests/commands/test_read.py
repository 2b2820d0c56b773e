import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import get_args

import cv2
import numpy as np
import pytest
from PIL import Image
from reading_tools import bars, broken_tiff, write_bar_model

from text_recognizer.commands.read import read
from text_recognizer.documents.formats import TRAITS, Format
from text_recognizer.errors import UsageError
from text_recognizer.reading.recognizer import TextRecognizer


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return str(write_bar_model(tmp_path_factory.mktemp("model") / "bars.onnx"))


@pytest.fixture
def folder(tmp_path):
    cv2.imwrite(str(tmp_path / "b.png"), bars([20, 60]))
    cv2.imwrite(str(tmp_path / "a.png"), bars([20, 60, 100]))
    return tmp_path


def test_one_text_per_picture_in_order(folder, model, capsys):
    assert read([str(folder / "b.png"), str(folder / "a.png")], model=model) == 0
    assert capsys.readouterr().out == f"{folder / 'b.png'}: II\n{folder / 'a.png'}: III\n"


def test_one_picture_needs_no_name(folder, model, capsys):
    assert read([str(folder / "b.png")], model=model) == 0
    assert capsys.readouterr().out == "II\n"


def test_folders_and_globs(folder, model, capsys):
    (folder / "notes.txt").write_text("no picture")
    assert read([str(folder)], model=model) == 0
    assert read([str(folder / "*.png")], model=model) == 0
    assert capsys.readouterr().out == f"{folder / 'a.png'}: III\n{folder / 'b.png'}: II\n" * 2


def test_numbers_in_names_count(tmp_path, model, capsys):
    for number in (1, 2, 10):
        cv2.imwrite(str(tmp_path / f"line{number}.png"), bars([20 + 30 * k for k in range(number % 9)]))
    assert read([str(tmp_path)], model=model) == 0
    names = [Path(line.partition(":")[0]).name for line in capsys.readouterr().out.splitlines()]
    assert names == ["line1.png", "line2.png", "line10.png"]


def test_what_a_folder_holds_besides_is_said(folder, model, capsys):
    for name in ("photo.raw", "notes.txt", ".hidden"):
        (folder / name).touch()
    (folder / "more").mkdir()
    assert read([str(folder)], model=model) == 0
    said = capsys.readouterr().err
    assert all(f"1 {kind}" in said for kind in (".raw", ".txt", "folders"))
    assert "--recursive" in said


def test_folders_below_and_lists_are_read_in_order(tmp_path, model, capsys):
    names = [tmp_path / "scans" / name for name in ("c.png", "2/a.png", "10/b.png")]
    for count, name in enumerate(names):
        name.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(name), bars([20 + 30 * k for k in range(count + 1)]))
    assert read([str(tmp_path / "scans")], recursive=True, model=model, json=True) == 0
    assert [json.loads(row)["file"] for row in capsys.readouterr().out.splitlines()] == [str(name) for name in names]
    (tmp_path / "list.txt").write_text(f"{names[2]}\nmissing.png\n{names[0]}\n")
    assert read([str(tmp_path / "list.txt")], model=model) == 1
    output = capsys.readouterr()
    assert output.out == f"{names[2]}: III\n{names[0]}: I\n"
    assert f"error: missing.png: no such file. {tmp_path}/list.txt names it" in output.err


def test_a_folder_that_cannot_be_listed_is_an_error_of_its_own(folder, model, capsys, monkeypatch):
    scandir = os.scandir

    def refuse(path):
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    (folder / "closed").mkdir()
    monkeypatch.setattr(os, "scandir", refuse)
    assert read([str(folder / "closed"), str(folder / "b.png")], model=model) == 1
    output = capsys.readouterr()
    assert output.out == f"{folder / 'b.png'}: II\n"
    assert "closed: a folder that cannot be listed (Permission denied)" in output.err


def save_pages(path, count=3):
    first, *others = (Image.fromarray(bars([20 + 30 * k for k in range(number + 1)])) for number in range(count))
    first.save(path, save_all=True, append_images=others, **({"resolution": 72} if path.suffix == ".pdf" else {}))
    return str(path)


@pytest.mark.parametrize("name", ["pages.tif", "pages.pdf"])
def test_all_pages_of_a_file_are_read(tmp_path, model, capsys, name):
    file = save_pages(tmp_path / name)
    assert read([file], model=model, resolution=72) == 0
    assert capsys.readouterr().out == "I\n\fII\n\fIII\n"
    assert read([file], model=model, resolution=72, pages="2-3", json=True) == 0
    rows = [json.loads(row) for row in capsys.readouterr().out.splitlines()]
    assert [(row["page"], row["text"]) for row in rows] == [(2, "II"), (3, "III")]


def test_pages_that_are_not_there_are_an_error(tmp_path, model, capsys):
    assert read([save_pages(tmp_path / "pages.tif")], model=model, pages="7") == 1
    assert "pages.tif: has none of the pages asked for" in capsys.readouterr().err


@pytest.mark.parametrize("pages", ["", "0", "5-2", "a", "1-2-3", "1,,2", "1-99999"])
def test_what_names_no_pages_is_wrong_use(model, pages):
    with pytest.raises(UsageError, match=r"^pages is"):
        read(["line.png"], model=model, pages=pages)


def test_a_picture_is_one_line_or_a_page(tmp_path, model, capsys):
    page = np.vstack([bars([20, 60, 90, 120, 150])] * 4)
    cv2.imwrite(str(tmp_path / "page.png"), page)
    cv2.imwrite(str(tmp_path / "line.png"), bars([20, 60]))
    assert read([str(tmp_path / "page.png")], line=True, model=model) == 0
    assert "looks like 4 lines, of which one was read. Read all with --lines." in capsys.readouterr().err
    assert read([str(tmp_path / "page.png"), str(tmp_path / "line.png")], model=model, verbose=True) == 0
    output = capsys.readouterr()
    assert output.out.splitlines() == [f"{tmp_path}/page.png: IIIII"] * 4 + [f"{tmp_path}/line.png: II"]
    assert "page.png: read as a page of 4 lines" in output.err
    assert "line.png: read as one line" in output.err
    with pytest.raises(UsageError, match="--line and --lines"):
        read([str(tmp_path / "page.png")], line=True, lines=True, model=model)


def test_formats_go_into_files(tmp_path, model, capsys):
    file = save_pages(tmp_path / "pages.tif")
    line = str(tmp_path / "line.png")
    cv2.imwrite(line, bars([20, 60]))
    out = tmp_path / "out"
    for form in get_args(Format):
        assert read([file, line], model=model, format=form, out=f"{out}/") == 0
    suffixes = {traits.suffix for form, traits in TRAITS.items() if form != "page"}
    expected = {f"{name}{suffix}" for name in ("pages.tif", "line.png") for suffix in suffixes}
    expected |= {f"pages.tif-{number}.page.xml" for number in (1, 2, 3)} | {"line.png.page.xml"}
    assert {path.name for path in out.iterdir()} == expected
    for form, what in (("alto", "the pages of one file"), ("page", "one page")):
        with pytest.raises(UsageError, match=what):
            read([file, line], model=model, format=form, out=str(tmp_path / "one.xml"))
    assert capsys.readouterr().out == ""


def test_tables_have_one_header(tmp_path, model, capsys):
    assert read([save_pages(tmp_path / "pages.tif")], model=model, format="csv", line=True) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [(row["page"], row["line"], row["text"]) for row in rows] == [
        ("1", "1", "I"),
        ("2", "1", "II"),
        ("3", "1", "III"),
    ]


@pytest.mark.parametrize("wrong", [{"alternatives": 11}, {"resolution": 5}, {"json": True, "format": "csv"}])
def test_impossible_values_are_wrong_use(model, wrong):
    with pytest.raises(UsageError):
        read(["line.png"], model=model, **wrong)


def test_one_picture_that_the_program_fails_on_costs_no_other(folder, model, capsys, monkeypatch):
    def fail(self, picture, *, split):
        if picture.shape[1] == 300:
            raise IndexError("index 423 is out of bounds for axis 0 with size 423")
        return lines_of(self, picture, split=split)

    lines_of = TextRecognizer.lines
    monkeypatch.setattr(TextRecognizer, "lines", fail)
    cv2.imwrite(str(folder / "c.png"), bars([20, 60], width=300))
    for lines in (False, True):
        assert read([str(folder)], model=model, lines=lines, json=True) == 1
        first, second, third = map(json.loads, capsys.readouterr().out.splitlines())
        assert (first["text"], second["text"]) == ("III", "II")
        assert "c.png: the program fails on this picture (IndexError)" in third["error"]


def test_pictures_below_a_confidence_are_rejected(folder, model, capsys):
    assert read([str(folder)], model=model, reject_below=1.0) == 1
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.count("rejected") == 2
    assert read([str(folder)], model=model, reject_below=0.01) == 0
    with pytest.raises(UsageError, match="reject_below"):
        read([str(folder)], model=model, reject_below=1.5)


def test_lines_to_correct_are_those_that_are_doubted_most(folder, model, capsys):
    (folder / "broken.png").write_bytes(b"?")
    assert read([str(folder)], model=model, line=True, format="tsv", suggest=9) == 1
    everything = capsys.readouterr()
    assert "broken.png" in everything.err
    rows = list(csv.DictReader(io.StringIO(everything.out), delimiter="\t"))
    assert {Path(row["file"]).name: row["text"] for row in rows} == {"a.png": "III", "b.png": "II"}
    assert read([str(folder)], model=model, line=True, format="tsv", suggest=1) == 1
    header, first, *_ = everything.out.splitlines()
    assert capsys.readouterr().out.splitlines() == [header, first]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"suggest": 0, "line": True}, "must be at least 1"),
        ({"suggest": 5}, "--line"),
        ({"suggest": 5, "lines": True}, "--line"),
        ({"suggest": 5, "line": True, "format": "pdf"}, "other than pdf"),
        ({"suggest": 5, "line": True, "out": "rows.jsonl"}, "--format"),
    ],
)
def test_lines_to_correct_are_chosen_among_lines(model, wrong, words):
    with pytest.raises(UsageError, match=words):
        read(["line.png"], model=model, **wrong)


def test_json_one_object_per_line(folder, model, capsys):
    assert read([str(folder)], json=True, model=model) == 0
    first, second = map(json.loads, capsys.readouterr().out.splitlines())
    assert first["file"] == str(folder / "a.png")
    assert (first["text"], second["text"]) == ("III", "II")
    assert set(first) == {"file", "text", "confidence", "characters"}
    assert set(first["characters"][0]) == {"character", "confidence", "x0", "x1"}
    assert first["characters"][1]["x0"] == pytest.approx(60, abs=1.5)


@pytest.mark.parametrize("as_json", [False, True])
def test_the_other_pictures_are_read_when_some_fail(folder, model, capsys, as_json):
    (folder / "broken.png").write_bytes((folder / "a.png").read_bytes()[:60])
    (folder / "empty.png").touch()
    missing = str(folder / "missing.png")
    assert read([missing, str(folder), str(folder / "*.gif")], json=as_json, model=model) == 1
    output = capsys.readouterr()
    if as_json:
        results = [json.loads(line) for line in output.out.splitlines()]
        assert [result.get("text") for result in results] == [None, "III", "II", None, None, None]
        assert all(("error" in result) != ("text" in result) for result in results)
        assert all(result["file"] in result["error"] for result in results if "error" in result)
    else:
        assert output.out == f"{folder / 'a.png'}: III\n{folder / 'b.png'}: II\n"
        assert all(name in output.err for name in ("missing.png", "broken.png", "empty.png: 0 bytes", "*.gif"))


def test_standard_input(folder, model, capsys, monkeypatch):
    data = io.BytesIO((folder / "a.png").read_bytes())
    monkeypatch.setattr("sys.stdin", type("Stdin", (), {"buffer": data}))
    assert read(["-"], json=True, model=model) == 0
    assert json.loads(capsys.readouterr().out)["text"] == "III"


def test_blank_paper_is_no_error(tmp_path, model, capsys):
    cv2.imwrite(str(tmp_path / "blank.png"), np.full((50, 200), 240, np.uint8))
    assert read([str(tmp_path / "blank.png")], json=True, model=model) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["text"], result["confidence"], result["characters"]) == ("", 0, [])


def test_lines_of_a_page_in_order(tmp_path, model, capsys):
    page = np.vstack([bars([20, 60]), bars([100, 130, 160]), bars([40, 75])])
    cv2.imwrite(str(tmp_path / "page.png"), page)
    assert read([str(tmp_path / "page.png")], json=True, lines=True, model=model) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["text"] == "II\nIII\nII"
    assert [line["text"] for line in result["lines"]] == ["II", "III", "II"]
    starts = [character["x0"] for character in result["characters"]]
    assert starts == pytest.approx([20, 60, 100, 130, 160, 40, 75], abs=2)


def test_an_empty_folder_is_an_error(tmp_path, model, capsys):
    assert read([str(tmp_path)], model=model) == 1
    assert "a folder without files that end in" in capsys.readouterr().err


def test_no_picture_is_wrong_use(model):
    with pytest.raises(UsageError):
        read([], model=model)


def test_what_lines_may_say(folder, model, tmp_path, capsys):
    names = tmp_path / "names.txt"
    names.write_text("I\nIIII\noo\n")
    for known in ({"pattern": "I{1,2}|o+"}, {"allow": "o"}, {"words": str(names)}):
        assert read([str(folder / "a.png")], model=model, **known) == 0
    assert capsys.readouterr().out.splitlines()[0] in ("I", "II")
    with pytest.raises(UsageError, match="wrong at character 2"):
        read([str(folder / "a.png")], model=model, pattern="I(?=o)")
    with pytest.raises(UsageError, match="no text"):
        read([str(folder / "a.png")], model=model, date=True)


def test_a_line_too_short_for_what_it_may_say(folder, model, capsys):
    assert read([str(folder / "a.png")], model=model, pattern="I{80}", json=True) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out) == {
        "file": str(folder / "a.png"),
        "unmatched": True,
        "text": "",
        "confidence": 0.0,
        "characters": [],
    }
    assert "no text that was asked for fits" in printed.err


def test_a_language_is_for_the_beam(folder, model, tmp_path):
    text = tmp_path / "mine.txt"
    text.write_text("I " * 2000)
    assert read([str(folder / "a.png")], model=model, language=str(text)) == 0
    with pytest.raises(UsageError, match="greedy"):
        read([str(folder / "a.png")], model=model, language=str(text), decoder="greedy")


def test_what_a_decoder_prints_is_said_as_ours(tmp_path, model):
    (tmp_path / "broken.tif").write_bytes(broken_tiff())
    command = [sys.executable, "-m", "text_recognizer", "read", str(tmp_path / "broken.tif"), f"--model={model}"]
    said = subprocess.run(command, capture_output=True, text=True, check=False).stderr.splitlines()
    starts = (
        f"warning: {tmp_path}/broken.tif: its decoder says: ZIPDecode",
        f"error: {tmp_path}/broken.tif: broken or truncated picture",
    )
    assert len(said) == len(starts)
    assert all(any(line.startswith(start) for line in said) for start in starts)


def test_a_name_that_is_no_utf_8_costs_no_other(folder, model, capfd):
    odd = os.fsencode(folder) + b"/c\xe9.png"
    Path(os.fsdecode(odd)).write_bytes((folder / "a.png").read_bytes())
    for form in ("text", "json", "jsonl", "csv", "hocr"):
        assert read([str(folder)], model=model, format=form) == 0
        out = capfd.readouterr().out
        assert all(name in out for name in ("a.png", "b.png", "xe9.png"))


@pytest.mark.parametrize("name", ["a.png", "list.txt", "words.txt", "language.txt"])
def test_what_is_read_is_not_overwritten(folder, model, name):
    (folder / "list.txt").write_text(f"{folder / 'b.png'}\n")
    for text in ("words.txt", "language.txt"):
        (folder / text).write_text("I\n" * 1_000)
    before = (folder / name).read_bytes()
    given = {one: str(folder / f"{one}.txt") for one in ("words", "language") if name == f"{one}.txt"}
    with pytest.raises(UsageError, match="which is to be read, and would be lost"):
        read(
            [str(folder / "a.png"), str(folder / "list.txt")],
            model=model,
            format="csv",
            out=str(folder / name),
            **given,
        )
    assert (folder / name).read_bytes() == before


def test_pipes_in_folders_are_not_waited_for(folder, model, capsys):
    os.mkfifo(folder / "c.png")
    (folder / "d.png").symlink_to(folder / "nothing.png")
    assert read([str(folder)], model=model) == 1
    output = capsys.readouterr()
    assert output.out == f"{folder / 'a.png'}: III\n{folder / 'b.png'}: II\n"
    assert "c.png" not in output.err
    assert "d.png: cannot be read" in output.err


def test_an_empty_name_and_an_empty_list_are_errors(folder, model, capsys):
    (folder / "list.txt").touch()
    assert read(["", str(folder / "list.txt"), str(folder / "b.png")], model=model) == 1
    output = capsys.readouterr()
    assert output.out == f"{folder / 'b.png'}: II\n"
    assert "An empty name was given for a file." in output.err
    assert "list.txt: a list that names no file." in output.err
