"""A training that is killed again and again, and goes on each time, ends with the weights of one that never was."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import sys
import time
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest
import torch

from text_recognizer.commands.train import main

KILLS = max(2, int(os.environ.get("DRILL_EXAMPLES", 0)) // 40)
MOST_SECONDS = 300
"""A process starts and writes its first checkpoint within so many."""
STEPS = 4 * KILLS
"""Of a training with dropout and with degraded lines, which are drawn anew in each epoch."""
TRAINING = (
    "--model_class LineCNN --conv_dim 8 --fc_dim 16 --data_class EMNISTLines --glyphs strokes --text builtin "
    "--max_length 8 --degraded_share 0.5 --fresh_lines --num_train 320 --num_val 16 --num_test 16 --batch_size 16 "
    "--max_epochs -1 --checkpoint_minutes 0.000001 --gpus 0 --enable_progress_bar false --stop_early 0 "
    f"--max_steps {STEPS}"
)


def start(logs: Path) -> BaseProcess:
    """Start the training, or let it go on from its newest checkpoint.

    Its process is forked from one that has imported all, which takes a tenth of a second in place of ten.
    """
    checkpoint = newest(logs)
    resumed = ["--load_checkpoint", str(checkpoint)] if checkpoint else []
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["lightning", "text_recognizer.training.experiment"])
    process = context.Process(target=main, args=([*TRAINING.split(), *resumed, "--log_dir", str(logs)],))
    process.start()
    return process


def newest(logs: Path) -> Path | None:
    return max(logs.glob("*/last.ckpt"), key=lambda path: path.stat().st_mtime, default=None)


def steps_of(logs: Path) -> int:
    """How far the newest checkpoint is."""
    checkpoint = newest(logs)
    return torch.load(checkpoint, weights_only=True)["global_step"] if checkpoint else 0


def weights(logs: Path) -> dict[str, torch.Tensor]:
    checkpoint = newest(logs)
    assert checkpoint is not None
    return torch.load(checkpoint, weights_only=True)["state_dict"]


def kill_after_a_checkpoint(logs: Path, seconds: float) -> int:
    """Start, wait for a new checkpoint and ``seconds`` more, and kill; how far the training is then."""
    before, process = newest(logs), start(logs)
    deadline = time.monotonic() + MOST_SECONDS
    try:
        while newest(logs) == before and process.is_alive():
            assert time.monotonic() < deadline
            time.sleep(0.01)
        time.sleep(seconds)
    finally:
        process.kill()
        process.join()
    assert process.exitcode == -signal.SIGKILL, "it ended before it was killed"
    return steps_of(logs)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_a_killed_training_goes_on_to_the_same_weights(tmp_path: Path) -> None:
    rng = random.Random(0)
    killed = tmp_path / "killed"
    for kill in range(KILLS):
        done = kill_after_a_checkpoint(killed, rng.uniform(0, 0.1))
        print(f"kill {kill + 1} of {KILLS}: after step {done} of {STEPS}", flush=True)
    start(killed).join()
    start(tmp_path / "whole").join()
    assert steps_of(killed) == steps_of(tmp_path / "whole") == STEPS
    expected, found = weights(tmp_path / "whole"), weights(killed)
    assert [name for name, value in expected.items() if not torch.equal(found[name], value)] == []
