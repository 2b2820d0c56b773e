"""Forms: found in photographs, and their fields read."""

from __future__ import annotations

import csv
import json
import os
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from documents import ROOT, fenced
from photographs import Camera, simulate
from reading_tools import broken_tiff

from text_recognizer.commands.form import form
from text_recognizer.documents.forms.reader import cut_field
from text_recognizer.documents.forms.registration import Registration
from text_recognizer.documents.forms.template import Template
from text_recognizer.errors import UsageError, UserError
from text_recognizer.hand.sheet.printing import write_sheet

WRITTEN = {
    "meeting": "Meet me at 12:30",
    "place": "Zoe's flat, #47B",
    "contents": "Pack my box with 5 dozen",
    "patient": "Dr. Fox (aged 68)",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The template of docs/forms.md, its form, and a photograph of a sheet that somebody filled in."""
    folder = tmp_path_factory.mktemp("forms")
    write_sheet(folder / "sheet.pdf")
    (folder / "template.json").write_text(fenced(ROOT / "docs" / "forms.md", "json")[0], encoding="utf-8")
    cv2.imwrite(str(folder / "photo.jpg"), simulate(0, Camera()).photo)
    return folder


def table(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(text.splitlines()))


def test_the_form_of_the_documents_is_read(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert form(str(folder / "template.json"), [str(folder / "photo.jpg")]) == 0
    [row] = table(capsys.readouterr().out)
    assert list(row)[:6] == ["file", "page", "look", "error", "meeting", "meeting_confidence"]
    wrong = [name for name, text in WRITTEN.items() if row[name] != text]
    assert len(wrong) <= 1, row
    assert "contents" not in wrong
    assert not row["error"]
    assert all(0 <= float(row[f"{name}_confidence"]) <= 1 for name in WRITTEN)


def test_what_is_not_the_form_has_a_row_that_says_so(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    cv2.imwrite(str(photos / "1.png"), np.full((600, 400), 230, np.uint8))
    (photos / "2.png").write_bytes(b"no picture")
    shutil.copy(folder / "photo.jpg", photos / "3.jpg")
    out = tmp_path / "rows.csv"
    assert form(str(folder / "template.json"), [str(photos)], out=str(out), look_below=1.0) == 1
    blank, broken, good = table(out.read_text(encoding="utf-8"))
    assert "the form is not found" in blank["error"]
    assert "2.png" in broken["error"]
    assert good["contents"] == WRITTEN["contents"]
    assert good["look"].split() == list(WRITTEN)
    assert capsys.readouterr().err.count("error: ") == 2


def test_rows_as_parquet(folder: Path, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    out = tmp_path / "rows.parquet"
    assert form(str(folder / "template.json"), [str(folder / "photo.jpg")], out=str(out)) == 0
    [row] = parquet.read_table(out).to_pylist()
    assert row["contents"] == WRITTEN["contents"]
    assert row["page"] == 1
    assert isinstance(row["contents_confidence"], float)


def test_fields_of_any_name_in_parquet_and_files_of_any_name_in_a_table(folder: Path, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    template = json.loads((folder / "template.json").read_text(encoding="utf-8"))
    template["fields"] = [template["fields"][0] | {"name": "self_confidence"}]
    (tmp_path / "template.json").write_text(json.dumps(template), encoding="utf-8")
    shutil.copy(folder / "sheet.pdf", tmp_path)
    odd = os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.png")
    Path(odd).write_bytes(b"no picture")
    for out in (tmp_path / "rows.parquet", tmp_path / "rows.csv"):
        assert form(str(tmp_path / "template.json"), [odd], out=str(out)) == 1
    [row] = parquet.read_table(tmp_path / "rows.parquet").to_pylist()
    assert row["file"].endswith(r"caf\xe9.png")
    assert list(row)[-2:] == ["self_confidence", "self_confidence_confidence"]


@pytest.mark.parametrize("degrees", [0, 15, 90, 180, -100])
def test_a_form_is_found_any_way_up(folder: Path, degrees: float) -> None:
    blank = Template(folder / "template.json").blank
    height, width = blank.shape
    side = int(np.hypot(height, width)) + 40
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
    turn[:, 2] += side / 2 - np.array([width / 2, height / 2])
    photo = cv2.warpAffine(blank, turn, (side, side), borderValue=(90,))
    found = Registration(blank).homography(photo)
    corners = np.array([[[0.0, 0.0], [width, 0.0], [width, height], [0.0, height]]])
    assert np.abs(cv2.perspectiveTransform(corners, found) - cv2.transform(corners, turn)).max() < 3
    box = (193, 1098, 760, 1177)
    seen = cut_field(photo, found, box)
    assert abs(seen.shape[0] - 79) <= 1
    assert np.abs(cv2.resize(seen, (567, 79)).astype(int) - blank[1098:1177, 193:760]).mean() < 12


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"fields": []}, "fields"),
        ({"form": "none.pdf"}, "none.pdf"),
        ({"fields": [{"name": "a", "box": [10, 10, 5, 20]}]}, "left, top, right, bottom"),
        ({"fields": [{"name": "a", "box": [10, 10, 5000, 20]}]}, "reaches beyond"),
        ({"fields": [{"name": "a", "box": [1, 1, 50, 20], "pattern": "a", "date": True}]}, "pattern and date"),
        ({"fields": [{"name": "a", "box": [1, 1, 50, 20], "pattern": "(?=a)"}]}, "wrong at character 1"),
        ({"fields": [{"name": "a", "box": [1, 1, 50, 20]}] * 2}, "two fields"),
        ({"fields": [{"name": "look", "box": [1, 1, 50, 20]}]}, "two columns 'look'"),
        ({"fields": [{"name": one, "box": [1, 1, 50, 20]} for one in ("a", "a_confidence")]}, "'a_confidence'"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_template_that_makes_no_sense_is_refused(
    folder: Path, tmp_path: Path, change: dict[str, object], said: str
) -> None:
    shutil.copy(folder / "sheet.pdf", tmp_path)
    template = tmp_path / "template.json"
    template.write_text(json.dumps(json.loads((folder / "template.json").read_text()) | change))
    with pytest.raises(UserError, match=said.replace("(", "\\(")) as raised:
        form(str(template), [str(folder / "photo.jpg")])
    assert "\n" not in str(raised.value)


def test_what_a_decoder_prints_is_said_as_ours(folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "photo.tif").write_bytes(broken_tiff())
    assert form(str(folder / "template.json"), [str(tmp_path / "photo.tif")], out=str(tmp_path / "rows.csv")) == 1
    warning, error = capfd.readouterr().err.splitlines()
    assert warning.startswith(f"warning: {tmp_path}/photo.tif: its decoder says: ZIPDecode")
    assert error.startswith(f"error: {tmp_path}/photo.tif: broken or truncated picture")


def test_wrong_use_is_said(folder: Path) -> None:
    for wrong in ({"look_below": 2.0}, {"out": "rows.xlsx"}):
        with pytest.raises(UsageError, match="must"):
            form(str(folder / "template.json"), ["photo.jpg"], **wrong)  # type: ignore[arg-type]
    with pytest.raises(UserError, match=r"none\.json: cannot be read"):
        form("none.json", ["photo.jpg"])


def test_a_form_without_print_is_refused() -> None:
    with pytest.raises(UserError, match="too little is printed"):
        Registration(np.full((900, 700), 255, np.uint8))
