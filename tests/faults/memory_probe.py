"""A server that measures what each request takes.

``python memory_probe.py [KIND ...]`` prints, for each kind of picture, the status and how many MB more than before
all requests the process took at most.
"""

from __future__ import annotations

import io
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from fastapi.testclient import TestClient
from PIL import Image, ImageDraw

from text_recognizer.serving.app import create_app

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
    rows = np.random.default_rng(0).integers(0, 256, (60, SIDE, len(mode)), np.uint8)
    return Image.fromarray(np.tile(rows, (SIDE // 60, 1, 1)), mode)


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
    "float": lambda: _saved(Image.fromarray(np.zeros((SIDE, SIDE), np.float32)), "TIFF", compression="tiff_lzw"),
}
FORM_OF = ("dots", "far dots", "dashes")


def _peak() -> int:
    """The most memory that the process had since :func:`_forget`, in bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) << 10


def _forget() -> None:
    Path("/proc/self/clear_refs").write_text("5")


def main(names: list[str]) -> None:
    """Send pictures of these kinds, or of all, and a form of many, each as a line and as a page."""
    with TestClient(create_app(max_upload_mb=64), base_url="http://localhost") as client:
        _forget()
        before = _peak()
        for name in names or [*KINDS, "form"]:
            if name == "form":
                made = [KINDS[kind]() for kind in FORM_OF]
                files = [("file", (f"{k}.png", made[k % len(made)])) for k in range(12)]
                sent: dict[str, object] = {"files": files}
            else:
                sent = {"content": KINDS[name]()}
            for query in ("", "?lines=true"):
                _forget()
                started = time.monotonic()
                answer = client.post(f"/v1/read{query}", **sent)  # type: ignore[arg-type]
                grown = (_peak() - before) >> 20
                size = len(sent["content"]) if "content" in sent else 0  # type: ignore[arg-type]
                said = {"kind": name + query, "kB": size >> 10, "status": answer.status_code, "MB": grown}
                said["seconds"] = round(time.monotonic() - started, 1)
                print(json.dumps(said), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
