"""What came of a sweep: a leaderboard, a plot, and the best flags as a file that ``train --config`` takes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from text_recognizer.data.figures import DPI, WIDTH, save_figure
from text_recognizer.files import write_text
from text_recognizer.training.sweep.file import Parameter, Sweep
from text_recognizer.training.sweep.run import Trained, shown
from text_recognizer.training.sweep.trial import arguments_of

BEST, PLOT = "best.yaml", "sweep.png"
_COLUMNS = 3


def ranked(sweep: Sweep, trained: Sequence[Trained]) -> list[Trained]:
    """The trainings that were validated, the best first."""
    sign = 1 if sweep.metric.goal == "minimize" else -1
    judged = [one for one in trained if one.figure is not None and np.isfinite(one.figure)]
    return sorted(judged, key=lambda one: sign * (one.figure or 0.0))


def leaderboard(sweep: Sweep, trained: Sequence[Trained]) -> str:
    """The trainings as a table, the best first, then those without a figure."""
    best = ranked(sweep, trained)
    names = list(sweep.searched)
    rows = [["", sweep.metric.name, "validations", "minutes", *names, ""]]
    for place, one in enumerate([*best, *(one for one in trained if one not in best)], 1):
        figure = f"{one.figure:.4f}" if one in best else "-"
        note = one.error or ("" if one.ended else "not ended")
        flags = [shown(one.flags[name]) for name in names]
        rows.append([str(place), figure, str(one.validations), f"{one.minutes:.1f}", *flags, note])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def write_outcome(sweep: Sweep, trained: Sequence[Trained], folder: Path) -> Path | None:
    """Write the plot and the best flags; the path of these, None if no training was validated.

    Raises:
        UserError: If a file cannot be written.
    """
    best = ranked(sweep, trained)
    if not best:
        return None
    save_figure(figure(sweep, best), folder / PLOT)
    write_text(folder / BEST, arguments_of(sweep.fixed | best[0].flags).yaml)
    return folder / BEST


def figure(sweep: Sweep, trained: Sequence[Trained]) -> Figure:
    """The figure of each training in the order in which they were drawn, and against each flag."""
    names = list(sweep.searched)
    rows = -(-(1 + len(names)) // _COLUMNS)
    drawn = Figure(figsize=(WIDTH, 2.8 * rows), layout="constrained", dpi=DPI)
    every: list[Any] = list(drawn.subplots(rows, _COLUMNS, squeeze=False).flat)
    in_order = sorted(trained, key=lambda one: one.number)
    figures = np.array([one.figure for one in in_order], float)
    best = np.minimum.accumulate(figures) if sweep.metric.goal == "minimize" else np.maximum.accumulate(figures)
    numbers = [one.number for one in in_order]
    every[0].plot(numbers, figures, "o", numbers, best, "-")
    every[0].set(xlabel="training", ylabel=sweep.metric.name)
    every[0].xaxis.get_major_locator().set_params(integer=True)
    for axes, name in zip(every[1:], names, strict=False):
        _against(axes, name, sweep.searched[name], in_order)
        axes.set_ylabel(sweep.metric.name)
    for axes in every[1 + len(names) :]:
        axes.set_axis_off()
    return drawn


def _against(axes: Any, name: str, parameter: Parameter, trained: Sequence[Trained]) -> None:
    """Figures against the values of a flag; those of a list in its order, side by side."""
    figures = [one.figure for one in trained]
    if parameter.drawn == "categorical":
        values = parameter.ends
        axes.plot([values.index(one.flags[name]) for one in trained], figures, "o")
        axes.set_xticks(range(len(values)), [str(value) for value in values], parse_math=False)
    else:
        axes.plot([one.flags[name] for one in trained], figures, "o")
        axes.set_xscale("log" if parameter.drawn == "log_uniform_values" else "linear")
        axes.set_xticks(parameter.ends, [shown(value) for value in parameter.ends])
        axes.minorticks_off()
    axes.set_xlabel(name, parse_math=False)
