"""Pictures from anywhere as grey arrays, upright, within limits; what is no picture is refused by name."""

from __future__ import annotations

import io
import sys
import warnings
from collections.abc import Callable, Iterator
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from PIL import ExifTags, Image, UnidentifiedImageError

from text_recognizer.errors import UserError, naming
from text_recognizer.imaging.library_output import decoding

Picture = str | PathLike[str] | bytes | Image.Image | np.ndarray
"""A path (``-`` is standard input), the bytes of a picture file, a PIL image, or an array."""

MAX_BYTES = 64 << 20
MAX_PIXELS = 64_000_000
MAX_SIDE = 32_000
FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF", "PPM")
"""The formats that are decoded here, and no others: each decoder is one more thing that broken files can reach."""
PICTURES = (*FORMATS, "HEIC", "AVIF")
"""The formats read; the last two are decoded in a process of their own."""
SUFFIXES = frozenset(
    {
        *(".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp", ".tif", ".tiff", ".pbm", ".pgm", ".ppm"),
        *(".heic", ".heif", ".avif"),
    }
)
"""Of files that are pictures, in lower case."""

_HINT = "Open it in a picture viewer and save the writing as PNG or JPEG."
_TOO_MANY_BYTES = f"more than {MAX_BYTES >> 20} MB; save the line itself as PNG or JPEG."
_SNIFFED = 1024
_PAGES_SEEN = 100  # of a TIFF, when its size is asked for
_ROWS_AT_ONCE = 256
_PHOTOGRAPH_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1", b"avif", b"avis")
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601


def load_picture(
    picture: Picture, name: str | None = None, max_pixels: int = MAX_PIXELS, doubts: list[str] | None = None
) -> np.ndarray:
    """Decode a picture to grey.

    Args:
        picture: A path, ``-`` for standard input, bytes, a PIL image or an array: uint8, uint16, bool or floats from
            0 to 1, of shape (h, w), (h, w, 3) or (h, w, 4).
        name: What to call it in errors; by default its path.
        max_pixels: How many it may have.
        doubts: Gets a sentence for what is left out: all but the first page or frame.

    Returns:
        uint8 (h, w), upright, transparency laid over white (or, where only the transparency holds the writing, its
        mask).

    Raises:
        UserError: If it is no picture, broken, or too large; the message names it.
    """
    name = name or (str(picture) if isinstance(picture, str | PathLike) else "the picture")
    if isinstance(picture, np.ndarray):
        return _grey_of_array(picture, name, max_pixels)
    if isinstance(picture, Image.Image):
        image = picture
        return _decode(lambda: image, name, max_pixels, doubts)
    data = read_bytes(picture, name)
    if is_photograph(data):
        return _photograph(data, name, max_pixels)
    if what := _other_format(data[:_SNIFFED]):
        raise UserError(f"{name}: {what}")
    return _decode(lambda: Image.open(io.BytesIO(data), formats=FORMATS), name, max_pixels, doubts)


def read_bytes(picture: str | PathLike[str] | bytes, name: str) -> bytes:
    """The bytes of a file, or those given.

    Raises:
        UserError: If there are none or too many, or the file cannot be read.
    """
    if isinstance(picture, str | PathLike):
        picture = _read(picture, name)
    elif not isinstance(picture, bytes | bytearray | memoryview):
        raise UserError(f"{name}: expected a path, bytes, a PIL image or an array, not {type(picture).__name__}.")
    if not picture:
        raise UserError(f"{name}: 0 bytes; {_expected()}")
    if len(picture) > MAX_BYTES:
        raise UserError(f"{name}: {_TOO_MANY_BYTES}")
    return bytes(picture)


def is_photograph(data: bytes) -> bool:
    """Whether a file is a HEIC or AVIF photograph, by how it begins."""
    return data[4:8] == b"ftyp" and data[8:12] in _PHOTOGRAPH_BRANDS


def _photograph(data: bytes, name: str, max_pixels: int) -> np.ndarray:
    from text_recognizer.imaging.apart import decode_apart

    [page] = decode_apart(data, name, {"kind": "photograph", "max_pixels": max_pixels})
    if isinstance(page.grey, UserError):
        raise page.grey
    return page.grey


def pixels_of(data: bytes) -> int:
    """How many pixels a picture file says it has, a TIFF in its largest page; 0 if it is none.

    The most there may be of a HEIC or AVIF file, and of a TIFF with very many pages or a broken one.
    """
    if is_photograph(data):
        return MAX_PIXELS
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(data), formats=FORMATS) as image:
                return _pixels_of_tiff(image) if image.format == "TIFF" else image.width * image.height
    except Exception:  # load_picture says what is wrong with it
        return 0


def _pixels_of_tiff(image: Image.Image) -> int:
    most = 0
    try:
        for number in range(_PAGES_SEEN):
            image.seek(number)
            most = max(most, image.width * image.height)
    except EOFError:  # there are no more
        return most
    except Exception:  # Pillow raises almost anything on a broken page; others may be whole
        return MAX_PIXELS
    return MAX_PIXELS


def _expected() -> str:
    return f"expected a picture ({', '.join(PICTURES)}). {_HINT}"


def _other_format(start: bytes) -> str | None:
    """What a file is that begins so, if it is something that people take for a picture, and what to do."""
    if b"%PDF-" in start:
        command = "text-recognizer read FILE.pdf"
        return f"a PDF, not a picture; its pages are read with: {command}, or by a server that is told a format"
    if start.lstrip()[:5].lower() in (b"<?xml", b"<svg ", b"<!doc", b"<html"):
        return f"an SVG drawing or a web page, not a picture; {_expected()}"
    if start[:1] == b"P":  # PPM files begin like text
        return None
    try:
        text = start.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(start) - 4:
            return None
        text = start[: error.start].decode("utf-8")
    return f"text, not a picture; {_expected()}" if all(one.isprintable() or one.isspace() for one in text) else None


def _read(path: str | PathLike[str], name: str) -> bytes:
    try:
        if str(path) == "-":
            return sys.stdin.buffer.read(MAX_BYTES + 1)
        with Path(path).open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        raise UserError(f"{name}: cannot be read ({error.strerror or error}).") from None
    except ValueError:  # a null character in the name
        raise UserError(f"{name!r}: not the name of a file.") from None


def _decode(open_image: Callable[[], Image.Image], name: str, max_pixels: int, doubts: list[str] | None) -> np.ndarray:
    """Grey of an image; whatever goes wrong in Pillow becomes an error with the name."""
    try:
        with warnings.catch_warnings(), decoding(name):
            warnings.simplefilter("ignore")  # Pillow warns of oddities on the way to the error or the picture
            image = open_image()
            frames = getattr(image, "n_frames", 1)
            if frames > 1 and doubts is not None:
                doubts.append(f"has {frames} pages or frames, of which the first alone is read.")
            with naming(name):
                return grey_of_image(image, max_pixels)
    except UserError:
        raise
    except UnidentifiedImageError:
        raise UserError(f"{name}: not a picture; {_expected()}") from None
    except (Image.DecompressionBombError, MemoryError):
        raise UserError(f"{name}: {_too_many_pixels(max_pixels)}") from None
    except Exception as error:  # Pillow's decoders raise almost anything on broken files
        raise UserError(f"{name}: broken or truncated picture ({error or type(error).__name__}).") from None


def check_size(width: int, height: int, max_pixels: int = MAX_PIXELS) -> None:
    """Check the size of a picture.

    Raises:
        UserError: If it has no pixels or too many.
    """
    if width < 1 or height < 1:
        raise UserError(f"an empty picture ({width} x {height} pixels).")
    if max(width, height) > MAX_SIDE or width * height > max_pixels:
        raise UserError(f"{width} x {height} pixels: {_too_many_pixels(max_pixels)}")


def _too_many_pixels(limit: int) -> str:
    return f"more than {MAX_SIDE} pixels on a side or {limit // 10**6} million in all; cut it to the writing."


def grey_of_image(image: Image.Image, max_pixels: int = MAX_PIXELS) -> np.ndarray:
    """Grey of the frame that an image is at, uint8 (h, w), turned upright.

    A few rows are converted at a time, as copies of a large picture take much memory.

    Raises:
        UserError: If it has no pixels or too many. Of broken pictures, Pillow raises almost anything.
    """
    check_size(image.width, image.height, max_pixels)
    image.load()
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        grey = _grey_of_deep(image)
    elif image.has_transparency_data:
        grey = _grey_of_transparent(image)
    else:
        grey = np.empty((image.height, image.width), np.uint8)
        for rows, part in _strips(image):
            grey[rows] = np.asarray(part.getchannel("L") if part.mode == "LAB" else part.convert("L"))
    return _upright(grey, image.getexif().get(ExifTags.Base.Orientation, 1))


def _strips(image: Image.Image) -> Iterator[tuple[slice, Image.Image]]:
    for top in range(0, image.height, _ROWS_AT_ONCE):
        bottom = min(top + _ROWS_AT_ONCE, image.height)
        yield slice(top, bottom), image.crop((0, top, image.width, bottom))


def _upright(grey: np.ndarray, orientation: int) -> np.ndarray:
    """A picture turned as EXIF's orientation says, from 1, upright, to 8; others say nothing."""
    if orientation in (5, 6, 7, 8):
        grey = grey.T
    if orientation in (3, 4, 7, 8):
        grey = grey[::-1]
    if orientation in (2, 3, 6, 7):
        grey = grey[:, ::-1]
    return np.ascontiguousarray(grey)


def _grey_of_deep(image: Image.Image) -> np.ndarray:
    """Greys of more than 8 bits, white as ``_white`` says; NaN and infinity are 0."""
    full = _white(max(float(_finite(np.asarray(part)).max()) for _, part in _strips(image)))
    grey = np.empty((image.height, image.width), np.uint8)
    for rows, part in _strips(image):
        grey[rows] = np.clip(_finite(np.asarray(part)) * (255.0 / full) + 0.5, 0, 255)
    return grey


def _white(top: float) -> float:
    """What is white in a picture of more than 8 bits: the least 2^n - 1 that holds its largest value."""
    return 1.0 if top <= 1 else 2.0 ** max(8, int(np.ceil(np.log2(top + 1)))) - 1


def _grey_of_transparent(image: Image.Image) -> np.ndarray:
    grey = np.empty((image.height, image.width), np.uint8)
    alpha = np.empty_like(grey)
    for rows, part in _strips(image):
        both = np.asarray(part.convert("RGBA").convert("LA"))
        grey[rows], alpha[rows] = both[..., 0], both[..., 1]
    return _over_white(grey, alpha)


def _finite(values: np.ndarray) -> np.ndarray:
    return np.nan_to_num(values.astype(np.float32), nan=0.0, posinf=0.0, neginf=0.0)


def _over_white(grey: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Lay a picture over white; where all that can be seen is white already, the transparency is the writing."""
    seen = alpha > 127
    if alpha.min() < 255 and seen.any() and np.min(grey, where=seen, initial=255) > 200:
        return 255 - alpha
    laid = np.empty_like(grey)
    for top in range(0, len(grey), _ROWS_AT_ONCE):
        rows = np.s_[top : top + _ROWS_AT_ONCE]
        opacity = alpha[rows].astype(np.uint16)
        laid[rows] = (grey[rows] * opacity + 255 * (255 - opacity) + 127) // 255
    return laid


def _grey_of_array(array: np.ndarray, name: str, max_pixels: int) -> np.ndarray:
    array = _to_uint8(array, name)
    channels: Any = array.shape[2] if array.ndim == 3 else 1
    if array.ndim not in (2, 3) or channels not in (1, 3, 4):
        raise UserError(f"{name}: an array of shape {array.shape}; expected (h, w), (h, w, 3) or (h, w, 4).")
    with naming(name):
        check_size(array.shape[1], array.shape[0], max_pixels)
    if array.ndim == 2:
        return np.ascontiguousarray(array)
    if channels == 1:
        return np.ascontiguousarray(array[..., 0])
    grey = np.rint(array[..., :3] @ _LUMA).astype(np.uint8)
    return _over_white(grey, array[..., 3]) if channels == 4 else grey


def _to_uint8(array: np.ndarray, name: str) -> np.ndarray:
    if array.dtype == np.uint8:
        return array
    if array.dtype == np.bool_:
        return array.astype(np.uint8) * np.uint8(255)
    if array.dtype.newbyteorder("=") == np.uint16:
        grey = np.arange(1 << 16) * (255.0 / _white(float(array.max(initial=0)))) + 0.5
        return np.asarray(np.minimum(grey, 255).astype(np.uint8)[array])
    if np.issubdtype(array.dtype, np.floating) and np.isfinite(array).all() and np.all((array >= 0) & (array <= 1)):
        return np.asarray(np.rint(array * 255), np.uint8)
    raise UserError(f"{name}: an array of {array.dtype}; expected uint8, uint16, bool, or floats from 0 to 1.")
