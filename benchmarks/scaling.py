"""What scaling brings and costs, as ratios of runs on this machine: call it on one that does nothing else.

    python benchmarks/scaling.py --archive 2000 --lines 100000

Prints one JSON object, and with --write puts a table into a file:

- reading_2_processes: pictures a second of two processes (--shard 1/2, 2/2) over those of one.
- composing_2_workers: the same of lines written as shards.
- checkpoint_share: time that a checkpoint a minute takes of a training, from its minutely figures.
- memory_1000000_names: peak memory of a run over a million names over that of a thousand.
- resume_seconds_1000000_rows: how long a run takes to find what has a row.

Each process has one core, so that two have two.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from report import machine, write

LINES = ["lines", "--max_chars=20", "--layout=handwriting", "--degraded"]
TRAINING = (
    "train --model_class=LineReader --data_class=EMNISTLines --layout=mixed --prepared --degraded_share=0.6 "
    "--fresh_lines --glyphs=strokes --text=builtin --max_epochs=1 --num_train=1000000 --checkpoint_minutes=1 --gpus=0 "
    "--enable_progress_bar=false --limit_val_batches=0 --limit_test_batches=0"
)
NAMES_PROGRAM = r"""
import re, sys
from pathlib import Path
from text_recognizer.reading.archive.listing import Listing
from text_recognizer.reading.archive.rows import open_rows
from text_recognizer.reading.archive.run import read_archive
def read_rows(files):
    return ([{"file": file, "text": "a line of text"}] for file in files)
with open_rows(Path(sys.argv[2]), resume=True) as out:
    read_archive(Listing([sys.argv[1]], {".png"}), read_rows, out)
print(re.search(r"VmHWM:\s*(\d+) kB", Path("/proc/self/status").read_text())[1])
"""


def start(command: list[str], cores: set[int]) -> subprocess.Popen[bytes]:
    """A command of this program on some of the cores; composing takes all that it may."""
    env = os.environ | {"OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "text_recognizer", *command]
    process = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    os.sched_setaffinity(process.pid, cores)
    return process


def seconds(*commands: list[str], workers: int = 1) -> float:
    """How long commands take that start together, on a core for each, or on one for each of the workers of one."""
    cores = set(sorted(os.sched_getaffinity(0))[: max(len(commands), workers)])
    started = time.perf_counter()
    processes = [start(command, cores) for command in commands]
    codes = [process.wait() for process in processes]
    if any(codes):
        raise SystemExit(f"failed: {commands}")
    return time.perf_counter() - started


def reading(folder: Path, count: int) -> float:
    """Time of one process over that of two."""
    archive = folder / "archive"
    seconds([*LINES, f"--count={count}", f"--out={archive}"])
    command = ["read", str(archive), "--threads=1", "--out"]
    one = seconds([*command, str(folder / "one.jsonl")])
    both = [[*command, str(folder / "two.jsonl"), f"--shard={number}/2"] for number in (1, 2)]
    return one / seconds(*both)


def composing(folder: Path, count: int) -> float:
    """Time of one worker over that of two."""
    command = [*LINES, f"--count={count}", f"--shard_lines={max(count // 8, 1)}", "--shards=webdataset"]
    times = [seconds([*command, f"--workers={n}", f"--out={folder / f'shards{n}'}"], workers=n) for n in (1, 2)]
    return times[0] / times[1]


def checkpoints(folder: Path, minutes: int) -> float:
    """Share of a training's time that a checkpoint a minute takes."""
    seconds([*TRAINING.split(), f"--max_time=00:00:{minutes:02}:10", f"--log_dir={folder / 'logs'}"])
    [metrics] = folder.glob("logs/*/metrics.csv")
    with metrics.open() as file:
        shares = [float(row["saving_share"]) for row in csv.DictReader(file) if row.get("saving_share")]
    return sum(shares) / len(shares)


def over_names(folder: Path, count: int) -> tuple[int, float]:
    """Peak memory in kB of a run over so many names, and the seconds of a second run, that finds all rows there."""
    names, out = folder / f"{count}.txt", folder / f"{count}.jsonl"
    with names.open("w") as file:
        file.writelines(f"archive/{number // 1000:04}/{number:07}.png\n" for number in range(count))
    command = [sys.executable, "-c", NAMES_PROGRAM, str(names), str(out)]
    peak = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    started = time.perf_counter()
    subprocess.run(command, capture_output=True, check=True)
    found = re.search(r"\d+", peak)
    assert found is not None
    return int(found[0]), time.perf_counter() - started


def table(figures: dict[str, float], arguments: argparse.Namespace) -> str:
    """The figures as Markdown."""
    names = f"{arguments.names:,}"
    rows = {
        f"speed of two processes that read {arguments.archive:,} lines, over that of one": "reading_2_processes",
        f"speed of two workers that compose {arguments.lines:,} lines, over that of one": "composing_2_workers",
        f"peak memory of a run over {names} names, over that of 1,000": f"memory_{arguments.names}_names",
        f"seconds to resume where {names} names have a row": f"resume_seconds_{arguments.names}_rows",
        "share of a training's time that a checkpoint a minute takes": "checkpoint_share",
    }
    lines = [f"| {said} | {figures[name]:.3g} |" for said, name in rows.items() if name in figures]
    return "\n".join(["| | |", "| --- | ---: |", *lines, "", f"Machine: {machine()}."])


def main() -> None:
    parser = argparse.ArgumentParser(description="What scaling brings and costs, as ratios.")
    parser.add_argument("--archive", type=int, default=2000, help="pictures that are read")
    parser.add_argument("--lines", type=int, default=100_000, help="lines that are composed")
    parser.add_argument("--names", type=int, default=1_000_000, help="names of the run that measures memory")
    parser.add_argument("--minutes", type=int, default=5, help="of the training; 0 leaves it out")
    parser.add_argument("--write", type=Path, help="also put a table into this file")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        few, (many, resume) = over_names(folder, 1000)[0], over_names(folder, arguments.names)
        figures = {
            "reading_2_processes": reading(folder, arguments.archive),
            "composing_2_workers": composing(folder, arguments.lines),
            f"memory_{arguments.names}_names": many / few,
            f"resume_seconds_{arguments.names}_rows": resume,
        }
        if arguments.minutes:
            figures["checkpoint_share"] = checkpoints(folder, arguments.minutes)
    print(json.dumps({key: round(value, 4) for key, value in figures.items()}, indent=2))
    if arguments.write:
        write(arguments.write, table(figures, arguments), "scaling")


if __name__ == "__main__":
    main()
