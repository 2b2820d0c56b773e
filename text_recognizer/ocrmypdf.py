"""A plug-in of OCRmyPDF: ``ocrmypdf --plugin text_recognizer.ocrmypdf in.pdf out.pdf``.

OCRmyPDF (https://ocrmypdf.readthedocs.io) takes PDFs apart, turns and cleans their pages, and writes the text behind
them. This reads the pages, in place of Tesseract.
"""

from __future__ import annotations

from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ocrmypdf import hookimpl
from ocrmypdf.builtin_plugins.tesseract_ocr import add_options, register_options
from ocrmypdf.exceptions import BadArgsError, InputFileError
from ocrmypdf.pluginspec import OcrEngine, OrientationConfidence

from text_recognizer.documents.hocr import hocr_of
from text_recognizer.documents.layout import ReadPage
from text_recognizer.documents.reader import DocumentReader
from text_recognizer.documents.tables import text_of
from text_recognizer.documents.xml import program
from text_recognizer.errors import UserError
from text_recognizer.reading.recognizer import Reading, TextRecognizer

__all__ = ["HandwritingEngine", "add_options", "get_ocr_engine", "initialize", "register_options"]
"""OCRmyPDF looks at Tesseract's options, so they stay, as its own hooks give them."""
_CONFIDENT = 20.0
"""That a page lies as it was read; OCRmyPDF turns pages from 14 on (``--rotate-pages-threshold``)."""


@lru_cache(maxsize=1)
def _reader() -> DocumentReader:
    return DocumentReader(TextRecognizer(threads=1))


class HandwritingEngine(OcrEngine):
    """The reader that ships, as OCRmyPDF asks for it. It reads pages one by one, in OCRmyPDF's own processes."""

    def __str__(self) -> str:
        return program()

    @staticmethod
    def version() -> str:
        """The version of this package."""
        return version("text-recognizer")

    @staticmethod
    def creator_tag(options: Any) -> str:
        """What the PDF says of its text."""
        return program()

    @staticmethod
    def languages(options: Any) -> set[str]:
        """English alone."""
        return {"eng"}

    @staticmethod
    def get_orientation(input_file: Path, options: Any) -> OrientationConfidence:
        """By how many degrees the page is to be turned clockwise."""
        [[page]] = _reader().read([(str(input_file), str(input_file))])
        return OrientationConfidence(page.turned, _CONFIDENT if page.written else 0.0)

    @staticmethod
    def generate_hocr(input_file: Path, output_hocr: Path, output_text: Path, options: Any) -> None:
        """Write the page as hOCR, and its text.

        Raises:
            InputFileError: If the page cannot be read.
        """
        page = _page(input_file)
        output_hocr.write_text(hocr_of([page]), encoding="utf-8")
        output_text.write_text(text_of([page], named=False), encoding="utf-8")

    @staticmethod
    def generate_pdf(input_file: Path, output_pdf: Path, output_text: Path, options: Any) -> None:
        """Not given: OCRmyPDF writes the text of hOCR.

        Raises:
            BadArgsError: Always.
        """
        raise BadArgsError("text_recognizer.ocrmypdf writes no PDF of its own. Leave out --pdf-renderer sandwich.")


def _page(file: Path) -> ReadPage:
    """A page as it lies: OCRmyPDF turns pages itself."""
    [loaded] = _reader().load(str(file), str(file))
    readings = _reader().recognizer.read_normalized(loaded.lines)
    wrong = loaded.page.error or next((one for one in readings if isinstance(one, UserError)), None)
    if wrong:
        raise InputFileError(str(wrong))
    loaded.page.readings = [one for one in readings if isinstance(one, Reading)]
    return loaded.page


@hookimpl
def initialize(plugin_manager: Any) -> None:
    """Leave Tesseract out: it need not be installed."""
    plugin_manager.set_blocked("ocrmypdf.builtin_plugins.tesseract_ocr")


@hookimpl
def get_ocr_engine(options: Any) -> OcrEngine | None:
    """The engine, unless OCRmyPDF is told to read nothing."""
    return None if options is not None and options.ocr_engine == "none" else HandwritingEngine()
