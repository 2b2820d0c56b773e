"""What each request takes of the memory of a server, which runs in a process of its own.

``python memory_probe.py [KIND ...]`` prints, for each kind of picture, the status and how many MB more than before
all requests the server took at most: its process, and the most that a process had that decodes for it.
"""

from __future__ import annotations

import io
import json
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread

import numpy as np
from PIL import ExifTags, Image, ImageDraw

sys.path.insert(0, str(Path(__file__).parents[1]))
from serving_tools import Server, serving

from text_recognizer.imaging.pages import RESOLUTION

SIDE = 5400  # squared just below the 30 million pixels that a server takes


def _dots(step: int) -> np.ndarray:
    page = np.full((SIDE, SIDE), 255, np.uint8)
    page[::step, ::step] = 0
    return page


def _dashes(height: int, width: int, pitch: int) -> np.ndarray:
    page = np.full((height, width), 255, np.uint8)
    for row in range(4, pitch // 2):
        page[row::pitch, ::6] = 0
        page[row::pitch, 1::6] = 0
    return page


def _slanted() -> np.ndarray:
    image = Image.new("L", (SIDE, SIDE), 255)
    draw = ImageDraw.Draw(image)
    for y in range(-SIDE, SIDE, 18):
        draw.line([(0, y), (SIDE, y + SIDE // 9)], 0, 3)
    return np.asarray(image)


def _saved(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def _grey(page: np.ndarray) -> bytes:
    return _saved(Image.fromarray(page).convert("1"), optimize=True)


def _noise(mode: str) -> Image.Image:
    rows = np.random.default_rng(0).integers(0, 4, (60, SIDE, len(mode)), np.uint8) * 85
    return Image.fromarray(np.tile(rows, (SIDE // 60, 1, 1)), mode)


def _turned() -> Image.Exif:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    return exif


def _photograph(kind: str, **options: object) -> bytes:
    import pillow_heif

    pillow_heif.register_heif_opener()
    page = Image.new("RGBA", (SIDE, SIDE), "white")
    page.putpixel((0, 0), (0, 0, 0, 0))
    return _saved(page, kind, **options)


def _pdf(pages: int) -> bytes:
    page = Image.fromarray(_dots(20)).convert("1")
    return _saved(page, "PDF", save_all=True, append_images=[page] * (pages - 1), resolution=RESOLUTION)


def _tiff() -> bytes:
    """A TIFF whose second page is far larger than its first."""
    page = Image.fromarray(_dots(20)).convert("RGB")
    return _saved(Image.new("L", (20, 20), 255), "TIFF", save_all=True, append_images=[page], compression="tiff_lzw")


KINDS: dict[str, Callable[[], bytes]] = {
    "dots": lambda: _grey(_dots(2)),
    "far dots": lambda: _grey(_dots(20)),
    "dashes": lambda: _grey(_dashes(SIDE, SIDE, 14)),
    "wide": lambda: _grey(_dashes(930, 32_000, 14)),
    "strip": lambda: _grey(_dashes(14, 32_000, 14)),
    "slanted": lambda: _grey(_slanted()),
    "rgba": lambda: _saved(_noise("RGBA"), compress_level=1),
    "16 bit": lambda: _saved(Image.fromarray(np.tile(np.arange(SIDE, dtype=np.uint16), (SIDE, 1)))),
    "cmyk": lambda: _saved(_noise("CMYK"), "JPEG", quality=20),
    "progressive": lambda: _saved(_noise("CMYK"), "JPEG", quality=20, progressive=True),
    "turned": lambda: _saved(_noise("RGB"), "JPEG", quality=20, exif=_turned()),
    "float": lambda: _saved(Image.fromarray(np.zeros((SIDE, SIDE), np.float32)), "TIFF", compression="tiff_lzw"),
    "tiff": _tiff,
    "heic": lambda: _photograph("HEIF", quality=10, enc_params={"preset": "ultrafast"}),
    "pdf": lambda: _pdf(pages=3),
    "avif": lambda: _photograph("AVIF", speed=10),
}
FORM_OF = ("dots", "far dots", "dashes")


BOUNDARY = "between-pictures"


def _peak(process: Path) -> int:
    """The most memory that a process had since :func:`_forget`, in bytes."""
    lines = (process / "status").read_text().splitlines()
    return next((int(line.split()[1]) << 10 for line in lines if line.startswith("VmHWM")), 0)  # 0 once it has ended


def _forget(process: Path) -> None:
    (process / "clear_refs").write_text("5")


@contextmanager
def _most_of_children(process: Path) -> Iterator[list[int]]:
    """The most that one process had that this one started, looked at every 20 ms while the block runs."""
    most, done = [0], Event()

    def look() -> None:
        while not done.wait(0.02):
            for thread in process.glob("task/*/children"):
                with suppress(OSError):  # it has ended meanwhile
                    most[0] = max(most[0], *(_peak(Path("/proc") / child) for child in thread.read_text().split()), 0)

    looking = Thread(target=look)
    looking.start()
    try:
        yield most
    finally:
        done.set()
        looking.join()


def _form(pictures: list[bytes]) -> bytes:
    head = 'Content-Disposition: form-data; name="file"; filename="picture"\r\n\r\n'
    parts = [f"--{BOUNDARY}\r\n{head}".encode() + picture + b"\r\n" for picture in pictures]
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


def _ask(server: Server, query: str, body: bytes, kind: str) -> int:
    request = urllib.request.Request(f"{server.address}/v1/read{query}", body, {"Content-Type": kind})
    try:
        with urllib.request.urlopen(request, timeout=3600) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def main(names: list[str]) -> None:
    """Send pictures of these kinds, or of all, and a form of many, each as a line and as a page."""
    with serving("--max_upload_mb=64") as server:
        process = Path("/proc") / str(server.process.pid)
        _forget(process)
        before = _peak(process)
        for name in names or [*KINDS, "form"]:
            if name == "form":
                body, kind = _form([KINDS[kind]() for kind in FORM_OF] * 4), f"multipart/form-data; boundary={BOUNDARY}"
            else:
                body, kind = KINDS[name](), "application/octet-stream"
            of_pages = name in ("pdf", "tiff")
            for query in ("?format=json", "?format=pdf") if of_pages else ("", "?lines=true"):
                _forget(process)
                started = time.monotonic()
                with _most_of_children(process) as decoder:
                    status = _ask(server, query, body, kind)
                grown = (_peak(process) - before + decoder[0]) >> 20
                said = {"kind": name + query, "kB": len(body) >> 10, "status": status, "MB": grown}
                said |= {"decoder": decoder[0] >> 20, "seconds": round(time.monotonic() - started, 1)}
                print(json.dumps(said), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
