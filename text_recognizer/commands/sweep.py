"""``text-recognizer sweep``: many trainings that look for better flags."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from text_recognizer.cluster import check_ray
from text_recognizer.errors import UsageError, UserError, check_at_least, check_seed
from text_recognizer.training.sweep.file import read_sweep
from text_recognizer.training.sweep.outcome import PLOT, leaderboard, write_outcome
from text_recognizer.training.sweep.run import Places, Trained, claim, run_sweep
from text_recognizer.training.sweep.trial import check_flags


def sweep(
    *,
    config: str,
    out: str | None = None,
    resume: bool = False,
    cores: int = 1,
    gpus: float | None = None,
    address: str | None = None,
    seed: int = 42,
) -> int:
    """Train many times with randomly chosen flags, and find the best.

    Args:
        config: The sweep file, in the format of Weights & Biases: method, metric, parameters, early_terminate and
            run_cap. Its parameters are the flags of ``train``.
        out: The folder of the sweep; by default the name of the file, in training/sweeps.
        resume: Continue an unfinished sweep.
        cores: Cores for each training. As many trainings run at a time as the cluster has cores for.
        gpus: GPUs for each training: 0, 1, or a share such as 0.5, with which two share one. By default 1, if the
            cluster has any and the flags do not ask for the CPU.
        address: The Ray cluster, as ``ray start`` prints it, or auto; by default only this machine.
        seed: Seed of the random choices.

    Returns:
        0; 130 or 143 if a signal ended the sweep.

    Raises:
        UsageError: If Ray is not installed, the file is no sweep, ``train`` cannot run with what may be drawn, or the
            folder holds a sweep that is not to go on.
        UserError: If there is no cluster, or no training came to a validation.
    """
    check_ray("text-recognizer sweep")
    check_at_least(1, cores=cores)
    check_seed(seed)
    if gpus is not None and not 0 <= gpus <= 1:
        raise UsageError(f"--gpus is {gpus:g}, but must be from 0 to 1: a training of a sweep has one GPU at most.")
    wanted, unused = read_sweep(Path(config))
    try:
        check_flags(wanted)
    except UsageError as error:
        raise UsageError(f"--config {config}: {error}") from error
    folder = Path(out) if out is not None else Path("training", "sweeps", Path(config).stem)
    claim(wanted, folder, resume)
    if unused:
        print(f"Not used: {', '.join(unused)}.", file=sys.stderr)
    trained, code = run_sweep(wanted, Places(folder, address, cores, gpus), seed)
    if trained:
        print(leaderboard(wanted, trained))
    if (best := write_outcome(wanted, trained, folder)) is not None:
        print(f"Plot: {folder / PLOT}. Train with the best flags: text-recognizer train --config={best}")
    elif not code:
        raise UserError(_why_none(trained))
    if code:
        ended = sum(one.ended for one in trained)
        print(f"Stopped after {ended} of {wanted.trainings} trainings. Go on with --resume.", file=sys.stderr)
    return code


def _why_none(trained: Sequence[Trained]) -> str:
    error = next((one.error for one in trained if one.error), "the metric was never a finite number.")
    return f"No training came to a validation that counts: {error}"
