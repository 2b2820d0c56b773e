"""Runs the lab's experiments as written and tabulates what they reach: ``python benchmarks/lab.py``.

Takes about an hour on two cores. ``--lab 3`` runs those of lab 3 instead, which take longer. ``--keep FILE`` adds each
experiment to a file as it ends, and runs none again that is there. ``--write docs/results.md`` puts the table between
the marks in that file. ``--more="--max_epochs=1"`` adds flags to each command, for a first look.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from report import data_source, keep, kept, machine, write

ROOT = Path(__file__).parents[1]
CHARACTERS = "--max_epochs=5 --gpus=1"
LINES = "--max_epochs=5 --gpus=1 --num_workers=4 --data_class=EMNISTLines --max_length=16"
EXPERIMENTS = {
    "MLP, MNIST": f"--model_class=MLP --data_class=MNIST {CHARACTERS}",
    "CNN, MNIST": f"--model_class=CNN --data_class=MNIST {CHARACTERS}",
    "CNN, EMNIST": f"--model_class=CNN --data_class=EMNIST {CHARACTERS}",
    "CNN, EMNIST, overfit 2 batches": "--model_class=CNN --data_class=EMNIST --max_epochs=50 --gpus=1 "
    "--overfit_batches=2",
    "CNN, EMNIST, overfit 1 % of the batches": "--model_class=CNN --data_class=EMNIST --max_epochs=50 --gpus=1 "
    "--overfit_batches=0.01",
    "CNN, EMNIST, 50 epochs": "--model_class=CNN --data_class=EMNIST --max_epochs=50 --gpus=1 --num_workers=4",
    "LineReshapeCNN, overlap 0": f"{LINES} --max_overlap=0 --model_class=LineReshapeCNN",
    "LineCNN, overlap 0": f"{LINES} --max_overlap=0 --model_class=LineCNN",
    "LineReshapeCNN, overlap to 0.33": f"{LINES} --max_overlap=0.33 --model_class=LineReshapeCNN",
    "LineCNN, overlap to 0.33": f"{LINES} --max_overlap=0.33 --model_class=LineCNN",
}
LINES_3 = "--max_epochs=10 --gpus=1 --num_workers=4 --data_class=EMNISTLines"
APART = f"{LINES_3} --min_overlap=0 --max_overlap=0"
QUARTER = f"{LINES_3} --min_overlap=0.25 --max_overlap=0.25"
VARYING = f"{LINES_3} --min_overlap=0 --max_overlap=0.33"
SIMPLE = "--model_class=LineCNNSimple --window_width=28"
WHOLE = "--model_class=LineCNN --window_width=28"
RECURRENT = "--model_class=LineCNNLSTM --window_width=28"
LIMITED, CTC = "--window_stride=20 --limit_output_length", "--loss=ctc"
LAB_3 = {
    "LineCNNSimple, 28/28, overlap 0": f"{APART} {SIMPLE} --window_stride=28",
    "LineCNNSimple, 28/20, overlap 0": f"{APART} {SIMPLE} {LIMITED}",
    "LineCNNSimple, 28/20, overlap 0.25": f"{QUARTER} {SIMPLE} {LIMITED}",
    "LineCNNSimple, 28/20, overlap to 0.33": f"{VARYING} {SIMPLE} {LIMITED}",
    "LineCNN, 28/20, overlap 0.25": f"{QUARTER} {WHOLE} {LIMITED}",
    "LineCNN, 28/20, overlap 0.25, CTC": f"{QUARTER} {WHOLE} --window_stride=20 {CTC}",
    "LineCNN, 28/18, overlap to 0.33, CTC": f"{VARYING} {WHOLE} --window_stride=18 {CTC}",
    "LineCNNLSTM, 28/18, overlap to 0.33, CTC": f"{VARYING} {RECURRENT} --window_stride=18 {CTC}",
    "LineReader, overlap to 0.33": f"{VARYING} --model_class=LineReader",
}
"""With the width and the stride of the windows. The command that is refused is left out."""
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
    """Figures of one experiment, ``minutes`` and ``cpu_minutes`` for the process and its workers, and the machine."""
    with tempfile.TemporaryDirectory() as logs:
        started, worked = time.perf_counter(), _seconds_of_children()
        command = [sys.executable, "training/run_experiment.py", *flags.split(), "--log_dir", logs]
        subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        cost = {
            "minutes": (time.perf_counter() - started) / 60,
            "cpu_minutes": (_seconds_of_children() - worked) / 60,
            "machine": machine(),
        }
        return json.loads(next(Path(logs).glob("*/metrics.json")).read_text()) | cost


def _seconds_of_children() -> float:
    """What the processes that were waited for have computed, with their own."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def table(results: dict[str, dict[str, Any]], more: str) -> str:
    """The results as Markdown, with flags that were added, the data and the machines named."""
    lines = [
        f"| experiment | {' | '.join(COLUMNS.values())} | minutes | CPU minutes |",
        "| --- |" + " ---: |" * (len(COLUMNS) + 2),
    ]
    for name, figures in results.items():
        cells = [f"{figures[key]:.3f}" if key in figures else "" for key in COLUMNS]
        lines.append(f"| {name} | {' | '.join(cells)} | {figures['minutes']:.1f} | {figures['cpu_minutes']:.1f} |")
    total = sum(figures["minutes"] for figures in results.values())
    added = f" `{more}` was added to each command." if more else ""
    machines = "; ".join(dict.fromkeys(figures["machine"] for figures in results.values()))
    return "\n".join([*lines, "", f"Total: {total:.0f} minutes.{added} Data: {data_source()}. Machine: {machines}."])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lab", type=int, choices=(2, 3), default=2, help="which lab's experiments to run")
    parser.add_argument("--only", help="run the experiments whose names contain this")
    parser.add_argument("--more", default="", help="flags to add to each command")
    parser.add_argument("--keep", type=Path, help="file of experiments that have ended, one JSON object a line")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of the table")
    parser.add_argument("--write", type=Path, help="also put the table into this file")
    options = parser.parse_args()
    results = kept(options.keep, "experiment")
    experiments = LAB_3 if options.lab == 3 else EXPERIMENTS
    for name, flags in experiments.items():
        if name not in results and (options.only is None or options.only in name):
            print(f"{name}: python training/run_experiment.py {flags} {options.more}", file=sys.stderr)
            results[name] = run(f"{flags} {options.more}")
            keep(options.keep, "experiment", name, results[name])
    text = table({name: results[name] for name in experiments if name in results}, options.more)
    print(json.dumps(results) if options.json else text)
    if options.write:
        write(options.write, text, "lab" if options.lab == 2 else "lab3")


if __name__ == "__main__":
    main()
