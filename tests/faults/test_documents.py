"""Broken PDFs, HEIC photographs and TIFFs: one clear line each, the others of the call unharmed."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pillow_heif
import pytest
from PIL import Image
from reading_tools import bars

from text_recognizer.commands.read import read

LINE = Image.fromarray(bars([20, 60])).convert("RGB")
FEW = 12
MANY = int(os.environ.get("DRILL_DOCUMENTS", "200"))


def encoded(form: str) -> bytes:
    pillow_heif.register_heif_opener()
    several = {} if form == "HEIF" else {"save_all": True, "append_images": [LINE]}
    file = io.BytesIO()
    LINE.save(file, form, **several)
    return file.getvalue()


def mutated(count: int) -> Iterator[tuple[str, bytes]]:
    """Files of each kind with some bytes replaced, every other one cut."""
    rng = np.random.default_rng(17)
    wholes = [(".pdf", encoded("PDF")), (".heic", encoded("HEIF")), (".tif", encoded("TIFF"))]
    for number in range(count):
        suffix, whole = wholes[number % len(wholes)]
        data = bytearray(whole)
        for place in rng.integers(0, len(data), rng.integers(1, 30)):
            data[place] = rng.integers(256)
        yield suffix, bytes(data[: rng.integers(8, len(data))] if number % 2 else data)


@pytest.mark.parametrize("count", [FEW, pytest.param(MANY, marks=pytest.mark.drill)])
def test_broken_documents(tmp_path: Path, model: Path, capsys: pytest.CaptureFixture[str], count: int) -> None:
    for number, (suffix, data) in enumerate(mutated(count)):
        (tmp_path / f"{number}{suffix}").write_bytes(data)
    LINE.save(tmp_path / "whole.png")
    assert read([str(tmp_path)], model=str(model), line=True, resolution=72) in (0, 1)
    output = capsys.readouterr()
    assert f"{tmp_path / 'whole.png'}: II\n" in output.out
    errors = [row for row in output.err.splitlines() if row.startswith("error: ")]
    assert errors
    assert all(row.startswith(f"error: {tmp_path}") for row in errors)
    assert "the program fails" not in output.err
    assert "Traceback" not in output.err
    told = {row.split(": ")[1].split(", page")[0] for row in errors}
    read_ones = {row.split(": ")[0] for row in output.out.replace("\f", "").splitlines()}
    assert {str(path) for path in tmp_path.iterdir()} == told | read_ones
