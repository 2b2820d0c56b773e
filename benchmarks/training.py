"""How fast training is, beside the lab's models and a bare loop: ``python benchmarks/training.py``.

All on the CPU. Ours is trained as ``text-recognizer train`` would with the flags given here, the lab's models with Adam
at 1e-3 and batches of 128, on the same data. Accuracy is the lab's, on the test split (on lines it counts padding);
the clock stands still while it is measured. The lab's five epochs on lines are not run: their time is that of the
median step times the number of steps (``--reference_steps=390`` runs them all).

The parts take from seconds to hours; ``--only`` chooses some, and ``--gather FILE`` keeps their results in a file, so
that a later call shows them together: ``python benchmarks/training.py --gather FILE --only``.
"""

from __future__ import annotations

import argparse
import json
import math
import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import partial
from itertools import count, islice, pairwise
from pathlib import Path
from typing import Any, NamedTuple

import lightning as L
import torch
from lab_models import LabCNN, LabLineCNN, LabLineReshapeCNN
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.profilers import SimpleProfiler
from matplotlib.figure import Figure as Picture
from report import data_source, machine, write
from torch import Tensor, nn

from text_recognizer.data.sets.data_module import DataModule
from text_recognizer.files import replacing, write_text
from text_recognizer.training.arguments import Arguments, parse
from text_recognizer.training.experiment import build
from text_recognizer.training.logs import quiet_lightning
from text_recognizer.training.recognition import Recognition

ROOT = Path(__file__).parents[1]
CELLS = "--data_class=EMNISTLines --max_length=16 --max_overlap=0"
LINE_RECIPE = "--fresh_lines=true --batch_size=32 --max_epochs=2"
LINE_PAIRS: dict[str, tuple[str, type[nn.Module], float]] = {  # our flags, the lab's model, how often faster to be
    "line_cnn": (f"{CELLS} --model_class=LineCNN {LINE_RECIPE}", LabLineCNN, 20),
    "line_reshape_cnn": (f"{CELLS} --model_class=LineReshapeCNN {LINE_RECIPE}", LabLineReshapeCNN, 5),
}
EMNIST = "--data_class=EMNIST --model_class=CNN"
EMNIST_SHORT = "--label_smoothing=0.1 --weight_decay=0.1 --dropout=0.4"
EMNIST_LONG = "--label_smoothing=0.1 --weight_decay=0.1 --dropout=0.5 --conv_dim=128"
LONG = 600  # seconds of training, from which the net is the wider one
MNIST = "--data_class=MNIST --model_class=CNN --max_epochs=2"
WAITS = {
    "mnist": "--data_class=MNIST --model_class=MLP",
    "emnist": EMNIST,
    "lines": f"{CELLS} --model_class=LineCNN",
    "mixed_lines": "--data_class=EMNISTLines --layout=mixed --degraded_share=0.5 --prepared=true "
    "--model_class=LineReader --loss=aligned_ctc --batch_size=32",
}
PRECISION = {"cnn": "--data_class=MNIST --model_class=CNN", "line_cnn": f"{CELLS} --model_class=LineCNN"}
MEMORY = "--data_class=EMNISTLines --model_class=LineCNN --num_train=5000 --max_epochs=1 --num_workers=0 --gpus=0"

LAB_BATCH = "--batch_size=128"
LAB_EPOCH_STEPS = 10_000 // 128
LAB_EPOCHS = 5
LINE_GOAL, MNIST_GOAL = 0.90, 0.99
MNIST_MAX_LAB_EPOCHS = 10
EVALUATIONS_PER_EPOCH = 8
WARM_UP_STEPS = 2
LIGHTNING_ROUNDS = 3

Curve = list[tuple[float, float]]
"""Seconds of training and the accuracy after them."""


class Figure(NamedTuple):
    """One measured number; ``value`` is None where the goal was not reached."""

    key: str
    value: float | None
    what: str
    target: str = ""


class Part(NamedTuple):
    """What one part of the benchmark measured; ``curves`` by whose they are."""

    figures: list[Figure]
    curves: dict[str, Curve]


def prepare(flags: str) -> tuple[Arguments, DataModule, Recognition]:
    """What ``text-recognizer train`` with these flags would train, its data loaded and everything seeded."""
    arguments = parse(flags.split(), prog="text-recognizer train")
    L.seed_everything(arguments.data["seed"], verbose=False)
    data, recognition, _ = build(arguments)
    data.prepare_data()
    data.setup("fit")
    if arguments.experiment.compile:
        recognition.model.compile()
    return arguments, data, recognition


def fit(
    arguments: Arguments, data: DataModule, recognition: Recognition, callbacks: list[Callback], **more: Any
) -> None:
    """Train with Lightning on the CPU, without validation, logs and checkpoints."""
    plain = {"accelerator": "cpu", "devices": 1, "logger": False, "enable_checkpointing": False, "limit_val_batches": 0}
    plain |= {"enable_progress_bar": False, "use_distributed_sampler": False}
    L.Trainer(**{**arguments.trainer, **plain, **more}, callbacks=callbacks).fit(recognition, datamodule=data)


def accuracy(model: nn.Module, data: DataModule) -> float:
    """Share of the test split's targets that are found."""
    found: list[Tensor] = []
    model.eval()
    with torch.inference_mode():
        for images, targets in data.test_dataloader():
            found.append((model(images).argmax(1) == targets).flatten())
    model.train()
    return torch.cat(found).float().mean().item()


class Clock(Callback):
    """Measures the accuracy every so many steps, without counting the time that takes, and stops at the goal."""

    def __init__(self, data: DataModule, goal: float) -> None:
        self.data, self.goal = data, goal
        self.every = max(1, len(data.train_dataloader()) // EVALUATIONS_PER_EPOCH)
        self.curve: Curve = []

    def on_train_start(self, trainer: L.Trainer, pl_module: Any) -> None:
        self.seconds, self.resumed = 0.0, time.perf_counter()

    def on_train_batch_end(self, trainer: L.Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        if trainer.global_step % self.every == 0:
            self.seconds += time.perf_counter() - self.resumed
            self.curve.append((self.seconds, accuracy(pl_module.model, self.data)))
            trainer.should_stop = self.curve[-1][1] >= self.goal
            self.resumed = time.perf_counter()


class StepTimes(Callback):
    """Notes when each step ended."""

    def __init__(self) -> None:
        self.ends: list[float] = []

    def on_train_batch_end(self, trainer: L.Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        self.ends.append(time.perf_counter())

    def seconds(self) -> list[float]:
        """Of each step after the warm-up."""
        return [end - start for start, end in pairwise(self.ends[WARM_UP_STEPS:])]


def bare_steps(model: nn.Module, data: DataModule, optimizer: torch.optim.Optimizer) -> Iterator[float]:
    """Train without end in a bare PyTorch loop; yields the seconds of each step, its batch included."""
    for epoch in count():
        loader = data.train_dataloader()
        loader.sampler.set_epoch(epoch)  # type: ignore[attr-defined]
        started = time.perf_counter()
        for images, targets in loader:
            loss = nn.functional.cross_entropy(model(images), targets)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            yield time.perf_counter() - started
            started = time.perf_counter()


def lab_steps(model: nn.Module, data: DataModule) -> Iterator[float]:
    return bare_steps(model, data, torch.optim.Adam(model.parameters(), lr=1e-3))


def lab_training(
    model: nn.Module, data: DataModule, *, steps: int, every: int, goal: float = math.inf
) -> tuple[list[float], Curve]:
    """Train one of the lab's models until the goal; returns the seconds of each step, and accuracies on the way."""
    seconds: list[float] = []
    curve: Curve = []
    for took in islice(lab_steps(model, data), steps):
        seconds.append(took)
        if len(seconds) % every == 0:
            curve.append((sum(seconds), accuracy(model, data)))
            if curve[-1][1] >= goal:
                break
    return seconds, curve


def time_to(curve: Curve, goal: float) -> float | None:
    """Seconds after which the accuracy was first measured at the goal or above."""
    return next((seconds for seconds, found in curve if found >= goal), None)


def ratio(lab: float | None, ours: float | None) -> float | None:
    return lab / ours if lab and ours else None


def line_pair(name: str, options: argparse.Namespace) -> Part:
    """Time for our line model to pass the lab's accuracy, against the lab's five epochs of 10,000 lines."""
    flags, lab_model, target = LINE_PAIRS[name]
    arguments, data, recognition = prepare(f"{flags} {options.flags}")
    clock = Clock(data, LINE_GOAL)
    fit(arguments, data, recognition, [clock])
    ours = time_to(clock.curve, LINE_GOAL)
    data = prepare(f"{flags} {options.flags} {LAB_BATCH}")[1]
    model = lab_model(len(data.alphabet))
    seconds, lab_curve = lab_training(model, data, steps=options.reference_steps, every=LAB_EPOCH_STEPS)
    lab = LAB_EPOCHS * LAB_EPOCH_STEPS * statistics.median(seconds)
    title = arguments.experiment.model_class
    figures = [
        Figure(
            f"time_to_090_ratio_{name}", ratio(lab, ours), f"{title} to 0.90 against the lab's", f"{target:g} times"
        ),
        Figure(f"time_to_090_seconds_{name}", ours, f"seconds, {title} to 0.90"),
        Figure(f"best_acc_{name}", max(found for _, found in clock.curve), f"highest accuracy, {title}"),
        Figure(f"lab_five_epochs_seconds_{name}", lab, f"seconds, the lab's {title} for its five epochs"),
    ]
    end = "end of the lab's five epochs"
    return Part(figures, {title: clock.curve, f"the lab's {title}": lab_curve, end: [(lab, 0.0), (lab, LINE_GOAL)]})


class Run(NamedTuple):
    """One training on EMNIST, ours or the lab's, whose accuracy is wanted after so many steps, ascending."""

    flags: str
    is_ours: bool
    steps: tuple[int, ...]


class Kept:
    """Values that took long to find, by name, in a file from which an interrupted call goes on; ``None``: nowhere."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._values = kept_in(path) if path else {}

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def __setitem__(self, name: str, value: Any) -> None:
        self._values[name] = value
        if self._path:
            write_text(self._path, json.dumps(self._values, indent=1))

    def get(self, name: str, find: Callable[[], Any]) -> Any:
        """The value of that name, found now if it is not kept."""
        if name not in self:
            self[name] = find()
        return self[name]


def emnist(options: argparse.Namespace) -> Part:
    """Accuracy of the CNNs on EMNIST for so many minutes of training, medians over seeds.

    Only a few steps are timed, with all cores for each; minutes are turned into steps of that length. So the trainings
    themselves need no machine to themselves, and run side by side, each on one core. The lab has no schedule that
    depends on its end, so one training of its CNN serves all budgets. With ``--gather`` an interrupted call goes on.
    """
    kept = Kept(options.gather and options.gather.with_suffix(".emnist.json"))
    budgets = sorted(60 * minutes for minutes in options.minutes)
    recipes = [f"{EMNIST} {EMNIST_LONG if budget >= LONG else EMNIST_SHORT} {options.flags}" for budget in budgets]
    lab_flags = f"{EMNIST} {options.flags} {LAB_BATCH}"
    steps = {flags: kept.get(f"a step of {flags}", partial(step_seconds, flags, options)) for flags in recipes}
    lab_step = kept.get(f"a step of the lab's {lab_flags}", partial(lab_step_seconds, lab_flags, options))
    seeds = [f"--seed={seed}" for seed in range(options.seeds)]
    marks = tuple(max(int(budget / lab_step), 1) for budget in budgets)
    lab_runs = [Run(f"{lab_flags} {seed}", False, marks) for seed in seeds]
    our_runs = [
        [Run(f"{flags} {seed}", True, (max(int(budget / steps[flags]), 1),)) for seed in seeds]
        for budget, flags in zip(budgets, recipes, strict=True)
    ]
    train([*lab_runs, *(run for runs in reversed(our_runs) for run in runs)], kept)
    lab = [statistics.median(at) for at in zip(*(kept[str(run)] for run in lab_runs), strict=True)]
    ours = [statistics.median(kept[str(run)][0] for run in runs) for runs in our_runs]
    figures = []
    for budget, our_accuracy, lab_accuracy in zip(budgets, ours, lab, strict=True):
        time_spent, target = f"EMNIST, {budget / 60:g} min", "0.868" if budget == 600 else ""
        key = f"emnist_{budget / 60:g}_minutes"
        figures += [
            Figure(f"{key}_gain", our_accuracy - lab_accuracy, f"{time_spent}, CNN above the lab's", "0.005"),
            Figure(f"{key}_acc", our_accuracy, f"{time_spent}, CNN", target),
            Figure(f"{key}_acc_lab", lab_accuracy, f"{time_spent}, the lab's CNN"),
        ]
    curves = {"CNN": ours, "the lab's CNN": lab}
    return Part(figures, {name: list(zip(budgets, curve, strict=True)) for name, curve in curves.items()})


def train(runs: list[Run], kept: Kept) -> None:
    """Keep what each run finds, by its description; those that are kept already are not run again."""
    with ProcessPoolExecutor(os.cpu_count(), multiprocessing.get_context("spawn"), on_one_core) as pool:
        running = {pool.submit(accuracies, run): run for run in runs if str(run) not in kept}
        for done in as_completed(running):
            kept[str(running[done])] = done.result()
            print(f"  {running[done]}: {done.result()}", file=sys.stderr)


def on_one_core() -> None:
    torch.set_num_threads(1)
    quiet_lightning()


def step_seconds(flags: str, options: argparse.Namespace) -> float:
    """Median of a step of ours."""
    arguments, data, recognition = prepare(flags)
    times = StepTimes()
    fit(arguments, data, recognition, [times], max_steps=options.steps, max_epochs=-1)
    return statistics.median(times.seconds())


def lab_step_seconds(flags: str, options: argparse.Namespace) -> float:
    """Median of a step of the lab's CNN."""
    data = prepare(flags)[1]
    steps = lab_steps(LabCNN(len(data.alphabet)), data)
    return statistics.median(islice(steps, WARM_UP_STEPS, options.reference_steps))


def accuracies(run: Run) -> list[float]:
    """On the test split, after each number of steps."""
    arguments, data, recognition = prepare(run.flags)
    if run.is_ours:
        (steps,) = run.steps
        fit(arguments, data, recognition, [], max_steps=steps, max_epochs=-1)
        return [accuracy(recognition.model, data)]
    return lab_accuracies(run.steps, data)


def lab_accuracies(marks: tuple[int, ...], data: DataModule) -> list[float]:
    """Of the lab's CNN on the test split, after each number of steps."""
    model = LabCNN(len(data.alphabet))
    training, done, found = lab_steps(model, data), 0, []
    for steps in marks:
        for _ in islice(training, steps - done):
            pass
        found.append(accuracy(model, data))
        done = steps
    return found


def mnist(options: argparse.Namespace) -> Part:
    """Seconds of training to 99 % on MNIST."""
    arguments, data, recognition = prepare(f"{MNIST} {options.flags}")
    clock = Clock(data, MNIST_GOAL)
    fit(arguments, data, recognition, [clock])
    data = prepare(f"{MNIST} {options.flags} {LAB_BATCH}")[1]
    epoch = len(data.train_dataloader())
    model = LabCNN(len(data.alphabet))
    plan = {"steps": MNIST_MAX_LAB_EPOCHS * epoch, "every": epoch // EVALUATIONS_PER_EPOCH}
    _, lab_curve = lab_training(model, data, **plan, goal=MNIST_GOAL)
    ours, lab = (time_to(curve, MNIST_GOAL) for curve in (clock.curve, lab_curve))
    figures = [
        Figure("mnist_099_ratio", ratio(lab, ours), "CNN to 0.99 on MNIST, times faster than the lab's"),
        Figure("mnist_099_seconds", ours, "seconds, CNN to 0.99 on MNIST"),
        Figure("mnist_099_seconds_lab", lab, "seconds, the lab's CNN to 0.99 on MNIST"),
    ]
    return Part(figures, {"CNN": clock.curve, "the lab's CNN": lab_curve})


def data_waits(name: str, options: argparse.Namespace) -> Part:
    """Share of the training time that goes to waiting for batches, the first steps left out."""
    figures = []
    arguments, data, recognition = prepare(f"{WAITS[name]} {options.flags}")
    for data.num_workers in (0, 2):
        profiler, times = SimpleProfiler(), StepTimes()
        fit(arguments, data, recognition, [times], profiler=profiler, max_steps=options.steps, max_epochs=-1)
        waits = profiler.recorded_durations["[_TrainingEpochLoop].train_dataloader_next"]
        waited = sum(waits[WARM_UP_STEPS + 1 : len(times.ends)])
        what = f"share of a step spent waiting for data, {name.replace('_', ' ')}, {data.num_workers} workers"
        share = waited / sum(times.seconds())
        figures.append(Figure(f"data_wait_{name}_{data.num_workers}_workers", share, what, "under 0.03"))
    return Part(figures, {})


def lightning_cost(options: argparse.Namespace) -> Part:
    """What a step costs more in Lightning (its schedule and logging included) than in a bare loop; rounds alternate."""
    figures = []
    for name in ("MLP", "CNN"):
        with_lightning: list[float] = []
        bare: list[float] = []
        for _ in range(LIGHTNING_ROUNDS):
            arguments, data, recognition = prepare(f"--data_class=MNIST --model_class={name} {options.flags}")
            times = StepTimes()
            fit(arguments, data, recognition, [times], max_steps=options.steps, max_epochs=-1)
            with_lightning += times.seconds()
            optimizer = torch.optim.AdamW(recognition.model.parameters(), recognition.lr)
            steps = bare_steps(recognition.model.train(), data, optimizer)
            bare += islice(steps, WARM_UP_STEPS, options.steps)
        both, alone = statistics.median(with_lightning), statistics.median(bare)
        what = f"MNIST, {name}, batches of {arguments.data['batch_size']}"
        figures += [
            Figure(
                f"lightning_ms_per_step_{name.lower()}",
                1000 * (both - alone),
                f"ms that Lightning adds to a step, {what}",
            ),
            Figure(f"lightning_share_{name.lower()}", 1 - alone / both, f"share of a step that is Lightning's, {what}"),
        ]
    return Part(figures, {})


def peak_memory(options: argparse.Namespace) -> Part:
    """Of a process that composes lines, trains on them and tests."""
    with tempfile.TemporaryDirectory() as logs:
        command = [sys.executable, "training/run_experiment.py", *MEMORY.split(), *options.flags.split()]
        process = subprocess.Popen([*command, "--log_dir", logs], cwd=ROOT, stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{' '.join(command)} failed.")
    gib = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 2**30
    return Part(
        [Figure("peak_memory_gib", gib, "peak memory in GiB, composing and training EMNISTLines", "under 1.5")], {}
    )


def precision(options: argparse.Namespace) -> Part:
    """How many times faster steps are in bf16, and compiled."""
    figures = []
    for name, flags in PRECISION.items():
        medians = {}
        for setting in ("", "--precision=bf16-mixed", "--compile=true"):
            medians[setting] = step_seconds(f"{flags} {options.flags} {setting}", options)
        plain, bf16, compiled = medians.values()
        figures += [
            Figure(f"bf16_gain_{name}", plain / bf16, f"steps/s with bf16 / without, {name}"),
            Figure(f"compile_gain_{name}", plain / compiled, f"steps/s with torch.compile / without, {name}"),
        ]
    return Part(figures, {})


PARTS: dict[str, Callable[[argparse.Namespace], Part]] = {
    "peak_memory": peak_memory,  # first: a child's peak cannot fall below what its parent holds when it starts it
    **{name: partial(line_pair, name) for name in LINE_PAIRS},
    "emnist": emnist,
    "mnist": mnist,
    **{f"data_waits_{name}": partial(data_waits, name) for name in WAITS},
    "lightning_cost": lightning_cost,
    "precision": precision,
}


def table(parts: dict[str, Part]) -> str:
    """The figures as Markdown, with the data and the machine named."""
    lines = ["| figure | measured | target |", "| --- | ---: | ---: |"]
    for figure in (figure for part in parts.values() for figure in part.figures):
        lines.append(
            f"| {figure.what} | {'not reached' if figure.value is None else f'{figure.value:.4g}'} | {figure.target} |"
        )
    return "\n".join([*lines, "", f"Data: {data_source()}. Machine: {machine()}."])


def plot(parts: dict[str, Part], path: Path) -> None:
    """Accuracy against seconds of training, a panel for each part that has curves."""
    shown = {name: part.curves for name, part in parts.items() if part.curves}
    picture = Picture(figsize=(4.5 * len(shown), 3.6), layout="constrained")
    for axes, (name, curves) in zip(picture.subplots(1, len(shown), squeeze=False).flat, shown.items(), strict=True):
        for whose, curve in curves.items():
            if curve:
                axes.plot(*zip(*curve, strict=True), label=whose, marker=".", linestyle=":" if "end" in whose else "-")
        axes.set(xscale="log", xlabel="seconds of training", ylabel="test accuracy", title=name.replace("_", " "))
        axes.legend(fontsize=8)
        axes.grid(alpha=0.3)
    with replacing(path) as temporary:
        picture.savefig(temporary, dpi=110)


def kept_in(path: Path) -> dict[str, Any]:
    """The JSON object in a file; empty if there is no such file."""
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def load(path: Path) -> dict[str, Part]:
    """Results of earlier calls, in the order of ``PARTS``; none if there is no such file."""
    kept = kept_in(path)
    return {
        name: Part([Figure(*figure) for figure in kept[name]["figures"]], kept[name]["curves"])
        for name in PARTS
        if name in kept
    }


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", choices=PARTS, help="run these parts, or none")
    parser.add_argument("--minutes", nargs="+", type=float, default=[1, 3, 10], help="of training on EMNIST")
    parser.add_argument("--seeds", type=int, default=3, help="runs of each training on EMNIST")
    parser.add_argument("--reference_steps", type=int, default=30, help="timed steps of the lab's line models")
    parser.add_argument("--steps", type=int, default=60, help="timed steps where no accuracy is measured")
    parser.add_argument(
        "--flags", default="", help="more flags of text-recognizer train, for ours: --flags='--lr=0.01'"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of the table")
    parser.add_argument("--gather", type=Path, help="JSON file that keeps the results of several calls")
    parser.add_argument("--write", type=Path, help="also put the table into this file")
    parser.add_argument("--plot", type=Path, help="also draw accuracy against seconds into this picture")
    options = parser.parse_args(argv)
    quiet_lightning()
    parts = load(options.gather) if options.gather else {}
    for name in PARTS if options.only is None else options.only:
        print(f"{name} ...", file=sys.stderr)
        parts[name] = PARTS[name](options)
        if options.gather:
            kept = {key: {"figures": part.figures, "curves": part.curves} for key, part in parts.items()}
            write_text(options.gather, json.dumps(kept, indent=1))
    figures = {figure.key: figure.value for part in parts.values() for figure in part.figures}
    print(json.dumps(figures | {"machine": machine(), "data": data_source()}) if options.json else table(parts))
    if options.write:
        write(options.write, table(parts), "training")
    if options.plot:
        plot(parts, options.plot)


if __name__ == "__main__":
    main()
