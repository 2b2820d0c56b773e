import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from hand_tools import written_on_a_page

from text_recognizer.hand.job import STOPPED, stop_file
from text_recognizer.hand.samples import Samples
from text_recognizer.hand.store import SETTING


def start(folder: Path, written: Any) -> subprocess.Popen[str]:
    """Learning of what was written, whose standard input is still open."""
    job = subprocess.Popen(
        [sys.executable, "-m", "text_recognizer.hand.job", "mine"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, SETTING: str(folder)},
    )
    assert job.stdin
    job.stdin.write(json.dumps(written) + "\n")
    job.stdin.flush()
    return job


def test_it_ends_with_those_who_started_it(samples: Samples, tmp_path: Path) -> None:
    job = start(tmp_path, written_on_a_page(samples))
    assert job.stdout
    assert json.loads(job.stdout.readline())["phase"] == "getting ready"
    job.communicate(timeout=60)  # closes its standard input
    assert job.returncode == 1
    assert list(tmp_path.iterdir()) == []


def test_it_ends_when_it_is_told_to(samples: Samples, tmp_path: Path) -> None:
    job = start(tmp_path, written_on_a_page(samples))
    assert job.stdout
    assert json.loads(job.stdout.readline())["phase"] == "getting ready"
    (tmp_path / stop_file().name).touch()
    assert json.loads(job.stdout.read().splitlines()[-1]) == {"error": STOPPED}
    assert job.wait(60) == 1
    assert not list(tmp_path.glob("*.hand"))


def test_what_is_wrong_is_its_last_word(tmp_path: Path) -> None:
    job = start(tmp_path, {"characters": {"a": ["?"]}})
    assert job.stdout
    assert json.loads(job.stdout.read()) == {"error": "the picture of 'a': not a PNG in base64."}
    assert job.wait(60) == 1
