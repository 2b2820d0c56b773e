"""Runs the lab's experiments as written and tabulates what they reach: ``python benchmarks/lab.py``.

Takes about half an hour on two cores. ``--write docs/results.md`` puts the table between the marks in that file.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from report import data_source, machine, write

ROOT = Path(__file__).parents[1]
CHARACTERS = "--max_epochs=5 --gpus=1"
LINES = "--max_epochs=5 --gpus=1 --num_workers=4 --data_class=EMNISTLines --max_length=16"
EXPERIMENTS = {
    "MLP, MNIST": f"--model_class=MLP --data_class=MNIST {CHARACTERS}",
    "CNN, MNIST": f"--model_class=CNN --data_class=MNIST {CHARACTERS}",
    "CNN, EMNIST": f"--model_class=CNN --data_class=EMNIST {CHARACTERS}",
    "CNN, EMNIST, overfit 2 batches": "--model_class=CNN --data_class=EMNIST --max_epochs=50 --gpus=1 "
    "--overfit_batches=2",
    "LineReshapeCNN, overlap 0": f"{LINES} --max_overlap=0 --model_class=LineReshapeCNN",
    "LineCNN, overlap 0": f"{LINES} --max_overlap=0 --model_class=LineCNN",
    "LineReshapeCNN, overlap to 0.33": f"{LINES} --max_overlap=0.33 --model_class=LineReshapeCNN",
    "LineCNN, overlap to 0.33": f"{LINES} --max_overlap=0.33 --model_class=LineCNN",
}
COLUMNS = {
    "train_acc": "train acc",
    "test_acc": "test acc (lab's)",
    "test_acc_folded": "acc folded",
    "test_acc_per_class": "acc per class",
    "test_char_acc": "char acc",
    "test_cer": "CER",
    "test_cer_folded": "CER folded",
    "test_exact": "exact",
}


def run(flags: str) -> dict[str, Any]:
    """Figures of one experiment, with ``minutes`` for the whole process."""
    with tempfile.TemporaryDirectory() as logs:
        started = time.perf_counter()
        command = [sys.executable, "training/run_experiment.py", *flags.split(), "--log_dir", logs]
        subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        minutes = (time.perf_counter() - started) / 60
        return json.loads(next(Path(logs).glob("*/metrics.json")).read_text()) | {"minutes": minutes}


def table(results: dict[str, dict[str, Any]]) -> str:
    """The results as Markdown, with the data and the machine named."""
    lines = [
        f"| experiment | {' | '.join(COLUMNS.values())} | minutes |",
        "| --- |" + " ---: |" * (len(COLUMNS) + 1),
    ]
    for name, figures in results.items():
        cells = [f"{figures[key]:.3f}" if key in figures else "" for key in COLUMNS]
        lines.append(f"| {name} | {' | '.join(cells)} | {figures['minutes']:.1f} |")
    total = sum(figures["minutes"] for figures in results.values())
    return "\n".join(
        [*lines, "", f"All rows together: {total:.0f} minutes. Data: {data_source()}. Machine: {machine()}."]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", help="run the experiments whose names contain this")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of the table")
    parser.add_argument("--write", type=Path, help="also put the table into this file")
    options = parser.parse_args()
    results = {}
    for name, flags in EXPERIMENTS.items():
        if options.only is None or options.only in name:
            print(f"{name}: python training/run_experiment.py {flags}", file=sys.stderr)
            results[name] = run(flags)
    print(json.dumps({"machine": machine(), **results}) if options.json else table(results))
    if options.write:
        write(options.write, table(results), "lab")


if __name__ == "__main__":
    main()
