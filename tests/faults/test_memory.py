"""A request takes a bounded share of memory, whatever it holds: measured in a server of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

PROBE = Path(__file__).with_name("memory_probe.py")
MOST_MB = 1000
"""What docs/serving.md promises."""

pytestmark = pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="needs Linux's /proc")


def measured(*kinds: str) -> list[dict[str, int]]:
    done = subprocess.run([sys.executable, str(PROBE), *kinds], capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_page_of_dots_in_11_kilobytes() -> None:
    for said in measured("far dots"):
        assert said["kB"] < 16
        assert said["MB"] < MOST_MB


@pytest.mark.slow
def test_all_kinds_of_pictures_and_a_form_of_many() -> None:
    said = measured()
    assert len(said) > 20
    assert max(one["MB"] for one in said) < MOST_MB
