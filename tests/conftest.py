"""Fixtures of all tests: a cache folder of their own, and the mirror of real data where it is set."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from text_recognizer.data.download import CACHE_SETTING, MIRROR_SETTING


@pytest.fixture(scope="session", autouse=True)
def cache_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A cache folder for this session, so that tests neither trust nor fill the checkout's."""
    folder = tmp_path_factory.mktemp("cache")
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
