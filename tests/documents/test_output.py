"""Pages into files: none replaces another, and what one file cannot hold is refused before more is read."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from text_recognizer.documents.layout import ReadPage
from text_recognizer.documents.output import Output
from text_recognizer.errors import UsageError, UserError


def read_page(file: str, number: int = 1, count: int = 1) -> ReadPage:
    return ReadPage(file, number, count, width=60, height=40, grey=np.full((40, 60), 255, np.uint8))


def test_pages_of_files_of_one_name_do_not_replace_each_other(tmp_path: Path) -> None:
    output = Output("page", str(tmp_path))
    for page in (read_page("x/scan.pdf", 1, 2), read_page("x/scan.pdf", 2, 2), read_page("y/scan.pdf")):
        output.add(page)
    output.close()
    names = sorted(file.name for file in tmp_path.iterdir())
    assert names == ["scan.pdf-1.page.xml", "scan.pdf-2.page.xml", "scan.pdf_2.page.xml"]


@pytest.mark.parametrize("form", ["json", "jsonl"])
def test_errors_alone_are_written_where_the_format_has_a_place_for_them(form: str, tmp_path: Path) -> None:
    output = Output(form, str(tmp_path / "out"))
    output.add(ReadPage("bad.png", error=UserError("bad.png: 0 bytes")))
    output.close()
    said = json.loads((tmp_path / "out").read_text())
    assert "bad.png: 0 bytes" in str(said)


@pytest.mark.parametrize(
    ("form", "second"), [("page", read_page("a.pdf", 2, 2)), ("alto", read_page("b.pdf"))], ids=["page", "file"]
)
def test_what_one_file_cannot_hold_is_refused_at_once(form: str, second: ReadPage, tmp_path: Path) -> None:
    output = Output(form, str(tmp_path / "out.xml"))
    output.add(read_page("a.pdf", 1, 2))
    output.add(ReadPage("broken.pdf", error=UserError("broken.pdf: 0 bytes")))
    with pytest.raises(UsageError, match="Give a folder"):
        output.add(second)


def test_pages_that_wait_for_a_pdf_are_compressed(tmp_path: Path) -> None:
    pytest.importorskip("reportlab")
    output = Output("pdf", str(tmp_path / "read.pdf"))
    pages = [read_page("a.pdf", number, 2) for number in (1, 2)]
    for page in pages:
        output.add(page)
    assert all(page.grey is None for page in pages)
    output.close()
    assert (tmp_path / "read.pdf").read_bytes().count(b"/Type /Page\n") == 2
