"""A training that is killed again and again, and goes on each time, ends with the weights of one that never was."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from documents import ROOT

KILLS = max(2, int(os.environ.get("DRILL_EXAMPLES", 0)) // 40)
MOST_SECONDS = 120
"""A process starts and writes its first checkpoint within so many."""
TRAINING = (
    "--model_class LineReader --conv_dim 8 --context_dim 16 --data_class EMNISTLines --glyphs strokes --text builtin "
    "--max_length 8 --layout mixed --degraded_share 0.5 --fresh_lines --num_train 320 --num_val 16 --num_test 16 "
    f"--batch_size 16 --max_epochs {5 * KILLS} --checkpoint_minutes 0.000001 --gpus 0 --enable_progress_bar false "
    "--stop_early 0"
)


def start(logs: Path) -> subprocess.Popen[bytes]:
    """Start the training, or let it go on from its newest checkpoint."""
    checkpoint = newest(logs)
    resumed = ["--load_checkpoint", str(checkpoint)] if checkpoint else []
    command = [sys.executable, "training/run_experiment.py", *TRAINING.split(), *resumed, "--log_dir", str(logs)]
    env = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.DEVNULL)


def newest(logs: Path) -> Path | None:
    return max(logs.glob("*/last.ckpt"), key=lambda path: path.stat().st_mtime, default=None)


def weights(logs: Path) -> dict[str, torch.Tensor]:
    checkpoint = newest(logs)
    assert checkpoint is not None
    return torch.load(checkpoint, weights_only=True)["state_dict"]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_a_killed_training_goes_on_to_the_same_weights(tmp_path: Path) -> None:
    rng = random.Random(0)
    killed = tmp_path / "killed"
    for _ in range(KILLS):
        before, process = newest(killed), start(killed)
        deadline = time.monotonic() + MOST_SECONDS
        while newest(killed) == before and process.poll() is None:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        time.sleep(rng.uniform(0, 0.5))
        process.kill()
        process.wait()
    assert start(killed).wait() == 0
    assert start(tmp_path / "whole").wait() == 0
    expected, found = weights(tmp_path / "whole"), weights(killed)
    assert [name for name, value in expected.items() if not torch.equal(found[name], value)] == []
