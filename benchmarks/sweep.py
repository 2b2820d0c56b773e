"""What the flags that a sweep found bring, beside the default ones: ``python benchmarks/sweep.py FOLDER``.

FOLDER is that of a sweep that has ended. With each seed, its best flags and the default ones are trained for the same
time (``max_time``), one after the other, on one core. Both have the same lines to train, validate and test on, which
are not those of the sweep.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import mean
from typing import Any

import yaml
from report import machine, write

from text_recognizer.training.arguments import read_config
from text_recognizer.training.sweep.file import Sweep, argv
from text_recognizer.training.sweep.outcome import BEST
from text_recognizer.training.sweep.run import SWEEP_FILE, shown
from text_recognizer.training.sweep.trial import arguments_of

DEFAULT, FOUND = "default", "found"


def train(flags: dict[str, Any], metric: str) -> dict[str, Any]:
    """The figures of a training on one core, with those of ``metric`` of all its validations as ``validations``."""
    with tempfile.TemporaryDirectory() as logs:
        command = [sys.executable, "-m", "text_recognizer", "train", *argv(flags)]
        env = os.environ | {"OMP_NUM_THREADS": "1"}
        own = ["--enable_progress_bar=false", f"--log_dir={logs}"]
        subprocess.run([*command, *own], env=env, check=True, stdout=subprocess.DEVNULL)
        [run] = Path(logs).iterdir()
        with (run / "metrics.csv").open() as file:
            validations = [float(row[metric]) for row in csv.DictReader(file) if row[metric]]
        figures: dict[str, Any] = json.loads((run / "metrics.json").read_text())
        return figures | {"validations": validations}


def compare(folder: Path, seeds: Sequence[int]) -> dict[str, Any]:
    """Train the default flags and those that a sweep found, with each seed."""
    sweep = Sweep.model_validate_json((folder / SWEEP_FILE).read_text(encoding="utf-8"))
    metric, used = sweep.metric.name, sweep.fixed.get("seed", 42)
    if "max_time" not in sweep.fixed or "seed" in sweep.searched or used in seeds:
        raise SystemExit(f"The sweep must have one max_time and one seed, and the seeds here others than its {used}.")
    best = read_config(folder / BEST, "the flags that a sweep found")
    found = {name: best[name] for name in sweep.searched}
    sides = {DEFAULT: sweep.fixed, FOUND: sweep.fixed | found}
    best_of = min if sweep.metric.goal == "minimize" else max
    rows = []
    for seed in seeds:
        for name, flags in sides.items():
            figures = train(flags | {"seed": seed}, metric)
            validated, tested = best_of(figures["validations"]), figures[metric.replace("val_", "test_")]
            rows.append({"flags": name, "seed": seed, "steps": figures["steps"], "val": validated, "test": tested})
    default = yaml.safe_load(arguments_of(sweep.fixed).yaml)
    return {
        "flags": {DEFAULT: {name: default[name] for name in found}, FOUND: found},
        "common": " ".join(argv(sweep.fixed)),
        "metric": metric,
        "trainings": rows,
        "machine": machine(),
    }


def table(results: dict[str, Any]) -> str:
    """What each training reached, as Markdown."""
    names, metric, trainings = list(results["flags"][FOUND]), results["metric"], results["trainings"]
    test = metric.replace("val_", "test_")
    columns = ["flags", *names, "seed", "steps", metric, test]
    lines = [f"| {' | '.join(columns)} |", f"| --- |{' ---: |' * (len(columns) - 1)}"]
    for row in trainings:
        values = ["-" if value is None else shown(value) for value in results["flags"][row["flags"]].values()]
        figures = [str(row["seed"]), str(row["steps"]), f"{row['val']:.3f}", f"{row['test']:.3f}"]
        lines.append(f"| {' | '.join([row['flags'], *values, *figures])} |")
    means = {name: mean(row["test"] for row in trainings if row["flags"] == name) for name in results["flags"]}
    said = f"Mean {test}: {means[DEFAULT]:.3f} with the default flags, {means[FOUND]:.3f} with those found."
    common = f"All were trained with `{results['common']}`, on one core."
    return "\n".join([*lines, "", f"{said} {common} Machine: {results['machine']}."])


def main(given: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="of a sweep that has ended")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3], help="other than that of the sweep")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of the table")
    parser.add_argument("--write", type=Path, help="also put the table into this file")
    arguments = parser.parse_args(given)
    results = compare(arguments.folder, arguments.seeds)
    print(json.dumps(results) if arguments.json else table(results))
    if arguments.write:
        write(arguments.write, table(results), "sweep")


if __name__ == "__main__":
    main()
