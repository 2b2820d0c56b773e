import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from hand_tools import hand_of, shipped_weights

from text_recognizer.alphabet import READER_ALPHABET
from text_recognizer.errors import TRAINING_MODULES
from text_recognizer.hand.store import SETTING
from text_recognizer.serving.app import create_app
from text_recognizer.serving.readers import Readers
from text_recognizer.serving.teaching import hands as serving_hands


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
def crosses() -> bytes:
    """A hand file whose reader reads X where it read I, and nothing else."""
    weights, of_x, of_i = shipped_weights(), READER_ALPHABET.index("X"), READER_ALPHABET.index("I")
    rows, bias = (weights[f"model.classifier.1.{name}"] for name in ("weight_half", "bias"))
    rows[of_x], bias[of_x] = rows[of_i], bias[of_i] + 2
    bias[[index for index, token in enumerate(READER_ALPHABET) if token not in ("<B>", "X")]] = -1000
    return hand_of(weights).to_bytes()


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
