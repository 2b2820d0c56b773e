"""The program that decodes one file in a process of its own: ``python -m text_recognizer.imaging.decode``.

PDFs, HEIC and AVIF photographs go through large native libraries. Here a broken file that crashes one, hangs it or
fills the memory ends this process alone. The file comes on standard input, its pages go to standard output: for each a
line of JSON, then its pixels. :mod:`text_recognizer.imaging.apart` starts it and reads what it writes.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import suppress
from io import BytesIO
from typing import Any, BinaryIO

import numpy as np
from PIL import Image, UnidentifiedImageError

from text_recognizer.errors import UserError
from text_recognizer.imaging.pictures import check_size, grey_of_image

MEMORY = 4 << 30
"""Bytes of address space that the process may take."""
_POINTS_PER_INCH = 72


def main(task: dict[str, Any], source: BinaryIO, sink: BinaryIO) -> None:
    """Decode the file that ``source`` holds and write its pages to ``sink``, in order.

    Args:
        task: ``kind``, "pdf" or "photograph"; ``max_pixels`` of a page; and for a PDF ``resolution`` in dots per inch
            and ``pages``, their numbers from 1, or null for all.
        source: The file.
        sink: Gets ``{"count": n}`` first; then for each page ``{"page": k, "shape": [h, w]}`` and its grey pixels, or
            ``{"page": k, "error": "..."}``.
    """
    data = source.read()
    try:
        if task["kind"] == "pdf":
            _write_pdf(data, task, sink)
        else:
            _tell(sink, {"count": 1})
            _write_page(sink, 1, _photograph(data, task["max_pixels"]))
    except (UserError, MemoryError) as error:
        _tell(sink, {"error": str(error) or "takes more memory than there is."})
    except Exception as error:  # the libraries raise almost anything on broken files
        _tell(sink, {"error": f"broken or truncated ({error or type(error).__name__})."})


def _photograph(data: bytes, max_pixels: int) -> np.ndarray:
    import pillow_heif

    pillow_heif.register_heif_opener()
    try:
        with Image.open(BytesIO(data), formats=("HEIF", "AVIF")) as image:
            return grey_of_image(image, max_pixels)
    except UnidentifiedImageError:
        raise UserError("broken or truncated HEIC or AVIF photograph.") from None


def _write_pdf(data: bytes, task: dict[str, Any], sink: BinaryIO) -> None:
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        locked = "assword" in str(error)
        what = "protected by a password; save it without." if locked else "broken or truncated PDF."
        raise UserError(what) from None
    count = len(document)
    _tell(sink, {"count": count})
    for number in _chosen(task["pages"], count):
        try:
            _write_page(sink, number, _rendered(document[number - 1], task["resolution"], task["max_pixels"]))
        except (UserError, MemoryError, pypdfium2.PdfiumError) as error:
            _tell(sink, {"page": number, "error": str(error) or "takes more memory than there is."})


def _chosen(pages: list[int] | None, count: int) -> Iterator[int]:
    return iter(range(1, count + 1)) if pages is None else (number for number in pages if number <= count)


def _rendered(page: Any, resolution: float, max_pixels: int) -> np.ndarray:
    scale = resolution / _POINTS_PER_INCH
    width, height = (int(np.ceil(size * scale)) for size in page.get_size())
    check_size(width, height, max_pixels)
    bitmap = page.render(scale=scale, grayscale=True, may_draw_forms=True)
    return np.array(bitmap.to_numpy()).reshape(bitmap.height, bitmap.width)


def _tell(sink: BinaryIO, said: dict[str, Any]) -> None:
    sink.write(json.dumps(said).encode() + b"\n")
    sink.flush()


def _write_page(sink: BinaryIO, number: int, grey: np.ndarray) -> None:
    _tell(sink, {"page": number, "shape": grey.shape})
    sink.write(grey.tobytes())
    sink.flush()


def _limit_memory() -> None:
    """Where the system has such limits."""
    with suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, resource.getrlimit(resource.RLIMIT_AS)[1]))


if __name__ == "__main__":
    _limit_memory()
    with suppress(BrokenPipeError):  # who asked has seen enough
        main(json.loads(sys.argv[1]), sys.stdin.buffer, sys.stdout.buffer)
