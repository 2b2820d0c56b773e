"""Thousands of broken pictures: each is read or refused, from Python and over HTTP, and the next is read as ever."""

from __future__ import annotations

import os
from collections.abc import Iterator

import cv2
import numpy as np
import pytest
from fastapi.testclient import TestClient
from reading_tools import bars
from serving_tools import png

from text_recognizer.errors import ProgramFault, UserError
from text_recognizer.reading.recognizer import Reading, TextRecognizer

LINE = bars([20, 60])
WHOLE = (
    png(LINE),
    cv2.imencode(".jpg", LINE)[1].tobytes(),
    cv2.imencode(".bmp", LINE)[1].tobytes(),
    cv2.imencode(".tiff", LINE)[1].tobytes(),
    cv2.imencode(".webp", LINE)[1].tobytes(),
)
FEW = 150
MANY = int(os.environ.get("DRILL_PICTURES", "10000"))


def mutated(count: int) -> Iterator[bytes]:
    """Pictures with some bytes replaced, some of them cut, and pictures of strokes at random."""
    rng = np.random.default_rng(7)
    for number in range(count):
        if number % 3 == 0:
            yield png(scribble(rng))
            continue
        data = bytearray(WHOLE[number % len(WHOLE)])
        for place in rng.integers(0, len(data), rng.integers(1, 9)):
            data[place] = rng.integers(256)
        yield bytes(data[: rng.integers(len(data) // 2, len(data) + 1)] if number % 2 else data)


def scribble(rng: np.random.Generator) -> np.ndarray:
    height, width = rng.integers(1, 300, 2).tolist()
    page = np.full((height, width), rng.integers(128, 256), np.uint8)
    for start, end in rng.integers(0, (width, height), (rng.integers(0, 12), 2, 2)).tolist():
        cv2.line(page, start, end, int(rng.integers(0, 128)), int(rng.integers(1, 4)))
    return page


@pytest.mark.parametrize("count", [FEW, pytest.param(MANY, marks=pytest.mark.drill)])
def test_from_python(model, most_mb, count):
    recognizer = TextRecognizer(model)
    results = recognizer.read_each([LINE, *mutated(count), LINE])
    assert len(results) == count + 2
    assert results[0].text == results[-1].text == "II"
    assert all(isinstance(result, Reading | UserError) for result in results)
    assert not [result.__cause__ for result in results if isinstance(result, ProgramFault)]


@pytest.mark.parametrize("query", ["", "?lines=true"])
@pytest.mark.parametrize("count", [FEW, pytest.param(MANY, marks=pytest.mark.drill)])
def test_over_http(client: TestClient, caplog, most_mb, count, query):
    pictures = list(mutated(count))
    for first in range(0, count, 50):
        files = [("file", (f"{k}.png", data)) for k, data in enumerate(pictures[first : first + 50])]
        answer = client.post(f"/v1/read{query}", files=[*files, ("file", ("whole.png", png(LINE)))])
        assert answer.status_code == 200
        assert answer.json()[-1]["text"] == "II"
        assert all(("error" in one) != ("text" in one) for one in answer.json())
    assert [record.exc_info for record in caplog.records if record.message == "picture"] == []
