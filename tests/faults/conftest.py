from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from text_recognizer.serving.app import create_app
from text_recognizer.serving.readers import Readers


@pytest.fixture(scope="module")
def client(model: Path) -> Iterator[TestClient]:
    with TestClient(create_app(Readers(str(model))), base_url="http://localhost") as client:
        yield client
