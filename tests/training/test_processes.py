"""Several processes, started by torchrun, evaluate every example once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from documents import ROOT

FLAGS = (
    "training/run_experiment.py --model_class MLP --fc1 32 --fc2 32 --data_class PenStrokes --batch_size 50 --gpus 0 "
    "--max_epochs 1 --enable_progress_bar false"
)


def figures(command: list[str], logs: Path) -> dict[str, Any]:
    """What ``metrics.json`` of a run of this command says."""
    env = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, *command, "--log_dir", str(logs)], cwd=ROOT, env=env, check=True, timeout=300)
    [run] = logs.iterdir()
    return json.loads((run / "metrics.json").read_text())


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with a run of one process."""
    folder = tmp_path_factory.mktemp("one")
    figures(FLAGS.split(), folder)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("processes", [2, 3])
def test_processes_test_as_one_does(processes: int, logs: Path, tmp_path: Path) -> None:
    [run] = logs.iterdir()
    alone = json.loads((run / "metrics.json").read_text())
    checkpoint = run / "last.ckpt"
    torchrun = ["-m", "torch.distributed.run", "--standalone", f"--nproc_per_node={processes}"]
    together = figures([*torchrun, *FLAGS.split(), "--load_checkpoint", str(checkpoint)], tmp_path / "many")
    assert together["test_acc"] == alone["test_acc"]
    assert together["test_acc_per_class"] == alone["test_acc_per_class"]
