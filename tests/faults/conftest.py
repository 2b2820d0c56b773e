from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from memory_tools import CLEAR, MOST_MB, peak_mb

from text_recognizer.serving.app import create_app
from text_recognizer.serving.readers import Readers


@pytest.fixture(scope="module")
def client(model: Path) -> Iterator[TestClient]:
    with TestClient(create_app(Readers(str(model))), base_url="http://localhost") as client:
        yield client


@pytest.fixture
def most_mb() -> Iterator[None]:
    """The test takes no more memory than docs/serving.md promises of a server, and prints how much that was."""
    if not CLEAR.exists():  # as everywhere but on Linux
        yield
        return
    CLEAR.write_text("5")  # forget the most that there was
    before = peak_mb()
    yield
    grown = peak_mb() - before
    print(f"peak of memory: {grown} MB more")
    assert grown < MOST_MB
