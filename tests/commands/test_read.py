import io
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from reading_tools import bars, write_bar_model

from text_recognizer.commands.read import read
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
    for name in ("photo.heic", "notes.txt", ".hidden"):
        (folder / name).touch()
    (folder / "more").mkdir()
    assert read([str(folder)], model=model) == 0
    said = capsys.readouterr().err
    assert "skipped more/, notes.txt, photo.heic;" in said
    assert f"{folder}/**/*.png" in said


def test_further_pages_of_a_file_are_said(tmp_path, model, capsys):
    first, second = Image.fromarray(bars([20, 60])), Image.fromarray(bars([20]))
    first.save(tmp_path / "pages.tif", save_all=True, append_images=[second, second])
    assert read([str(tmp_path / "pages.tif")], model=model) == 0
    output = capsys.readouterr()
    assert output.out == "II\n"
    assert "has 3 pages or frames, of which the first alone is read" in output.err


def test_a_page_read_as_a_line_is_said(tmp_path, model, capsys):
    page = np.vstack([bars([20, 60, 90, 120, 150])] * 4)
    cv2.imwrite(str(tmp_path / "page.png"), page)
    assert read([str(tmp_path / "page.png")], model=model) == 0
    assert "looks like 4 lines, of which one was read. Read all with --lines." in capsys.readouterr().err
    assert read([str(tmp_path / "page.png")], lines=True, model=model) == 0
    assert capsys.readouterr().err == ""


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
    assert "without pictures" in capsys.readouterr().err


def test_no_picture_is_wrong_use(model):
    with pytest.raises(UsageError):
        read([], model=model)
