"""The pages of a file: one of a picture, all of a PDF or TIFF, each decoded when its turn comes."""

from __future__ import annotations

import io
import warnings
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from itertools import chain

import numpy as np
from PIL import Image

from text_recognizer.errors import UsageError, UserError
from text_recognizer.imaging.apart import decode_apart
from text_recognizer.imaging.library_output import decoding
from text_recognizer.imaging.pictures import MAX_PIXELS, SUFFIXES, Picture, grey_of_image, load_picture, read_bytes

RESOLUTION = 200
"""Dots per inch at which a PDF is rendered."""
RESOLUTIONS = (36, 1200)
MAX_PAGES = 2000
"""Of one file."""
WITH_PAGES = SUFFIXES | {".pdf"}
"""Suffixes of the files that are taken from folders, in lower case."""
_SNIFFED = 1024


@dataclass(frozen=True, eq=False)
class Page:
    """A page of a file.

    Attributes:
        number: From 1.
        count: Pages of the file.
        grey: uint8 (h, w), upright as the file says; or what is wrong with the page.
        resolution: Dots per inch, where the file is a PDF.
    """

    number: int
    count: int
    grey: np.ndarray | UserError
    resolution: int | None = None


def page_numbers(said: str | None) -> list[int] | None:
    """The pages that ``said`` names, as ``2-5,8``; None for all.

    Raises:
        UsageError: If it names none, or not in that way.
    """
    if said is None:
        return None
    ranges = [part.strip().partition("-") for part in said.split(",")]
    try:
        spans = [range(int(first), int(last if dash else first) + 1) for first, dash, last in ranges]
    except ValueError:
        spans = []
    if not spans or not all(1 <= span.start < span.stop <= MAX_PAGES + 1 for span in spans):
        raise UsageError(f"pages is {said!r}, but must be numbers from 1 to {MAX_PAGES} as in 2-5 or 1,3,7-9.")
    return sorted(set(chain.from_iterable(spans)))


def check_resolution(resolution: int) -> None:
    """Check the flag of this name.

    Raises:
        UsageError: If it is outside of ``RESOLUTIONS``.
    """
    low, high = RESOLUTIONS
    if not low <= resolution <= high:
        raise UsageError(f"resolution is {resolution}, but must be from {low} to {high} dots per inch.")


def pages_of(
    picture: Picture,
    name: str,
    *,
    numbers: list[int] | None = None,
    resolution: int = RESOLUTION,
    max_pixels: int = MAX_PIXELS,
    doubts: list[str] | None = None,
) -> Generator[Page]:
    """The pages of a file in order.

    Args:
        picture: What :func:`load_picture` takes, or a PDF.
        name: What to call it in errors.
        numbers: Of the pages wanted, from 1; None for all.
        resolution: At which a PDF is rendered, in dots per inch.
        max_pixels: Of a page.
        doubts: Gets a sentence for what is left out.

    Raises:
        UserError: If the file is none of these, is broken as a whole, has more than ``MAX_PAGES`` pages, or none of
            those wanted; the message names it. What is wrong with one page stands in its place.
    """
    if isinstance(picture, np.ndarray | Image.Image):
        pages: Iterator[Page] = iter([Page(1, 1, load_picture(picture, name, max_pixels))])
    else:
        data = read_bytes(picture, name)
        if is_pdf(data):
            pages = _of_pdf(data, name, numbers, resolution, max_pixels)
        elif data[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
            pages = _of_tiff(data, name, numbers, max_pixels)
        else:
            pages = iter([Page(1, 1, load_picture(data, name, max_pixels, doubts))])
    found = 0
    for page in pages:
        if page.count > MAX_PAGES and numbers is None:
            raise UserError(f"{name}: {page.count} pages; at most {MAX_PAGES} are read at once. Choose some (pages).")
        if numbers is None or page.number in numbers:
            found += 1
            yield page
    if not found:
        raise UserError(f"{name}: has none of the pages asked for. Ask for others.")


def is_pdf(data: bytes) -> bool:
    """Whether a file is a PDF, by how it begins."""
    return b"%PDF-" in data[:_SNIFFED]


def _of_pdf(data: bytes, name: str, numbers: list[int] | None, resolution: int, max_pixels: int) -> Iterator[Page]:
    task = {"kind": "pdf", "pages": numbers, "resolution": resolution, "max_pixels": max_pixels}
    for page in decode_apart(data, name, task):
        yield Page(page.number, page.count, page.grey, resolution)


def _of_tiff(data: bytes, name: str, numbers: list[int] | None, max_pixels: int) -> Iterator[Page]:
    try:
        with warnings.catch_warnings(), decoding(name):
            warnings.simplefilter("ignore")
            image = Image.open(io.BytesIO(data), formats=("TIFF",))
            count = int(getattr(image, "n_frames", 1))
    except Exception:  # load_picture says what is wrong with the file
        yield Page(1, 1, load_picture(data, name, max_pixels))
        return
    for number in range(1, count + 1) if numbers is None else [one for one in numbers if one <= count]:
        yield Page(number, count, _frame(image, number, f"{name}, page {number}" if count > 1 else name, max_pixels))


def _frame(image: Image.Image, number: int, name: str, max_pixels: int) -> np.ndarray | UserError:
    try:
        with warnings.catch_warnings(), decoding(name):
            warnings.simplefilter("ignore")
            image.seek(number - 1)
            return grey_of_image(image, max_pixels)
    except UserError as error:
        return UserError(f"{name}: {error}")
    except (Image.DecompressionBombError, MemoryError):
        return UserError(f"{name}: more than {max_pixels // 10**6} million pixels; cut it to the writing.")
    except Exception as error:  # Pillow's decoders raise almost anything on broken files
        return UserError(f"{name}: broken or truncated picture ({error or type(error).__name__}).")
