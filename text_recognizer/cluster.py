"""Ray, the optional install for many processes and machines: a cluster, and a function that is spread over it.

Ray is imported where it is asked for, and nowhere else.
"""

from __future__ import annotations

import importlib.util
import logging
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Literal, TypeVar

from text_recognizer.errors import UsageError, UserError

Engine = Literal["here", "ray"]

_SETTINGS = {
    "RAY_BACKEND_LOG_LEVEL": "fatal",
    "RAY_USAGE_STATS_ENABLED": "0",
}
"""Ray says nothing of its own, and tells its makers nothing."""
_STARTS = 3
"""How often Ray is started: on a machine that is busy, its parts may not find each other in time."""

LOGS = "/tmp/ray/session_latest/logs"
"""Where Ray writes what happens."""

A = TypeVar("A")
B = TypeVar("B")


def check_engine(engine: Engine, address: str | None) -> None:
    """Check that the flags ``--engine`` and ``--address`` can be had.

    Raises:
        UsageError: If an address is given without Ray, or Ray is not installed.
    """
    if engine == "ray":
        check_ray("--engine=ray")
    elif address is not None:
        raise UsageError("--address names a cluster of Ray. Give --engine=ray too, or leave it out.")


def check_ray(what: str) -> None:
    """Check that Ray is installed.

    Args:
        what: The command or flag that asks for it.

    Raises:
        UsageError: If it is not.
    """
    missing = [name for name in ("ray", "pyarrow") if importlib.util.find_spec(name) is None]
    if missing:
        raise UsageError(
            f"{what} needs {missing[0]}, which is not installed. "
            "Install it with: pip install 'text-recognizer[cluster]'"
        )


@contextmanager
def cluster(address: str | None, *, log_to_driver: bool = False) -> Iterator[int]:
    """A cluster to work on within the block, and how many cores it has.

    Args:
        address: Of a cluster that runs, as ``ray start`` prints it, or ``auto``. None takes that which the setting
            ``RAY_ADDRESS`` names, or starts one on this machine, with all its cores, which ends with the block.
        log_to_driver: Whether what processes of the cluster print is printed here.

    Raises:
        UserError: If there is none at this address, or none can be started.
    """
    for name, value in _SETTINGS.items():
        os.environ.setdefault(name, value)
    import ray

    address = address or os.environ.get("RAY_ADDRESS")
    if address:
        _start(address, log_to_driver=log_to_driver)
    else:
        _start_here(log_to_driver)
    try:
        yield int(ray.cluster_resources().get("CPU", 1))
    finally:
        ray.shutdown()


def gpus() -> int:
    """How many GPUs the cluster has, within the block of :func:`cluster`."""
    import ray

    return int(ray.cluster_resources().get("GPU", 0))


def _start_here(log_to_driver: bool, tries: int = _STARTS) -> None:
    try:
        _start("local", include_dashboard=False, log_to_driver=log_to_driver)
    except UserError:
        if tries == 1:
            raise
        _start_here(log_to_driver, tries - 1)


def _start(address: str, **how: Any) -> None:
    import ray

    try:
        ray.init(address=address, logging_level=logging.ERROR, **how)
    except Exception as error:  # Ray raises plain ones
        ray.shutdown()
        at = "on this machine" if address == "local" else f"at {address}"
        reason = " ".join(str(error).split())
        raise UserError(f"No cluster of Ray {at}: {reason} Start one with: ray start --head") from error


@contextmanager
def causes() -> Iterator[None]:
    """Within the block, a :class:`UserError` on another machine is raised as it is, and what Ray raises becomes one."""
    import ray.exceptions

    try:
        yield
    except ray.exceptions.RayError as error:
        cause = getattr(error, "cause", None)
        if isinstance(cause, UserError):
            raise cause from error
        reason = str(error).strip().splitlines()[-1]
        raise UserError(f"The cluster of Ray fails: {reason} Its logs say more: {LOGS}") from error


def on_cluster(work: Callable[[A], B], tasks: Iterable[A], *, address: str | None) -> Iterator[B]:
    """What ``work`` gives of each task, as each is done, one on each core of a cluster; a lost one is done again.

    Raises:
        UserError: If there is no cluster, or ``work`` raises it.
    """
    with cluster(address), causes():
        import ray

        folder = str(Path.cwd())

        def work_there(task: A) -> B:
            work_in(folder)
            return work(task)

        remote = ray.remote(num_cpus=1, max_retries=-1)(work_there)
        waiting = [remote.remote(task) for task in tasks]
        while waiting:
            [done], waiting = ray.wait(waiting)
            yield ray.get(done)


def work_in(folder: str) -> None:
    """Take names of files on this machine as on that where the command was given, if the folder is here too."""
    with suppress(OSError):
        os.chdir(folder)
