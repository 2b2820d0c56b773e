"""A sweep on Ray Tune: Optuna draws flags, ASHA ends what is behind, and all of it goes on after any end."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from text_recognizer.cluster import cluster, gpus
from text_recognizer.errors import UsageError
from text_recognizer.files import write_text
from text_recognizer.training.sweep.file import Parameter, Sweep
from text_recognizer.training.sweep.trial import train_trial

SWEEP_FILE, STATE, LOGS = "sweep.json", "state", "logs"
LIVES = 3
"""How often a training that is lost with its process goes on from its checkpoint."""
_NO_END = 10**6


@dataclass(frozen=True)
class Trained:
    """A training of a sweep.

    Attributes:
        number: In the order in which they were drawn, from 1.
        flags: That were drawn.
        figure: The best of its validations; None if there was none.
        validations: How many there were.
        minutes: That it took.
        ended: Whether it came to an end of its own.
        error: Why it failed.
    """

    number: int
    flags: dict[str, Any]
    figure: float | None
    validations: int = 0
    minutes: float = 0.0
    ended: bool = True
    error: str | None = None


@dataclass(frozen=True)
class Places:
    """Where a sweep runs.

    Attributes:
        folder: That keeps it.
        address: Of the cluster, as :func:`~text_recognizer.cluster.cluster` takes it.
        cores: Of each training.
        gpus: Of each training, up to 1; a share where several share one. None for what :func:`gpus_of` finds.
    """

    folder: Path
    address: str | None = None
    cores: int = 1
    gpus: float | None = None


def claim(sweep: Sweep, folder: Path, resume: bool) -> None:
    """Write down which sweep a folder holds.

    Raises:
        UsageError: If it holds one that is not to go on, or another.
    """
    path, said = folder / SWEEP_FILE, sweep.model_dump_json(indent=2) + "\n"
    if path.exists() and not resume:
        raise UsageError(f"{folder} holds a sweep already. Go on with it: --resume. Or give another --out.")
    if path.exists() and path.read_bytes() != said.encode():
        raise UsageError(f"{folder} holds another sweep; {SWEEP_FILE} says which. Give another --out.")
    write_text(path, said)


def run_sweep(sweep: Sweep, places: Places, seed: int) -> tuple[list[Trained], int]:
    """Train all that a sweep draws, or what is left of it.

    Returns:
        The trainings, those that did not end among them, and the exit code: 0, or what a signal that ended the sweep
        asks for.

    Raises:
        UsageError: If the cluster has fewer cores or GPUs than a training is to have.
        UserError: If there is no cluster.
    """
    os.environ |= {"TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1", "RAY_AIR_NEW_OUTPUT": "0"}  # Tune says nothing
    with cluster(places.address) as cores:
        from ray import tune

        if places.cores > cores:
            raise UsageError(f"--cores is {places.cores}, but the cluster has {cores}.")
        resources = {"cpu": places.cores, "gpu": gpus_of(sweep, places.gpus, gpus())}
        for name in ("ray.tune", "optuna", "ray.train"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
        state = places.folder.absolute() / STATE
        trainable = tune.with_resources(train_trial, resources)
        if tune.Tuner.can_restore(str(state)):
            tuner = tune.Tuner.restore(str(state), trainable, resume_errored=True)
        else:
            tuner = _tuner(trainable, sweep, places, seed)
        with _signals() as came:
            tuner.fit()
        trials = tune.ExperimentAnalysis(str(state)).trials or []
        trained = [_trained(trial, number, sweep) for number, trial in enumerate(trials, 1)]
    ended = sum(one.ended for one in trained)
    return trained, 0 if ended == sweep.trainings else 128 + (came[0] if came else signal.SIGINT)


def gpus_of(sweep: Sweep, wanted: float | None, there: int) -> float:
    """How many of the GPUs that are there each training gets: what is wanted, or one, unless its flags name the CPU.

    Ray hides the other GPUs from a training. One that gets none trains on the CPU.

    Raises:
        UsageError: If more is wanted than there is.
    """
    if wanted is None:
        on_cpu = sweep.fixed.get("accelerator") == "cpu" or str(sweep.fixed.get("gpus")) == "0"
        return float(there > 0 and not on_cpu)
    if wanted > there:
        raise UsageError(f"--gpus is {wanted:g}, but the cluster has no GPU.")
    return wanted


def _tuner(trainable: Any, sweep: Sweep, places: Places, seed: int) -> Any:
    from ray import tune
    from ray.tune.schedulers import AsyncHyperBandScheduler, FIFOScheduler

    halving = sweep.early_terminate
    scheduler = FIFOScheduler()
    if halving is not None:
        rungs = {"grace_period": halving.min_iter, "reduction_factor": halving.eta, "max_t": _NO_END}
        scheduler = AsyncHyperBandScheduler(time_attr="validations", **rungs)
    told = {"metric": sweep.metric.name, "goal": sweep.metric.goal, "fixed": sweep.fixed}
    where = {"logs": str(places.folder.absolute() / LOGS), "folder": str(Path.cwd())}
    flags, search, samples = _search(sweep, seed)
    return tune.Tuner(
        trainable,
        param_space={"flags": flags, **told, **where},
        tune_config=tune.TuneConfig(
            metric=sweep.metric.name,
            mode="min" if sweep.metric.goal == "minimize" else "max",
            search_alg=search,
            scheduler=scheduler,
            num_samples=samples,
        ),
        run_config=tune.RunConfig(
            name=STATE,
            storage_path=str(places.folder.absolute()),
            failure_config=tune.FailureConfig(max_failures=LIVES),
            callbacks=[_progress(sweep)],
            verbose=0,
        ),
    )


def _search(sweep: Sweep, seed: int) -> tuple[Any, Any, int]:
    """What Tune draws of flags, what draws it, and how often."""
    from ray import tune
    from ray.tune.search.basic_variant import BasicVariantGenerator

    if sweep.method == "grid":
        return tune.grid_search(list(sweep.grid)), None, 1
    flags = {name: _domain(one) for name, one in sweep.searched.items()}
    if sweep.method == "random":
        return flags, BasicVariantGenerator(random_state=seed), sweep.trainings
    import optuna
    from ray.tune.search.optuna import OptunaSearch

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return flags, OptunaSearch(sampler=optuna.samplers.TPESampler(seed=seed)), sweep.trainings


def _domain(parameter: Parameter) -> Any:
    from ray import tune

    low, high = (parameter.min or 0), (parameter.max or 0)
    match parameter.drawn:
        case "categorical":
            return tune.choice(list(parameter.values or ()))
        case "int_uniform":
            return tune.randint(int(low), int(high) + 1)
        case "q_uniform":
            return (tune.qrandint if parameter.draws_integers else tune.quniform)(low, high, parameter.q)
        case "log_uniform_values":
            return tune.loguniform(low, high)
    return tune.uniform(low, high)


def _progress(sweep: Sweep) -> Any:
    """Says on standard error how each training ended."""
    from ray import tune

    class Progress(tune.Callback):  # type: ignore[misc]  # Ray may be missing
        def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
            self._say(trials, trial)

        def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
            self._say(trials, trial)

        def _say(self, trials: list[Any], trial: Any) -> None:
            done = _trained(trial, trials.index(trial) + 1, sweep)
            ended = sum(one.is_finished() for one in trials if one is not trial) + 1
            print(f"{ended} of {sweep.trainings}: {said(done, sweep.metric.name)}", file=sys.stderr)

    return Progress()


def said(trained: Trained, metric: str) -> str:
    """A training in a line."""
    flags = " ".join(f"--{name}={shown(value)}" for name, value in trained.flags.items())
    if trained.error is not None or trained.figure is None:
        return f"{flags}: {trained.error or 'no validation'}"
    return f"{flags}: {metric} {trained.figure:.4f} after {trained.validations} validations, {trained.minutes:.1f} min"


def shown(value: Any) -> str:
    """A flag's value as people read it."""
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _trained(trial: Any, number: int, sweep: Sweep) -> Trained:
    result = trial.last_result or {}
    lost = "its process ended again and again" if trial.status == trial.ERROR else None
    return Trained(
        number,
        trial.config["flags"],
        result.get(sweep.metric.name),
        result.get("validations", 0),
        result.get("time_total_s", 0.0) / 60,
        trial.is_finished(),
        result.get("failed", lost),
    )


@contextmanager
def _signals() -> Iterator[list[int]]:
    """Within the block SIGTERM ends Tune as Ctrl-C does, after its state is saved; gives what came."""
    came: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield came
        return

    def end(number: int, frame: FrameType | None) -> None:
        came.append(number)
        signal.raise_signal(signal.SIGINT)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield came
    finally:
        signal.signal(signal.SIGTERM, before)
