"""A training whose workers are killed goes on by itself, under torchrun and on Ray, as if nothing had been."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from cluster_tools import processes
from documents import ROOT

MOST_SECONDS = 600
TRAINING = (
    "training/run_experiment.py --model_class LineReader --conv_dim 8 --context_dim 16 --data_class EMNISTLines "
    "--glyphs strokes --text builtin --max_length 8 --layout mixed --fresh_lines --num_train 128 --num_val 16 "
    "--num_test 16 --batch_size 8 --max_epochs 3 --checkpoint_minutes 0.000001 --gpus 0 --enable_progress_bar false "
    "--stop_early 0 --resume auto --log_dir"
)


def start(logs: Path, *how: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "torch.distributed.run", *how, "--nproc_per_node=1", *TRAINING.split(), str(logs)]
    env = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), "TORCH_DISABLE_SHARE_RDZV_TCP_STORE": "1"}
    return subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.DEVNULL)


def start_nodes(logs: Path, restarts: int) -> list[subprocess.Popen[bytes]]:
    """Two nodes with one process each, which meet by the c10d rendezvous and start anew so many times."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        endpoint = f"127.0.0.1:{free.getsockname()[1]}"
    how = ["--nnodes=2", "--rdzv-backend=c10d", f"--rdzv-endpoint={endpoint}", f"--max-restarts={restarts}"]
    return [start(logs, *how), start(logs, *how)]


def start_on_ray(logs: Path) -> subprocess.Popen[bytes]:
    """Two processes on Ray, which start anew three times by default."""
    flags = TRAINING.replace("--gpus 0", "--accelerator cpu --devices 2").replace("--resume auto", "--engine ray")
    env = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    return subprocess.Popen([sys.executable, *flags.split(), str(logs)], cwd=ROOT, env=env, stdout=subprocess.DEVNULL)


def newest(logs: Path) -> Path | None:
    found = [path for path in logs.glob("*/last.ckpt") if path.is_file()]
    return max(found, key=lambda path: path.stat().st_mtime, default=None)


def content(logs: Path) -> dict[str, Any]:
    checkpoint = newest(logs)
    assert checkpoint is not None
    return torch.load(checkpoint, weights_only=True)


def worker_of(node: subprocess.Popen[bytes]) -> int:
    children = Path(f"/proc/{node.pid}/task/{node.pid}/children").read_text().split()
    [worker] = [int(child) for child in children if b"run_experiment" in Path(f"/proc/{child}/cmdline").read_bytes()]
    return worker


def wait_for_checkpoint(logs: Path, before: Path | None) -> Path:
    """The first checkpoint of a new run folder."""
    deadline = time.monotonic() + MOST_SECONDS
    while (found := newest(logs)) is None or (before is not None and found.parent == before.parent):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return found


@pytest.fixture
def nodes() -> Iterator[list[subprocess.Popen[bytes]]]:
    """The nodes that a test started; those that still run at its end are ended, and their workers with them."""
    started: list[subprocess.Popen[bytes]] = []
    yield started
    for node in started:
        node.terminate()
        node.wait(MOST_SECONDS)


@pytest.mark.drill
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks for workers in /proc")
def test_a_worker_that_is_killed_on_one_of_two_nodes_costs_nothing(
    tmp_path: Path, nodes: list[subprocess.Popen[bytes]]
) -> None:
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    nodes += start_nodes(killed, restarts=12)  # a node that starts anew before the other has noticed does so twice
    before = None
    for number in (0, 1, 0):
        before = wait_for_checkpoint(killed, before)
        os.kill(worker_of(nodes[number]), signal.SIGKILL)
    assert [node.wait(MOST_SECONDS) for node in nodes] == [0, 0]
    nodes += start_nodes(whole, restarts=0)
    assert [node.wait(MOST_SECONDS) for node in nodes] == [0, 0, 0, 0]
    expected, found = content(whole), content(killed)
    assert found["global_step"] == expected["global_step"] == 3 * 128 // 16
    weights = expected["state_dict"].items()
    assert [name for name, value in weights if not torch.equal(found["state_dict"][name], value)] == []
    assert len(list(killed.iterdir())) > 3


@pytest.mark.drill
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks for workers in /proc")
def test_a_worker_that_is_killed_on_ray_costs_nothing(tmp_path: Path, nodes: list[subprocess.Popen[bytes]]) -> None:
    pytest.importorskip("ray", reason="needs the extra cluster")
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    nodes.append(start_on_ray(killed))
    before = None
    for number in (0, 1, 0):
        before = wait_for_checkpoint(killed, before)
        os.kill(processes("ray::RayTrainWorker")[number], signal.SIGKILL)
    assert nodes[0].wait(MOST_SECONDS) == 0
    nodes += start_nodes(whole, restarts=0)
    assert [node.wait(MOST_SECONDS) for node in nodes] == [0, 0, 0]
    expected, found = content(whole), content(killed)
    assert found["global_step"] == expected["global_step"] == 3 * 128 // 16
    weights = expected["state_dict"].items()
    assert [name for name, value in weights if not torch.equal(found["state_dict"][name], value)] == []
    assert len(list(killed.glob("*-LineReader-*"))) == 4
