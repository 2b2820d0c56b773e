import io
import resource
import signal
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from reading_tools import draw

from text_recognizer.errors import UserError
from text_recognizer.imaging.normalization import normalize
from text_recognizer.imaging.pictures import MAX_BYTES, MAX_PIXELS, load_picture, pixels_of

LINE = draw("Read me")
EXACT = ("PNG", "BMP", "TIFF", "GIF", "PPM")
LOSSY = ("JPEG", "WEBP")


def encoded(image: Image.Image, image_format: str, **options) -> bytes:
    file = io.BytesIO()
    image.save(file, image_format, **options)
    return file.getvalue()


def picture_bytes(image_format: str = "PNG") -> bytes:
    return encoded(Image.fromarray(LINE), image_format)


@pytest.mark.parametrize("image_format", EXACT + LOSSY)
def test_formats(image_format):
    grey = load_picture(picture_bytes(image_format))
    assert (grey.dtype, grey.shape) == (np.uint8, LINE.shape)
    assert np.abs(grey.astype(int) - LINE).mean() <= (0 if image_format in EXACT else 4)


def test_paths_bytes_images_and_arrays_are_the_same_picture(tmp_path):
    (tmp_path / "line.png").write_bytes(picture_bytes())
    path = tmp_path / "line.png"
    for picture in (path, str(path), path.read_bytes(), bytearray(path.read_bytes()), Image.open(path), LINE):
        np.testing.assert_array_equal(load_picture(picture), LINE)


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "LA", "CMYK", "YCbCr", "LAB", "HSV", "I", "F", "I;16"])
def test_modes(mode):
    black_and_white = Image.fromarray(LINE).point(lambda value: 255 if value > 127 else 0)
    if mode == "I;16":
        image = Image.fromarray(np.asarray(black_and_white, np.uint16) * 257)
    elif mode == "LAB":
        image = Image.merge("LAB", [black_and_white, *[Image.new("L", black_and_white.size, 128)] * 2])
    else:
        image = black_and_white.convert("RGB").convert(mode)
    grey = load_picture(image)
    assert grey.dtype == np.uint8
    np.testing.assert_allclose(grey, np.asarray(black_and_white), atol=3)


@pytest.mark.parametrize("bits", [10, 12, 16])
def test_more_than_8_bits(bits):
    deep = (LINE.astype(np.uint32) * (2**bits - 1) // 255).astype(np.uint16)
    for picture in (encoded(Image.fromarray(deep), "PNG"), deep, deep.astype(">u2"), np.dstack([deep] * 3)):
        np.testing.assert_allclose(load_picture(picture), LINE, atol=1)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_rotation(orientation):
    turned = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # the transposition that the camera's position undoes
    image = Image.fromarray(LINE)
    if orientation > 1:
        image = image.transpose(Image.Transpose(turned[orientation]))
    exif = Image.Exif()
    exif[0x0112] = orientation
    grey = load_picture(encoded(image, "PNG", exif=exif))
    np.testing.assert_array_equal(grey, LINE)


def test_transparency_over_white():
    ink = np.dstack([np.zeros((*LINE.shape, 3), np.uint8), 255 - LINE])
    np.testing.assert_allclose(load_picture(encoded(Image.fromarray(ink), "PNG")), LINE, atol=1)
    np.testing.assert_allclose(load_picture(ink), LINE, atol=1)


def test_white_writing_on_nothing_is_its_mask():
    ink = np.dstack([np.full((*LINE.shape, 3), 255, np.uint8), 255 - LINE])
    np.testing.assert_array_equal(load_picture(encoded(Image.fromarray(ink), "PNG")), LINE)


def test_palette_with_transparency():
    palette = Image.fromarray(LINE).convert("P")
    grey = load_picture(encoded(palette, "PNG", transparency=int(np.asarray(palette)[0, 0])))
    assert grey[0, 0] == 255
    assert grey.min() < 60


@pytest.mark.parametrize("image_format", ["GIF", "PNG", "WEBP", "TIFF"])
def test_the_first_frame_of_many(image_format):
    other = Image.new("L", LINE.shape[::-1], 128)
    file = encoded(Image.fromarray(LINE), image_format, save_all=True, append_images=[other, other])
    np.testing.assert_allclose(load_picture(file), LINE, atol=30)


def tiff(*sizes: tuple[int, int]) -> bytes:
    first, *others = (Image.new("L", size, 255) for size in sizes)
    return encoded(first, "TIFF", save_all=True, append_images=others, compression="tiff_lzw")


def test_the_pixels_of_a_tiff_are_those_of_its_largest_page():
    file = tiff((20, 20), (6000, 5000), (30, 20))
    assert pixels_of(tiff((30, 20))) == 600
    assert pixels_of(file) == 30_000_000
    assert pixels_of(tiff(*[(20, 20)] * 99)) == 400
    assert pixels_of(tiff(*[(20, 20)] * 101)) == MAX_PIXELS
    assert pixels_of(file[:-100]) == MAX_PIXELS  # the entries of the last page
    assert pixels_of(file[:7]) == 0


@pytest.mark.parametrize(
    "array",
    [LINE > 127, (LINE > 127) / 1.0, (LINE > 127).astype(np.uint16) * 65535, np.dstack([LINE] * 3), LINE[..., None]],
)
def test_arrays(array):
    np.testing.assert_array_equal(load_picture(array) > 127, LINE > 127)


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.zeros((4, 4, 2), np.uint8), "shape"),
        (np.zeros(7, np.uint8), "shape"),
        (np.zeros((0, 5), np.uint8), "empty"),
        (np.full((4, 4), 1.5), "floats from 0 to 1"),
        (np.full((4, 4), np.nan), "floats from 0 to 1"),
        (np.zeros((4, 4), np.int64), "int64"),
        (np.array([["a"]]), "expected uint8"),
    ],
)
def test_arrays_that_are_no_pictures(array, words):
    with pytest.raises(UserError, match=words):
        load_picture(array)


def png_of_size(width: int, height: int) -> bytes:
    """A PNG that claims a size, with hardly any data."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\0" * 1000))
        + chunk(b"IEND", b"")
    )


BROKEN = {
    "nothing": (b"", "0 bytes"),
    "text": (b"This is not a picture." * 9, "not a picture"),
    "svg": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not a picture"),
    "truncated PNG": (picture_bytes("PNG")[:200], "broken"),
    "truncated JPEG": (picture_bytes("JPEG")[:400], "broken"),
    "bomb": (png_of_size(31_000, 31_000), "million"),
    "too wide": (png_of_size(200_000, 10), "on a side"),
    "no pixels": (png_of_size(0, 10), "not a picture|broken|empty"),
}


@pytest.mark.parametrize(("data", "words"), BROKEN.values(), ids=BROKEN)
def test_broken_files_are_named(tmp_path, data, words):
    (tmp_path / "photo.png").write_bytes(data)
    with pytest.raises(UserError, match=rf"photo\.png.*({words})"):
        load_picture(tmp_path / "photo.png")


def test_what_cannot_be_read_is_named(tmp_path):
    with pytest.raises(UserError, match=r"none\.png"):
        load_picture(tmp_path / "none.png")
    with pytest.raises(UserError, match="directory"):
        load_picture(tmp_path)
    with pytest.raises(UserError, match="name of a file"):
        load_picture("a\0b")
    with pytest.raises(UserError, match="int"):
        load_picture(7)  # type: ignore[arg-type]


def test_a_huge_file_is_refused_before_it_is_read(tmp_path):
    with (tmp_path / "huge.png").open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    with pytest.raises(UserError, match=r"huge\.png.*MB"):
        load_picture(tmp_path / "huge.png")


@contextmanager
def limits(seconds: int, bytes_more: int) -> Iterator[None]:
    """End a hang, and make memory beyond ``bytes_more`` an error."""

    def alarm(*_: object) -> None:
        raise TimeoutError

    pages = int(Path("/proc/self/statm").read_text().split()[0])
    used = pages * resource.getpagesize()
    before = resource.getrlimit(resource.RLIMIT_AS)
    previous = signal.signal(signal.SIGALRM, alarm)
    resource.setrlimit(resource.RLIMIT_AS, (used + bytes_more, before[1]))
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, previous)
        resource.setrlimit(resource.RLIMIT_AS, before)


def mutated(data: bytes, rng: np.random.Generator) -> bytes:
    """Change some bytes, and perhaps cut, repeat or drop a part."""
    values = np.frombuffer(data, np.uint8).copy()
    places = rng.integers(0, min(len(values), int(rng.choice([40, 300, len(values)]))), rng.integers(1, 12))
    values[places] = rng.choice([0, 1, 127, 128, 255, int(rng.integers(256))], len(places))
    start, end = np.sort(rng.integers(0, len(values), 2))
    part = rng.integers(6)
    if part == 0:
        values = values[:end]
    elif part == 1:
        values = np.concatenate([values[:start], values[end:]])
    elif part == 2:
        values = np.concatenate([values[:end], values[start:]])
    return values.tobytes()


def read_mutations(image_format: str, count: int, seed: int) -> int:
    """Load and prepare mutated files; how many were still pictures."""
    rng = np.random.default_rng([seed, (EXACT + LOSSY).index(image_format)])
    whole = picture_bytes(image_format)
    readable = 0
    for _ in range(count):
        with limits(seconds=10, bytes_more=2 << 30):
            try:
                normalize(load_picture(mutated(whole, rng)))
                readable += 1
            except UserError:
                pass
    return readable


@pytest.mark.parametrize("image_format", EXACT + LOSSY)
def test_mutated_files_are_pictures_or_errors(image_format):
    assert 0 < read_mutations(image_format, 60, seed=0) < 60


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 6))
@pytest.mark.parametrize("image_format", EXACT + LOSSY)
def test_thousands_of_mutated_files(image_format, seed):
    assert 0 < read_mutations(image_format, 500, seed) < 500


def test_random_bytes_after_each_magic_number():
    rng = np.random.default_rng(0)
    for image_format in EXACT + LOSSY:
        for _ in range(20):
            data = picture_bytes(image_format)[: int(rng.integers(2, 40))] + rng.bytes(int(rng.integers(0, 400)))
            with limits(seconds=10, bytes_more=2 << 30), suppress(UserError):
                normalize(load_picture(data))
