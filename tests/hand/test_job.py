import json
import os
import subprocess
import sys
from pathlib import Path

from hand_tools import write_samples, written_on_a_page

from text_recognizer.hand.samples import Samples
from text_recognizer.reading.hands import SETTING

JOB = (sys.executable, "-m", "text_recognizer.hand.job", "mine")


def start(folder: Path) -> subprocess.Popen[str]:
    environment = {**os.environ, SETTING: str(folder)}
    return subprocess.Popen(JOB, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)


def test_it_ends_with_those_who_started_it(samples: Samples, tmp_path: Path) -> None:
    job = start(tmp_path)
    assert job.stdin
    assert job.stdout
    job.stdin.write(json.dumps(written_on_a_page(samples)) + "\n")
    job.stdin.flush()
    phases = [json.loads(job.stdout.readline())["phase"] for _ in range(2)]
    assert phases == ["getting ready", "composing lines"]
    job.communicate(timeout=60)  # closes its standard input
    assert job.returncode == 1
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_learned_from_is_its_last_word(tmp_path: Path) -> None:
    few = written_on_a_page(Samples(write_samples().characters[:8], ()))
    job = start(tmp_path)
    assert job.stdin
    assert job.stdout
    job.stdin.write(json.dumps(few) + "\n")
    job.stdin.flush()
    assert "Only 2 characters" in json.loads(job.stdout.readlines()[-1])["error"]
    assert job.wait(60) == 1
