"""The file of a sweep, in the form of Weights & Biases: what is searched, by which figure, and how."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from text_recognizer.errors import UsageError
from text_recognizer.training.arguments import read_config

Flag = bool | int | float | str
"""What a flag may be in a search."""
Distribution = Literal["constant", "categorical", "int_uniform", "uniform", "q_uniform", "log_uniform_values"]
UNUSED = {"command", "description", "entity", "name", "program", "project"}
"""Keys of Weights & Biases that say nothing of what is searched."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Parameter(_Part):
    """What a flag may be: one value, one of several, or a number of a range.

    Attributes:
        value: The one.
        values: The several.
        min: The smallest.
        max: The largest; it can be drawn too.
        q: The step between numbers of ``q_uniform``, of which both ends are multiples.
        distribution: How it is drawn. Not given: as it stands, all values alike, or a number of the range, a whole one
            if both its ends are.
    """

    value: Flag | None = None
    values: list[Flag] | None = Field(None, min_length=1)
    min: int | float | None = None
    max: int | float | None = None
    q: int | float | None = Field(None, gt=0)
    distribution: Distribution | None = None

    @property
    def drawn(self) -> Distribution:
        """How it is drawn."""
        if self.distribution is not None:
            return self.distribution
        if self.values is not None:
            return "categorical"
        if self.min is None:
            return "constant"
        return "int_uniform" if isinstance(self.min, int) and isinstance(self.max, int) else "uniform"

    @property
    def draws_integers(self) -> bool:
        """Whether the numbers of its range are whole."""
        whole = all(isinstance(number, int) for number in (self.min, self.max, self.q))
        return self.drawn == "int_uniform" or (self.drawn == "q_uniform" and whole)

    @property
    def ends(self) -> list[Any]:
        """Its values, or the ends of its range, as they are drawn: a flag that takes whole numbers alone says so."""
        if self.drawn in ("constant", "categorical"):
            return [self.value] if self.values is None else list(self.values)
        kind = int if self.draws_integers else float
        return [kind(self.min or 0), kind(self.max or 0)]

    @model_validator(mode="after")
    def _is_whole(self) -> Parameter:
        given = {name for name in ("value", "values", "min", "max", "q") if getattr(self, name) is not None}
        needed = {"constant": {"value"}, "categorical": {"values"}, "q_uniform": {"min", "max", "q"}}
        wanted = needed.get(self.drawn, {"min", "max"})
        if given != wanted:
            raise ValueError(f"has {_listed(given)}, but {self.drawn} takes {_listed(wanted)}")
        if self.min is not None and self.max is not None and not _is_range(self.min, self.max):
            raise ValueError(f"min is {self.min} and max {self.max}, but min must be below max")
        if self.drawn == "int_uniform" and not (isinstance(self.min, int) and isinstance(self.max, int)):
            raise ValueError("int_uniform takes whole numbers")
        if self.drawn == "log_uniform_values" and self.min is not None and self.min <= 0:
            raise ValueError(f"min is {self.min}, but log_uniform_values takes numbers above 0")
        for name, end in (("min", self.min), ("max", self.max)):
            if self.drawn == "q_uniform" and end is not None and not _is_multiple(end, self.q or 1):
                raise ValueError(f"{name} is {end}, but q_uniform draws multiples of q, which is {self.q}")
        return self


class Metric(_Part):
    """The figure of validations that trainings are judged by, as ``val_cer``, and where it is to go."""

    name: str
    goal: Literal["minimize", "maximize"] = "minimize"


class EarlyTerminate(_Part):
    """Ends trainings that are behind others.

    Attributes:
        type: Asynchronous successive halving (ASHA) stands for what Weights & Biases calls hyperband.
        min_iter: Validations after which it looks for the first time.
        eta: It keeps the best one of so many, and looks again after so many times the validations.
    """

    type: Literal["hyperband"]
    min_iter: int = Field(gt=0)
    eta: float = Field(3, gt=1)


class Sweep(_Part):
    """What a sweep searches.

    Attributes:
        method: ``bayes`` (the sampler TPE of Optuna), ``random``, or ``grid``: all combinations.
        metric: What trainings are judged by.
        parameters: The flags of ``train``, those that stay the same among them.
        early_terminate: When trainings are ended before their time; by default never.
        run_cap: How many trainings; of ``grid`` at most.
    """

    method: Literal["bayes", "random", "grid"]
    metric: Metric
    parameters: dict[str, Parameter] = Field(min_length=1)
    early_terminate: EarlyTerminate | None = None
    run_cap: int | None = Field(None, gt=0)

    @model_validator(mode="after")
    def _has_an_end(self) -> Sweep:
        ranges = [name for name, one in self.searched.items() if one.drawn != "categorical"]
        if not self.searched:
            raise ValueError("no parameter has several values, so there is nothing to search")
        if self.method == "grid" and ranges:
            raise ValueError(f"grid takes values, but {ranges[0]} is a range")
        if self.method != "grid" and self.run_cap is None:
            raise ValueError(f"run_cap is missing: how many trainings {self.method} draws, as run_cap: 20")
        return self

    @property
    def searched(self) -> dict[str, Parameter]:
        """The flags that are searched."""
        return {name: one for name, one in self.parameters.items() if one.drawn != "constant"}

    @property
    def fixed(self) -> dict[str, Any]:
        """The flags that stay the same."""
        return {name: one.value for name, one in self.parameters.items() if one.drawn == "constant"}

    @property
    def trainings(self) -> int:
        """How many there are."""
        if self.method != "grid":
            return self.run_cap or 0
        return len(list(self.grid))

    @property
    def grid(self) -> Iterator[dict[str, Any]]:
        """All combinations of values that are searched, or as many as there may be trainings."""
        combinations = itertools.product(*(one.ends for one in self.searched.values()))
        for values in itertools.islice(combinations, self.run_cap):
            yield dict(zip(self.searched, values, strict=True))

    @property
    def corners(self) -> Iterator[dict[str, Any]]:
        """Flags in which each value, and each end of a range, occurs once: what is possible there is so between."""
        first = {name: one.ends[0] for name, one in self.parameters.items()}
        yield first
        for name, one in self.searched.items():
            yield from (first | {name: value} for value in one.ends[1:])


def read_sweep(path: Path) -> tuple[Sweep, list[str]]:
    """The sweep of a file, and which of its keys are not used.

    Raises:
        UsageError: If it cannot be read, or is no sweep that this program can run. It names the place.
    """
    content = read_config(path, "a sweep: method, metric and parameters")
    unused = sorted(UNUSED & content.keys())
    try:
        return Sweep.model_validate({name: value for name, value in content.items() if name not in unused}), unused
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"] if part not in ("int", "float", "bool", "str"))
        said = first["msg"].removeprefix("Value error, ")
        raise UsageError(f"--config {path}: {f'{place}: ' if place else ''}{said}.") from error


def argv(flags: dict[str, Any]) -> list[str]:
    """Flags as the command line of ``train`` takes them."""
    return [f"--{name}={value if isinstance(value, str) else json.dumps(value)}" for name, value in flags.items()]


def _listed(names: set[str]) -> str:
    return " and ".join(sorted(names)) or "nothing"


def _is_multiple(number: float, step: float) -> bool:
    return math.isfinite(step) and math.isclose(number / step, round(number / step))


def _is_range(low: float, high: float) -> bool:
    return math.isfinite(low) and math.isfinite(high) and low < high
