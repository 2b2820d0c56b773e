"""Pages as a PDF whose text, laid over the pictures unseen, can be searched and selected."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from typing import Any

from PIL import Image

from text_recognizer.documents.layout import ReadPage, Word, lines_of
from text_recognizer.imaging.pages import RESOLUTION

_POINTS_PER_INCH = 72
_FONT = "Helvetica"
_INVISIBLE = 3
_QUALITY = 80


def pdf_of(pages: Sequence[ReadPage]) -> bytes:
    """A PDF of pages whose ``grey`` or ``jpeg`` is there. Its text is Latin-1; others stand as question marks."""
    from reportlab.pdfgen.canvas import Canvas

    out = io.BytesIO()
    canvas = Canvas(out, pageCompression=1, invariant=1)
    canvas.setTitle(pages[0].file if pages else "")
    for page in pages:
        _add_page(canvas, page)
    canvas.save()
    return out.getvalue()


def compress(page: ReadPage) -> None:
    """Keep of the pixels of a page, ``grey``, only their JPEG, an eighth of their size or less."""
    assert page.grey is not None
    jpeg = io.BytesIO()
    Image.fromarray(page.grey).save(jpeg, "JPEG", quality=_QUALITY)
    page.grey, page.jpeg = None, jpeg.getvalue()


def _add_page(canvas: Any, page: ReadPage) -> None:
    from reportlab.lib.utils import ImageReader

    if page.jpeg is None:
        compress(page)
    assert page.jpeg is not None
    scale = _POINTS_PER_INCH / (page.resolution or RESOLUTION)
    canvas.setPageSize((page.width * scale, page.height * scale))
    canvas.drawImage(ImageReader(io.BytesIO(page.jpeg)), 0, 0, page.width * scale, page.height * scale)
    canvas.scale(scale, scale)
    for line in lines_of(page):
        descent = math.dist(line.polygon[-1], line.baseline[0])
        for word in line.words:
            _add_word(canvas, word, page.height, descent)
    canvas.showPage()


def _add_word(canvas: Any, word: Word, page_height: int, descent: float) -> None:
    """A word as long as it is written, its baseline ``descent`` pixels above the lower edge of its polygon.

    It is level where the writing is tilted: viewers take tilted words apart when they search.
    """
    upper, _, end, start = word.polygon
    said = word.text.encode("latin-1", "replace").decode("latin-1")
    size, length = max(math.dist(upper, start) - descent, 1), math.dist(start, end)
    left, bottom = (start[0] + end[0] - length) / 2, (start[1] + end[1]) / 2
    text = canvas.beginText(left, page_height - bottom + descent)
    text.setFont(_FONT, size)
    text.setTextRenderMode(_INVISIBLE)
    text.setHorizScale(100 * length / max(canvas.stringWidth(said, _FONT, size), 1e-3))
    text.textOut(said)
    canvas.drawText(text)
