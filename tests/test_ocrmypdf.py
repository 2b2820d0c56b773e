"""The plug-in, in OCRmyPDF itself."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pypdfium2
import pytest
from PIL import Image

from text_recognizer.documents.reader import DocumentReader
from text_recognizer.reading.recognizer import TextRecognizer

pytest.importorskip("ocrmypdf")
DOTS = 200
TEXTS = ("Meet me at the harbour", "before noon tomorrow")


@pytest.fixture(scope="module")
def page() -> np.ndarray:
    """A page of two lines, uint8 (h, w)."""
    import cv2

    paper = np.full((900, 1400), 240, np.uint8)
    for row, text in enumerate(TEXTS):
        cv2.putText(paper, text, (150, 300 + 250 * row), cv2.FONT_HERSHEY_SCRIPT_SIMPLEX, 2.2, 30, 4, cv2.LINE_AA)
    return paper


def read(page: np.ndarray, folder: Path, *flags: str) -> Path:
    """The PDF that OCRmyPDF writes of a scanned page."""
    scan, out = folder / "scan.pdf", folder / "read.pdf"
    Image.fromarray(page).save(scan, resolution=DOTS)
    command = [sys.executable, "-m", "ocrmypdf", "--plugin", "text_recognizer.ocrmypdf", *flags, str(scan), str(out)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return out


def test_words_are_found_where_they_stand(page: np.ndarray, tmp_path: Path) -> None:
    [[known]] = DocumentReader(TextRecognizer()).read([("page", page)])
    document = pypdfium2.PdfDocument(read(page, tmp_path, "--sidecar", str(tmp_path / "read.txt")))
    assert (tmp_path / "read.txt").read_text().split() == known.text.split()
    text = document[0].get_textpage()
    height = document[0].get_height()
    assert text.get_text_range().split() == known.text.split()
    for word, row in (("harbour", 0), ("noon", 1)):
        found = text.search(word).get_next()
        assert found is not None, known.text
        _, bottom, _, top = text.get_charbox(found[0])
        assert abs((height - (bottom + top) / 2) * DOTS / 72 - (270 + 250 * row)) < 60


@pytest.mark.slow
def test_pages_are_turned(page: np.ndarray, tmp_path: Path) -> None:
    upside_down = np.ascontiguousarray(np.rot90(page, 2))
    out = read(upside_down, tmp_path, "--rotate-pages")
    assert "harbour" in pypdfium2.PdfDocument(out)[0].get_textpage().get_text_range()


@pytest.mark.slow
def test_what_cannot_be_written_so_is_said(page: np.ndarray, tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="Leave out --pdf-renderer sandwich"):
        read(page, tmp_path, "--pdf-renderer", "sandwich")
