"""A request takes a bounded share of memory, whatever it holds: measured in a server of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from memory_tools import CLEAR, MOST_MB

PROBE = Path(__file__).with_name("memory_probe.py")
MOST_MB_OF_A_PAGE = 600
"""What a whole process may take that reads a page of 12 megapixels."""
READ = """
import sys
from pathlib import Path
from text_recognizer.cli import main

code = main(["read", "--lines", *sys.argv[1:]])
peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
print(int(peak.split()[1]) >> 10)
sys.exit(code)
"""
"""``text-recognizer read``, which then prints the most memory that it had, in MB."""

pytestmark = pytest.mark.skipif(not CLEAR.exists(), reason="needs Linux's /proc")


def measured(*kinds: str) -> list[dict[str, int]]:
    done = subprocess.run([sys.executable, str(PROBE), *kinds], capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_page_of_dots_in_11_kilobytes() -> None:
    for said in measured("far dots"):
        assert said["kB"] < 16
        assert said["MB"] < MOST_MB


def test_a_page_of_12_megapixels(tmp_path: Path) -> None:
    page = np.full((4000, 3000), 235, np.uint8)
    for baseline in range(250, 3900, 160):
        text = "every line of this page holds some words"
        cv2.putText(page, text, (150, baseline), cv2.FONT_HERSHEY_SCRIPT_SIMPLEX, 3, 40, 5, cv2.LINE_AA)
    cv2.imwrite(str(tmp_path / "page.png"), page)
    command = [sys.executable, "-c", READ, str(tmp_path / "page.png")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    *lines, peak = done.stdout.splitlines()
    assert len(lines) > 10
    assert int(peak) <= MOST_MB_OF_A_PAGE


@pytest.mark.slow
def test_all_kinds_of_pictures_and_a_form_of_many() -> None:
    said = measured()
    assert len(said) > 20
    assert max(one["MB"] for one in said) < MOST_MB
