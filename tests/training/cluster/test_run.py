"""A training on Ray: what it asks the cluster for, and where it goes on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from cluster_tools import descendants, wait_for
from documents import ROOT
from training_tools import READER

from text_recognizer.errors import UsageError
from text_recognizer.training.arguments import Experiment, parse
from text_recognizer.training.cluster import run as module
from text_recognizer.training.cluster.run import Processes, processes_of, run_on_cluster

FLAGS = READER.replace("--gpus 0", "")
MOST_SECONDS = 300


@pytest.mark.parametrize(
    ("flags", "gpus", "expected"),
    [
        ("", 0, Processes(1, 1, False)),
        ("", 2, Processes(1, 1, True)),
        ("--gpus 2 --num_nodes 2", 4, Processes(4, 1, True)),
        ("--accelerator cpu --devices 3 --num_workers 1", 4, Processes(3, 2, False)),
        ("--gpus 0", 4, Processes(1, 1, False)),
    ],
)
def test_flags_say_how_many_processes_there_are(flags: str, gpus: int, expected: Processes) -> None:
    assert processes_of(parse(f"{FLAGS} {flags}".split(), "train"), 8, gpus) == expected


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ("--gpus -1", "takes the number of devices"),
        ("--gpus 0,", "takes the number of devices"),
        ("--gpus 2", "2 processes with 1 cores each and a GPU are wanted, but the cluster has 2 cores and 1 GPUs"),
        ("--accelerator cpu --devices 2 --num_workers 1", "2 processes with 2 cores each are wanted"),
    ],
)
def test_what_the_cluster_cannot_give_is_told(flags: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        processes_of(parse(f"{FLAGS} {flags}".split(), "train"), 2, 1)


def test_flags_of_ray_are_checked() -> None:
    with pytest.raises(UsageError, match="--restarts is -2"):
        Experiment(restarts=-2)
    with pytest.raises(UsageError, match="Give --engine=ray too"):
        Experiment(address="auto")
    with pytest.raises(UsageError, match="--strategy is not for --engine=ray"):
        run_on_cluster(parse(f"{FLAGS} --strategy ddp".split(), "train"))


@pytest.mark.slow
def test_a_training_goes_on_from_what_this_command_has_done(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ray Train runs one process in this one, without a cluster."""
    pytest.importorskip("ray", reason="needs the extra cluster")
    from ray.train import RunConfig, ScalingConfig
    from ray.train.torch import TorchTrainer

    def train(before: frozenset[str]) -> str:
        arguments = parse(f"{FLAGS} --log_dir {tmp_path}".split(), "train")
        config = {"arguments": arguments, "before": before, "stop": tmp_path / "stop"}
        TorchTrainer(
            module._train,
            train_loop_config=config | {"folder": str(tmp_path)},
            scaling_config=ScalingConfig(num_workers=0),
            run_config=RunConfig(name="ray", storage_path=str(tmp_path)),
        ).fit()
        return capfd.readouterr().err

    assert "Going on from" not in train(frozenset())
    [first] = tmp_path.glob("*-LineReader-EMNISTLines")
    assert f"Going on from {first / 'last.ckpt'}" in train(frozenset())
    assert "Going on from" not in train(frozenset(path.name for path in tmp_path.iterdir()))
    assert json.loads((first / "metrics.json").read_text())["epochs"] == 2


@pytest.mark.drill
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks for processes in /proc")
@pytest.mark.parametrize(
    ("numbers", "code", "saves"),
    [([signal.SIGINT], 130, True), ([signal.SIGTERM], 143, True), ([signal.SIGINT, signal.SIGTERM], 143, False)],
    ids=["Ctrl-C", "SIGTERM", "a second signal"],
)
def test_a_signal_ends_a_training_with_a_checkpoint_and_leaves_no_process(
    numbers: list[signal.Signals], code: int, saves: bool, tmp_path: Path
) -> None:
    pytest.importorskip("ray", reason="needs the extra cluster")
    logs, log = tmp_path / "logs", tmp_path / "log"
    flags = f"{FLAGS} --max_epochs 100000 --accelerator cpu --devices 2 --engine ray --log_dir {logs}"
    command = [sys.executable, "-m", "text_recognizer", "train", *flags.split()]
    env = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    with log.open("w") as file:
        started = subprocess.Popen(command, env=env, stdout=file, stderr=file, start_new_session=True)
    wait_for(lambda: started.poll() is not None or list(logs.glob("*/last.ckpt")), MOST_SECONDS)
    assert started.poll() is None, log.read_text()
    family = descendants(started.pid)
    for number in numbers:
        # A terminal sends Ctrl-C to all processes of a command; others send SIGTERM to the one that they started.
        (os.killpg if number == signal.SIGINT else os.kill)(started.pid, number)
    assert started.wait(MOST_SECONDS) == code
    wait_for(lambda: not any(Path(f"/proc/{pid}").exists() for pid in family), MOST_SECONDS)
    [run] = logs.glob("*-LineReader-*")
    assert (f"Go on with --load_checkpoint={run / 'last.ckpt'}" in log.read_text()) == saves
    assert (run / "metrics.json").exists() or not saves
