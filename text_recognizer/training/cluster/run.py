"""A training whose processes Ray Train places on a cluster; when one is lost, all go on from the last checkpoint."""

from __future__ import annotations

import os
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lightning.pytorch.strategies import StrategyRegistry
from lightning.pytorch.utilities import rank_zero_only

from text_recognizer.cluster import causes, cluster, gpus, work_in
from text_recognizer.errors import UsageError, UserError
from text_recognizer.training.arguments import Arguments
from text_recognizer.training.experiment import build, check, run, wanted_devices
from text_recognizer.training.interruption import StopOnFile
from text_recognizer.training.logs import quiet_lightning
from text_recognizer.training.runs.newest import newest

STRATEGY = "ray"
"""The name under which Lightning knows Ray's strategy. Each Trainer needs a new one, so it is no object."""
STATE, STOP = ".ray", "stop"
"""The folder in ``log_dir`` where Ray Train keeps its own notes, and the file in it that ends the training."""


def run_on_cluster(arguments: Arguments) -> tuple[dict[str, Any], int]:
    """Train and test as the flags say, on a cluster whose machines share ``log_dir``.

    Returns:
        What :func:`~text_recognizer.training.experiment.run` does.

    Raises:
        UsageError: If a flag has an impossible value, or the cluster has too few cores or GPUs.
        UserError: If there is no cluster, or the training fails more often than it may.
    """
    experiment = arguments.experiment
    if arguments.trainer["strategy"] != "auto":
        raise UsageError("--strategy is not for --engine=ray, which brings its own. Leave it out.")
    check(arguments, {"accelerator": "cpu", "devices": 1})
    build(arguments)
    folder = Path(experiment.log_dir).absolute()
    file = folder / STATE / STOP
    file.parent.mkdir(parents=True, exist_ok=True)
    file.unlink(missing_ok=True)
    stop = StopOnFile(file)
    with ThreadPoolExecutor(1) as apart, cluster(experiment.address, log_to_driver=True) as cores, causes():
        from ray.train import FailureConfig, LoggingConfig, RunConfig, ScalingConfig, TrainingFailedError
        from ray.train.torch import TorchTrainer

        processes = processes_of(arguments, cores, gpus())
        resources = {"CPU": processes.cores}
        trainer = TorchTrainer(
            _train,
            train_loop_config={
                "arguments": arguments,
                "folder": str(Path.cwd()),
                "before": _runs(experiment.log_dir),
                "stop": file,
            },
            scaling_config=ScalingConfig(
                num_workers=processes.count, use_gpu=processes.on_gpu, resources_per_worker=resources
            ),
            run_config=RunConfig(
                name=STATE,
                storage_path=str(folder),
                failure_config=FailureConfig(max_failures=experiment.restarts),
                logging_config=LoggingConfig(log_level="ERROR"),
            ),
        )
        try:
            with stop.listening():
                # In a thread of its own, where Ray leaves signals to this one.
                figures, code = apart.submit(trainer.fit).result().return_value
        except TrainingFailedError as error:
            raise _reason(error) from error
    return figures, stop.exit_code or code


def _runs(log_dir: str) -> frozenset[str]:
    """The names of the runs that are in a folder."""
    return frozenset(path.name for path in Path(log_dir).glob("*"))


@dataclass(frozen=True)
class Processes:
    """What a training asks a cluster for.

    Attributes:
        count: How many processes.
        cores: Of each: one, and one for each process that loads its data.
        on_gpu: Whether each has a GPU.
    """

    count: int
    cores: int
    on_gpu: bool


def processes_of(arguments: Arguments, cores: int, gpus: int) -> Processes:
    """The processes that the flags ask for, on a cluster with so many cores and GPUs.

    Raises:
        UsageError: If the flags name no number of processes, or the cluster is too small.
    """
    wanted = wanted_devices(arguments.experiment)
    devices = "1" if wanted["devices"] == "auto" else str(wanted["devices"])
    if not devices.isdecimal() or devices == "0":
        raise UsageError("--engine=ray takes the number of devices of each machine, as --gpus=4 or --devices=4.")
    on_gpu = wanted["accelerator"] in ("gpu", "cuda") or (wanted["accelerator"] == "auto" and gpus > 0)
    each = 1 + arguments.data["num_workers"]
    found = Processes(int(devices) * arguments.trainer["num_nodes"], each, on_gpu)
    if found.count * each > cores or (on_gpu and found.count > gpus):
        raise UsageError(
            f"{found.count} processes with {each} cores each{' and a GPU' if on_gpu else ''} are wanted, "
            f"but the cluster has {cores} cores and {gpus} GPUs."
        )
    return found


def _train(config: dict[str, Any]) -> tuple[dict[str, Any], int]:
    """Train in one of the processes. Where some were lost before, go on from the newest checkpoint of this command.

    Args:
        config: ``arguments``; ``folder``, where the command was given; ``before``, the runs that were there
            then; and ``stop``, the file that ends it.
    """
    import torch
    from ray.train import get_context
    from ray.train.lightning import RayDDPStrategy, RayLightningEnvironment

    arguments: Arguments = config["arguments"]
    work_in(config["folder"])
    quiet_lightning()
    rank_zero_only.rank = get_context().get_world_rank()  # type: ignore[attr-defined]
    where = {
        "accelerator": "gpu" if torch.cuda.is_available() else "cpu",
        "devices": get_context().get_local_world_size(),
        "strategy": STRATEGY,
    }
    StrategyRegistry.register(STRATEGY, RayDDPStrategy, override=True, cluster_environment=RayLightningEnvironment())
    with ExitStack() as stack:
        if rank_zero_only.rank > 0:  # type: ignore[attr-defined]
            nowhere = stack.enter_context(open(os.devnull, "w"))  # noqa: PTH123
            stack.enter_context(redirect_stdout(nowhere))
            stack.enter_context(redirect_stderr(nowhere))
        checkpoint = newest(arguments, config["before"])
        return run(arguments, where=where, checkpoint=checkpoint, stop=StopOnFile(config["stop"]))


def _reason(error: Any) -> UserError:
    """Why a training failed for good, in a sentence."""
    failures: Collection[Exception] = getattr(error, "worker_failures", {}).values()
    told = [one for one in failures if isinstance(one, UserError)]
    return told[0] if told else UserError(f"The training failed too often: {str(error).strip().splitlines()[-1]}")
