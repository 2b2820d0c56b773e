"""A small training that can be stopped, for the tests of what goes on after it."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest
import torch

from text_recognizer.commands.train import main
from text_recognizer.training.recognition import Recognition

LINES = (
    "--data_class EMNISTLines --glyphs strokes --text builtin --max_length 8 --layout mixed --degraded_share 0.5 "
    "--fresh_lines --num_train 64 --num_val 16 --num_test 16 --batch_size 16 --gpus 0 --enable_progress_bar false"
)
READER = f"{LINES} --model_class LineReader --conv_dim 8 --context_dim 16 --max_epochs 2"
STEPS_OF_AN_EPOCH = 4


def train(
    flags: str, log_dir: Path, monkeypatch: pytest.MonkeyPatch, *, stopped_at: int = 0, number: int = signal.SIGTERM
) -> tuple[int, Path]:
    """Train, and send this process a signal in the step ``stopped_at``; exit code and folder of the run.

    The training takes the signals of this process. One from outside, as of ``timeout``, ends the tests all the same.
    """
    steps = 0
    training_step = Recognition.training_step

    def step(self: Recognition, batch: Any, batch_idx: int) -> torch.Tensor:
        nonlocal steps
        steps += 1
        if steps == stopped_at:
            os.kill(os.getpid(), number)
        return training_step(self, batch, batch_idx)

    with monkeypatch.context() as patched:
        patched.setattr(Recognition, "training_step", step)
        code = main([*flags.split(), "--log_dir", str(log_dir)])
    if code not in (0, 128 + number) or steps < stopped_at:
        pytest.exit(f"Signal {code - 128} came from outside: the tests are to end.", code)
    return code, sorted(log_dir.iterdir())[-1]


def weights(run: Path, name: str = "last.ckpt") -> dict[str, torch.Tensor]:
    return torch.load(run / name, weights_only=True)["state_dict"]
