"""Tables with ruled lines come out as rows and cells in every format that has a place for them."""

from __future__ import annotations

import csv
import io
import json
from itertools import pairwise
from xml.etree import ElementTree

import cv2
import jsonschema
import numpy as np
import pytest
from documents import ROOT

from text_recognizer.documents.alto import NAMESPACE as ALTO
from text_recognizer.documents.formats import written
from text_recognizer.documents.layout import ReadPage, Table, blocks_of
from text_recognizer.documents.page_xml import NAMESPACE as PAGE
from text_recognizer.documents.reader import DocumentReader
from text_recognizer.reading.recognizer import TextRecognizer

TEXTS = [["name", "town", "year"], ["Anna", "Paris", "1999"], ["Boris", "", "2004"], ["Carol", "Rome", "17"]]
SAID = [[text.lower() for text in row] for row in TEXTS]
COLUMNS, ROWS = (60, 280, 480, 610), (130, 200, 270, 340, 410)


def sheet(degrees: float = 0.0) -> np.ndarray:
    """A title, a table, and a line below it."""
    page = np.full((540, 720), 245, np.uint8)
    for y in ROWS:
        cv2.line(page, (COLUMNS[0], y), (COLUMNS[-1], y), 70, 2)
    for x in COLUMNS:
        cv2.line(page, (x, ROWS[0]), (x, ROWS[-1]), 70, 2)
    said = [
        (text, x + 14, y + 46)
        for y, row in zip(ROWS[:-1], TEXTS, strict=True)
        for x, text in zip(COLUMNS[:-1], row, strict=True)
    ]
    for text, x, y in [("A list of people", 60, 80), *said, ("that was all", 60, 480)]:
        cv2.putText(page, text, (x, y), cv2.FONT_HERSHEY_SIMPLEX, 0.9, 30, 2, cv2.LINE_AA)
    turn = cv2.getRotationMatrix2D((360, 270), degrees, 1)
    turn[:, 2] += 100
    return np.asarray(cv2.warpAffine(page, turn, (920, 740), borderValue=(245,)))


@pytest.fixture(scope="module")
def reader() -> DocumentReader:
    return DocumentReader(TextRecognizer())


@pytest.fixture(scope="module")
def page(reader: DocumentReader) -> ReadPage:
    [[page]] = reader.read([("people.png", sheet())])
    return page


@pytest.mark.parametrize("degrees", [0, 9])
def test_rows_and_cells_in_csv(reader: DocumentReader, degrees: float) -> None:
    [[page]] = reader.read([("people.png", sheet(degrees))])
    for form, dialect in (("csv", "excel"), ("tsv", "excel-tab")):
        head, *rows = csv.reader(io.StringIO(written(form, [page], tables=True).decode()), dialect)
        assert head == ["file", "page", "table", "row", "column 1", "column 2", "column 3"]
        assert [row[:4] for row in rows] == [["people.png", "1", "1", str(number)] for number in range(1, 5)]
        assert [[cell.lower() for cell in row[4:]] for row in rows] == SAID


def test_lines_are_read_row_by_row(page: ReadPage) -> None:
    said = ["a list of people", *(text.lower() for row in TEXTS for text in row if text), "that was all"]
    assert [reading.text.lower() for reading in page.readings] == said
    before, table, after = blocks_of(page)
    assert isinstance(table, Table)
    assert (before, table.lines, after) == (range(1), list(range(1, 12)), range(12, 13))


def test_cells_in_json_stand_where_they_are_drawn(page: ReadPage) -> None:
    document = json.loads(written("json", [page]))
    jsonschema.validate(document, json.loads((ROOT / "docs" / "document.schema.json").read_text(encoding="utf-8")))
    [table] = document["pages"][0]["tables"]
    assert (table["rows"], table["columns"], len(table["cells"])) == (4, 3, 12)
    edges = [(x, y) for y in pairwise(ROWS) for x in pairwise(COLUMNS)]
    for cell, ((left, right), (top, bottom)) in zip(table["cells"], edges, strict=True):
        assert np.min(cell["polygon"], axis=0) == pytest.approx((left + 100, top + 100), abs=6)
        assert np.max(cell["polygon"], axis=0) == pytest.approx((right + 100, bottom + 100), abs=6)
        lines = [document["pages"][0]["lines"][place]["text"] for place in cell["lines"]]
        assert cell["text"] == "\n".join(lines)


def test_a_page_without_tables_says_nothing_of_them(reader: DocumentReader) -> None:
    [[page]] = reader.read([("plain.png", sheet()[:220])])
    assert "tables" not in json.loads(written("json", [page]))["pages"][0]
    assert written("csv", [page], tables=True).decode() == "file,page,table,row\n"


def test_layout_formats_have_cells(page: ReadPage) -> None:
    html = ElementTree.fromstring(written("hocr", [page]))
    [table] = [node for node in html.iter() if node.get("class") == "ocr_table"]
    cells = [["".join(cell.itertext()).split() for cell in row] for row in table]
    assert [[" ".join(cell).lower() for cell in row] for row in cells] == SAID
    alto = ElementTree.fromstring(written("alto", [page]))
    [block] = alto.iter(f"{{{ALTO}}}ComposedBlock")
    assert block.get("TYPE") == "table"
    assert len(block.findall(f"{{{ALTO}}}TextBlock")) == 12
    page_xml = ElementTree.fromstring(written("page", [page]))
    [region] = page_xml.iter(f"{{{PAGE}}}TableRegion")
    roles = [node.attrib for node in region.iter(f"{{{PAGE}}}TableCellRole")]
    places = [(int(one["rowIndex"]), int(one["columnIndex"])) for one in roles]
    assert places == [(row, column) for row in range(4) for column in range(3)]
    order = [node.get("regionRef") for node in page_xml.iter(f"{{{PAGE}}}RegionRefIndexed")]
    assert order == ["text1", "table2", "text3"]
