"""Pages of files within limits; decoders in another process may fail as they like."""

from __future__ import annotations

import io

import numpy as np
import pypdfium2
import pytest
from PIL import Image
from reading_tools import bars

from text_recognizer.errors import UserError
from text_recognizer.imaging import apart, pages
from text_recognizer.imaging.apart import decode_apart
from text_recognizer.imaging.pages import page_numbers, pages_of
from text_recognizer.imaging.pictures import load_picture

LINE = bars([20, 60, 100])
TASK = {"kind": "pdf", "pages": None, "resolution": 72, "max_pixels": 10**6}


def encoded(form: str, count: int = 1, **options: object) -> bytes:
    import pillow_heif

    pillow_heif.register_heif_opener()
    images = [Image.fromarray(np.roll(LINE, 5 * k, axis=1)).convert("RGB") for k in range(count)]
    file = io.BytesIO()
    several = {"save_all": True, "append_images": images[1:]} if count > 1 else {}
    images[0].save(file, form, **several, **options)
    return file.getvalue()


@pytest.mark.parametrize("form", ["HEIF", "AVIF"])
def test_photographs_of_phones_and_cameras(form: str) -> None:
    np.testing.assert_allclose(load_picture(encoded(form, quality=100), "photo"), LINE, atol=40)
    with pytest.raises(UserError, match=r"^photo: .*(broken|truncated)"):
        load_picture(encoded(form)[:300], "photo")
    with pytest.raises(UserError, match="photo: 200 x 48 pixels"):
        load_picture(encoded(form), "photo", max_pixels=1000)


def test_a_photograph_is_turned_as_it_says() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # a quarter turn clockwise to be upright
    upright = load_picture(encoded("HEIF", quality=100, exif=exif.tobytes()), "photo")
    np.testing.assert_allclose(upright, np.rot90(LINE, -1), atol=40)


@pytest.mark.parametrize("form", ["PDF", "TIFF"])
def test_pages_in_order(form: str) -> None:
    options = {"resolution": 72} if form == "PDF" else {}
    file = encoded(form, 3, **options)
    found = list(pages_of(file, "scan", resolution=72))
    assert [(page.number, page.count) for page in found] == [(1, 3), (2, 3), (3, 3)]
    for k, page in enumerate(found):
        np.testing.assert_allclose(page.grey, np.roll(LINE, 5 * k, axis=1), atol=60)
    assert [page.number for page in pages_of(file, "scan", numbers=[2, 3, 9], resolution=72)] == [2, 3]
    with pytest.raises(UserError, match="scan: has none of the pages"):
        list(pages_of(file, "scan", numbers=[9]))


def test_the_resolution_is_kept() -> None:
    [page] = pages_of(encoded("PDF", resolution=72), "scan", resolution=144)
    assert page.grey.shape == (96, 400)
    assert page.resolution == 144


@pytest.mark.parametrize("form", ["PDF", "TIFF"])
def test_a_page_that_is_too_large_costs_no_other(form: str) -> None:
    images = [Image.new("L", size, 255) for size in ((40, 30), (400, 300), (40, 30))]
    file = io.BytesIO()
    images[0].save(file, form, save_all=True, append_images=images[1:], resolution=72)
    small, large, last = pages_of(file.getvalue(), "scan", resolution=72, max_pixels=10_000)
    assert small.grey.shape == last.grey.shape == (30, 40)
    assert str(large.grey).startswith("scan, page 2: 400 x 300 pixels")


def test_too_many_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "MAX_PAGES", 2)
    with pytest.raises(UserError, match="scan: 3 pages; at most 2"):
        list(pages_of(encoded("TIFF", 3), "scan"))


def test_a_pdf_with_a_password(tmp_path) -> None:
    pikepdf = pytest.importorskip("pikepdf", reason="needs pikepdf to lock a PDF")
    with pikepdf.open(io.BytesIO(encoded("PDF"))) as document:
        document.save(tmp_path / "locked.pdf", encryption=pikepdf.Encryption(user="open", owner="open"))
    with pytest.raises(UserError, match="protected by a password"):
        list(pages_of(tmp_path / "locked.pdf", "locked.pdf"))


def test_an_empty_pdf() -> None:
    document = pypdfium2.PdfDocument.new()
    file = io.BytesIO()
    document.save(file)
    with pytest.raises(UserError, match="scan"):
        list(pages_of(file.getvalue(), "scan"))


def test_a_decoder_that_hangs_is_stopped() -> None:
    with pytest.raises(UserError, match="scan: takes more than"):
        list(decode_apart(encoded("PDF"), "scan", TASK, seconds=0.001))


def test_a_decoder_that_crashes_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apart, "_PROGRAM", ("-c", "import os; os.abort()"))
    with pytest.raises(UserError, match="scan: broken: its decoder fails on it"):
        list(decode_apart(encoded("PDF"), "scan", TASK))


FRAGILE = """
import json, os, sys
wanted = json.loads(sys.argv[1])["pages"] or range(1, 7)
print(json.dumps({"count": 6}), flush=True)
for page in wanted:
    if page in BAD:
        os.abort()
    print(json.dumps({"page": page, "shape": [1, 1]}), flush=True)
    sys.stdout.buffer.write(bytes([page]))
    sys.stdout.flush()
"""


@pytest.mark.parametrize(
    ("bad", "good"), [({2, 5}, [1, 3, 4, 6]), ({6}, [1, 2, 3, 4, 5]), ({1, 2, 4}, [3]), ({1, 2, 3}, [])]
)
def test_a_page_that_ends_its_decoder_costs_no_other(
    monkeypatch: pytest.MonkeyPatch, bad: set[int], good: list[int]
) -> None:
    monkeypatch.setattr(apart, "_PROGRAM", ("-c", FRAGILE.replace("BAD", str(bad))))
    found = list(decode_apart(encoded("PDF"), "scan", TASK))
    assert [page.number for page in found] == sorted({*good, *bad} | ({max(bad) + 1} if len(bad) > 2 else set()))
    assert [int(page.grey[0, 0]) for page in found if isinstance(page.grey, np.ndarray)] == good
    said = {page.number: str(page.grey) for page in found if isinstance(page.grey, UserError)}
    assert all(said[number].startswith(f"scan, page {number}: broken") for number in bad)
    assert len(bad) < 3 or "left out, with those after it" in said[max(bad) + 1]


def test_numbers_of_pages() -> None:
    assert page_numbers(None) is None
    assert page_numbers("2-5,8, 3") == [2, 3, 4, 5, 8]
