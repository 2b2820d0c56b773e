from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from reading_tools import write_bar_model

from text_recognizer.serving.app import create_app
from text_recognizer.serving.readers import Readers


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_bar_model(tmp_path_factory.mktemp("model") / "bars.onnx")


@pytest.fixture(scope="module")
def client(model: Path) -> Iterator[TestClient]:
    app = create_app(Readers(str(model)), max_upload_mb=1)
    with TestClient(app, base_url="http://localhost") as client:
        yield client
