import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from hand_tools import hand_of
from reading_tools import STRIDE, TOKENS, write_bar_model

from text_recognizer.errors import TRAINING_MODULES
from text_recognizer.hand.store import SETTING
from text_recognizer.reading.model_file import Metadata
from text_recognizer.serving import hands as serving_hands
from text_recognizer.serving.app import create_app
from text_recognizer.serving.readers import Readers


@pytest.fixture(scope="module", autouse=True)
def hands(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder for the hands of these tests, so that they see none of their user's."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        folder = tmp_path_factory.mktemp("data") / "hands"
        monkeypatch.setenv(SETTING, str(folder))
        yield folder


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """A browser, for tests that are skipped where there is none."""
    from browser_tools import open_browser

    browser = open_browser()
    try:
        yield browser
    finally:
        browser.quit()


@pytest.fixture(scope="module")
def client(model: Path) -> Iterator[TestClient]:
    app = create_app(Readers(str(model)), max_upload_mb=1)
    with TestClient(app, base_url="http://localhost") as client:
        yield client


@pytest.fixture(scope="session")
def crosses(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A hand file whose reader reads X where the general reader of these tests reads I."""
    metadata = Metadata((*TOKENS[:-1], "X"), STRIDE)
    model = write_bar_model(tmp_path_factory.mktemp("hand") / "crosses.onnx", metadata.to_properties())
    return hand_of(model).to_bytes()


@pytest.fixture
def quick_job(crosses: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Learning takes no time, and learns ``crosses``."""
    learned = tmp_path / "learned.hand"
    learned.write_bytes(crosses)
    job = (sys.executable, str(Path(__file__).with_name("learning_job.py")), str(learned))
    monkeypatch.setattr(serving_hands, "JOB", job)


@pytest.fixture
def light_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the training extra is there."""
    for name in TRAINING_MODULES:
        monkeypatch.setitem(sys.modules, name, None)
