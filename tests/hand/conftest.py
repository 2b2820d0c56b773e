"""A hand that was learned once for all tests."""

from __future__ import annotations

import pytest
from hand_tools import TINY, write_samples

from text_recognizer.hand.learning import learn
from text_recognizer.hand.samples import Samples
from text_recognizer.reading.hand_file import HandFile


@pytest.fixture(scope="session")
def samples() -> Samples:
    return write_samples()


@pytest.fixture(scope="session")
def learned(samples: Samples) -> HandFile:
    return learn(samples, 1, lambda phase, done: None, TINY)
