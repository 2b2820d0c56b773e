"""An evaluation as a table for the terminal."""

from __future__ import annotations

from text_recognizer.errors import counted
from text_recognizer.evaluation.evaluate import Evaluation, Rates, Result
from text_recognizer.evaluation.reliability import calibration_error
from text_recognizer.evaluation.significance import LEVEL, Interval

_CONFUSIONS_SHOWN = 8
CERTAIN = 0.05
"""A p-value below which a difference is called real."""


def table(evaluation: Evaluation) -> str:
    """The figures in a page of text."""
    normal = "Unicode as it stands" if evaluation.form == "none" else f"Unicode in {evaluation.form}"
    size = f"{counted(len(evaluation.lines), 'line')}, {counted(sum(map(len, evaluation.texts)), 'character')}"
    lines = [
        f"{size}; {normal}, white space single spaces. In brackets: {LEVEL:.0%} of a bootstrap of {evaluation.drawn}."
    ]
    for result in evaluation.results:
        lines += ["", *_result(result, evaluation.group)]
    return "\n".join([*lines, *_differences(evaluation)])


def _result(result: Result, group: str | None) -> list[str]:
    heading = f"  {'':22}{'lines':>7}  {'CER':24}{'WER':24}{'exact lines':24}"
    lines = [result.name, heading.rstrip()]
    lines += [_row(variant, rates) for variant, rates in result.rates.items()]
    lines += [_row(f"{group} {value or '(none)'}", rates) for value, rates in result.groups.items()]
    worst = result.confusions[:_CONFUSIONS_SHOWN]
    if worst:
        lines.append(f"  Most frequent errors: {', '.join(_confusion(*one) for one in worst)}")
    if result.reliability is not None:
        half = result.reliability.kept[-1]
        off = calibration_error(result.reliability.lines)
        lines.append(
            f"  Confidences of lines are off by {off:.3f}; the surer half of the lines has CER {half.cer:.4f} "
            f"(confidence from {half.threshold:.2f})."
        )
    return lines


def _row(name: str, rates: Rates) -> str:
    cells = "".join(f"{_short(value):24}" for value in (rates.cer, rates.wer, rates.exact))
    return f"  {name:22}{rates.lines:7,}  {cells}".rstrip()


def _short(interval: Interval) -> str:
    return f"{interval.value:.3f} [{interval.low:.3f}, {interval.high:.3f}]"


def _confusion(true: str, read: str, count: int) -> str:
    if not read:
        return f"{true!r} left out {count}"
    return f"{read!r} added {count}" if not true else f"{true!r} read {read!r} {count}"


def _differences(evaluation: Evaluation) -> list[str]:
    lines = [""] if evaluation.differences else []
    for (a, b), found in evaluation.differences.items():
        first, second = evaluation.results[a].name, evaluation.results[b].name
        verdict = "a real difference" if found.p < CERTAIN else "may be chance"
        lines.append(f"CER of {second} less that of {first}: {found.rate}, p = {found.p:.4f}: {verdict}.")
    return lines
