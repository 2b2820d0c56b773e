"""An evaluation: all figures of readers on lines of known text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

import numpy as np

from text_recognizer.errors import UsageError
from text_recognizer.evaluation.measures import (
    VARIANTS,
    Form,
    Variant,
    confusions,
    error_counts,
    normalised,
    right_characters,
    variant_of,
)
from text_recognizer.evaluation.readings import Reader
from text_recognizer.evaluation.reliability import Bin, Kept, calibration_error, rejection, reliability
from text_recognizer.evaluation.significance import (
    FEWEST_UNITS,
    Difference,
    Interval,
    difference_of,
    rate_of,
    units_of,
)
from text_recognizer.labels.lines import LabelledLine
from text_recognizer.labels.parts import unit_of

CONFUSIONS = 25
_LINES = "lines"


@dataclass(frozen=True)
class Rates:
    """Character and word error rate, and the share of lines that are right to the letter, over so many lines."""

    lines: int
    cer: Interval
    wer: Interval
    exact: Interval


@dataclass(frozen=True)
class Reliability:
    """What a reader's confidences are worth; bins of characters are empty where it gives confidences of lines alone."""

    lines: list[Bin]
    characters: list[Bin]
    kept: list[Kept]

    def to_json(self) -> dict[str, Any]:
        """Plain values, with the calibration errors."""
        errors = {name: _number(calibration_error(getattr(self, name))) for name in ("lines", "characters")}
        return {**asdict(self), "calibration_error": errors}


@dataclass(frozen=True)
class Result:
    """One reader's figures.

    Attributes:
        name: The reader's.
        rates: By variant of the comparison.
        groups: By value of the column that was asked for, as it is.
        confusions: The most frequent: true character, read character, count; an empty one was left out or added.
        reliability: None where the reader gives no confidences.
        texts: What it read, normalised, line by line.
        edits: int64 (N,), of characters, line by line.
    """

    name: str
    rates: dict[Variant, Rates]
    groups: dict[str, Rates]
    confusions: list[tuple[str, str, int]]
    reliability: Reliability | None
    texts: list[str]
    edits: np.ndarray


@dataclass(frozen=True)
class Evaluation:
    """All of it.

    Attributes:
        lines: What was read.
        texts: What they say, normalised.
        form: How Unicode was normalised.
        unit: What chance draws, in words.
        group: The column of groups, if one was asked for.
        results: By reader.
        differences: Of the character error rate, by the numbers of two readers.
    """

    lines: list[LabelledLine]
    texts: list[str]
    form: Form
    unit: str
    group: str | None
    results: list[Result]
    differences: dict[tuple[int, int], Difference]

    @property
    def drawn(self) -> str:
        """What chance draws, and what in small groups."""
        if self.group is None or self.unit == _LINES:
            return self.unit
        return f"{self.unit}, in groups of fewer than {FEWEST_UNITS} of {_LINES}"


def evaluate(
    lines: list[LabelledLine], readers: Sequence[Reader], *, form: Form = "NFC", group: str | None = None, seed: int = 0
) -> Evaluation:
    """Compare what readers say with what lines say.

    Args:
        lines: At least one.
        readers: Each with what it says of every line.
        form: How Unicode is normalised in both.
        group: A column of the labels by whose values rates are given too.
        seed: Of the bootstrap and the permutation test.

    Raises:
        UsageError: If no line has that column, or there is no such form.
    """
    _check_group(lines, group)
    texts = [normalised(line.text, form) for line in lines]
    units, known = units_of([unit_of(line) for line in lines])
    values = [line.groups.get(group, "") if group else "" for line in lines]
    results = [_result(reader, texts, values if group else [], units, form, seed) for reader in readers]
    lengths = np.array([len(text) for text in texts])
    differences = {
        (a, b): difference_of(results[a].edits, results[b].edits, lengths, units, seed)
        for a, b in combinations(range(len(results)), 2)
    }
    unit = "writers or pages" if known else _LINES
    return Evaluation(lines, texts, form, unit, group, results, differences)


def _check_group(lines: list[LabelledLine], group: str | None) -> None:
    columns = sorted({column for line in lines for column in line.groups})
    if group is not None and group not in columns:
        has = f"have {', '.join(columns)}" if columns else "have no further columns"
        raise UsageError(f"--group is {group!r}, but the labels {has}.")


def _result(reader: Reader, texts: list[str], values: list[str], units: np.ndarray, form: Form, seed: int) -> Result:
    found = [normalised(said.text, form) for said in reader.said]
    rates = {variant: _rates_of(found, texts, units, variant, seed) for variant in VARIANTS}
    counts = error_counts(found, texts)
    groups = {}
    for value in sorted(set(values)):
        own = np.array([one == value for one in values])
        groups[value] = _rates(counts[own], _units_within(units[own]), seed)
    worst = [(*pair, count) for pair, count in confusions(found, texts).most_common(CONFUSIONS)]
    return Result(reader.name, rates, groups, worst, _reliability(reader, found, texts, counts), found, counts[:, 0])


def _units_within(units: np.ndarray) -> np.ndarray:
    """The units of a group: its lines where it has few others, whose draws would all be alike."""
    return units if len(np.unique(units)) >= FEWEST_UNITS else np.arange(len(units))


def _rates_of(found: list[str], texts: list[str], units: np.ndarray, variant: Variant, seed: int) -> Rates:
    both = ([variant_of(text, variant) for text in some] for some in (found, texts))
    return _rates(error_counts(*both), units, seed)


def _rates(counts: np.ndarray, units: np.ndarray, seed: int) -> Rates:
    units = np.unique(units, return_inverse=True)[1]
    exact = (counts[:, 0] == 0).astype(np.int64)
    return Rates(
        len(counts),
        rate_of(counts[:, 0], counts[:, 1], units, seed),
        rate_of(counts[:, 2], counts[:, 3], units, seed),
        rate_of(exact, np.ones_like(exact), units, seed),
    )


def _reliability(reader: Reader, found: list[str], texts: list[str], counts: np.ndarray) -> Reliability | None:
    confidences = [said.confidence for said in reader.said]
    if None in confidences:
        return None
    sure = [float(one or 0) for one in confidences]
    written = [k for k, text in enumerate(found) if text]
    shares = 1 - counts[:, 0] / np.maximum(1, np.maximum([len(text) for text in found], counts[:, 1]))
    characters: list[tuple[float, bool]] = []
    for said, read, text in zip(reader.said, found, texts, strict=True):
        if len(said.characters) == len(read):
            characters += zip(said.characters, right_characters(read, text), strict=True)
    return Reliability(
        reliability([sure[k] for k in written], [float(shares[k]) for k in written]),
        reliability([one for one, _ in characters], [float(right) for _, right in characters]),
        rejection(sure, counts),
    )


def to_json(evaluation: Evaluation) -> dict[str, Any]:
    """Everything as plain values, the readings of each line too; what is not known is null."""
    return {
        "lines": len(evaluation.lines),
        "characters": sum(map(len, evaluation.texts)),
        "unicode": evaluation.form,
        "bootstrap_unit": evaluation.unit,
        "group": evaluation.group,
        "readers": [_result_json(result) for result in evaluation.results],
        "differences": [
            {
                "first": evaluation.results[a].name,
                "second": evaluation.results[b].name,
                "cer": _interval(found.rate),
                "p": found.p,
            }
            for (a, b), found in evaluation.differences.items()
        ],
        "readings": [
            {"file": line.name, "text": text, "read": {result.name: result.texts[k] for result in evaluation.results}}
            for k, (line, text) in enumerate(zip(evaluation.lines, evaluation.texts, strict=True))
        ],
    }


def _result_json(result: Result) -> dict[str, Any]:
    return {
        "name": result.name,
        "rates": {variant: _rates_json(rates) for variant, rates in result.rates.items()},
        "groups": {value: _rates_json(rates) for value, rates in result.groups.items()},
        "confusions": [{"true": true, "read": read, "count": count} for true, read, count in result.confusions],
        "confidence": None if result.reliability is None else result.reliability.to_json(),
    }


def _rates_json(rates: Rates) -> dict[str, Any]:
    return {"lines": rates.lines, **{name: _interval(getattr(rates, name)) for name in ("cer", "wer", "exact")}}


def _interval(interval: Interval) -> dict[str, float | None]:
    return {name: _number(value) for name, value in asdict(interval).items()}


def _number(value: float) -> float | None:
    return round(value, 6) if np.isfinite(value) else None
