"""Fixtures of all tests: a cache folder of their own, and the mirror of real data where it is set."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from reading_tools import write_bar_model

from text_recognizer.data.download import CACHE_SETTING, MIRROR_SETTING

hypothesis.settings.register_profile("on a busy machine", hypothesis.settings.default, deadline=None)
hypothesis.settings.load_profile("on a busy machine")


@pytest.fixture(scope="session", autouse=True)
def cache_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A cache folder for this session and all its processes, so that tests neither trust nor fill the checkout's."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base) / "cache"
    folder.mkdir(exist_ok=True)
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv(CACHE_SETTING, str(folder))
        yield folder


@pytest.fixture(scope="session")
def mirror() -> str:
    """The mirror of real data; tests that use it are skipped where the setting is not set."""
    setting = os.environ.get(MIRROR_SETTING)
    if not setting:
        pytest.skip(f"needs real data: set {MIRROR_SETTING} to a mirror of it")
    return setting


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model file that reads bars."""
    return write_bar_model(tmp_path_factory.mktemp("model") / "bars.onnx")


@pytest.fixture(scope="session")
def samples() -> Any:
    """What a person wrote."""
    from hand_tools import write_samples

    return write_samples()


@pytest.fixture(scope="session")
def learned(samples: Any) -> Any:
    """A hand that was learned once for all tests."""
    from hand_tools import TINY

    from text_recognizer.hand.learning import learn

    return learn(samples, 1, lambda phase, done: None, TINY)
