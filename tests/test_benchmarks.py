import importlib.util
import json
import subprocess
import sys
from argparse import Namespace
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from documents import ROOT, shell_lines
from hand_tools import TINY
from labelled_tools import write_lines

from text_recognizer.errors import UserError
from text_recognizer.reading.model_file import DEFAULT_MODEL
from text_recognizer.reading.recognizer import Character, Reading
from text_recognizer.training.sweep.file import Sweep
from text_recognizer.training.sweep.outcome import write_outcome
from text_recognizer.training.sweep.run import Trained, claim

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
BUILT_IN = "--glyphs=strokes --text=builtin --max_length=4 --num_train=128 --num_test=64"

Load = Callable[[str], ModuleType]


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Load:
    """Imports a script of ``benchmarks/`` as it is imported when it is run."""
    monkeypatch.syspath_prepend(BENCHMARKS)

    def load(name: str) -> ModuleType:
        spec = importlib.util.spec_from_file_location(f"benchmark_{name}", BENCHMARKS / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, spec.name, module)
        spec.loader.exec_module(module)
        return module

    return load


@pytest.mark.parametrize("name", sorted(path.stem for path in BENCHMARKS.glob("*.py")))
def test_every_script_can_be_imported(load: Load, name: str) -> None:
    assert load(name).__doc__


@pytest.mark.slow
def test_data_waits_are_a_share(load: Load, capsys: pytest.CaptureFixture[str]) -> None:
    load("training").main(
        ["--only", "data_waits_lines", "--steps=8", "--json", f"--flags={BUILT_IN} --batch_size=8"],
    )
    figures = json.loads(capsys.readouterr().out)
    for workers in (0, 2):
        assert 0 < figures[f"data_wait_lines_{workers}_workers"] < 1


@pytest.mark.slow
def test_line_models_are_timed_and_gathered(load: Load, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    training = load("training")
    gathered, results = tmp_path / "gathered.json", tmp_path / "results.md"
    results.write_text("before\n<!-- training -->\nold\n<!-- /training -->\nafter\n")
    flags = f"{BUILT_IN} --max_epochs=1"
    arguments = ["--reference_steps=1", f"--flags={flags}", f"--gather={gathered}"]
    training.main(["--only", "line_reshape_cnn", *arguments])
    training.main(["--only", f"--gather={gathered}", f"--write={results}", f"--plot={tmp_path / 'plot.png'}"])
    text = results.read_text()
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "old" not in text
    assert "seconds, the lab's LineReshapeCNN for its five epochs" in text
    assert text.count("| LineReshapeCNN to 0.90") == 1
    assert (tmp_path / "plot.png").stat().st_size > 0
    figures = {key: value for key, value, *_ in json.loads(gathered.read_text())["line_reshape_cnn"]["figures"]}
    assert figures["lab_five_epochs_seconds_line_reshape_cnn"] > 0
    assert 0 <= figures["best_acc_line_reshape_cnn"] <= 1


@pytest.mark.slow
def test_trainings_on_emnist_are_gathered_one_by_one(mirror: str, tmp_path: Path) -> None:
    gathered = tmp_path / "gathered.json"
    settings = "--only emnist --minutes=0.001 --seeds=1 --steps=4 --reference_steps=4 --json"
    command = [sys.executable, BENCHMARKS / "training.py", *settings.split(), f"--gather={gathered}"]
    first = subprocess.run(command, capture_output=True, text=True, check=True)
    assert first.stderr.count("Run(") == 2
    gathered.unlink()  # as if it had been interrupted before the end
    second = subprocess.run(command, capture_output=True, text=True, check=True)
    assert second.stderr.count("Run(") == 0
    assert second.stdout == first.stdout
    figures = json.loads(second.stdout)
    ours, lab = figures["emnist_0.001_minutes_acc"], figures["emnist_0.001_minutes_acc_lab"]
    assert figures["emnist_0.001_minutes_gain"] == pytest.approx(ours - lab)


def test_time_to_a_goal_is_that_of_the_first_measurement_at_it(load: Load) -> None:
    training = load("training")
    curve = [(1.0, 0.5), (2.0, 0.9), (3.0, 0.8), (4.0, 0.95)]
    assert training.time_to(curve, 0.9) == 2.0
    assert training.time_to(curve, 0.99) is None


@pytest.mark.parametrize(("page", "experiments"), [("lab.md", "EXPERIMENTS"), ("next-labs.md", "LAB_3")])
def test_the_labs_commands_are_run_as_the_documents_write_them(page: str, experiments: str, load: Load) -> None:
    lines = [line for line in shell_lines(ROOT / "docs" / page) if "training/run_experiment.py" in line]
    written = [set(line.split()[2:]) for line in lines]
    run = [set(flags.split()) for flags in getattr(load("lab"), experiments).values()]
    assert len(run) >= 9
    assert [flags for flags in run if flags not in written] == []


def test_the_labs_models_give_one_output_per_cell(load: Load) -> None:
    import torch

    models = load("lab_models")
    lines = torch.rand(1, 1, 28, 28 * 3)
    assert models.LabCNN(83)(lines[..., :28]).shape == (1, 83)
    for model in (models.LabLineReshapeCNN(83), models.LabLineCNN(83)):
        assert model(lines).shape == (1, 83, 3)


@pytest.mark.slow
def test_the_server_under_load(load: Load, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    results = tmp_path / "results.md"
    results.write_text("<!-- serving -->\n<!-- /serving -->\n")
    serving = load("serving")
    sizes = ["--clients", "1", "8", "--seconds=1", "--requests=100", "--lines=8"]
    serving.main(["--json", f"--write={results}", *sizes])
    printed = capsys.readouterr().out
    figures = json.loads(printed[printed.index("{") :])
    assert figures["load"].keys() == serving.SERVERS.keys()
    for loads in figures["load"].values():
        for one in loads.values():
            assert one["failed"] == 0
            assert one["readings_per_second"] > 0
            assert 0 < one["p50_ms"] <= one["p99_ms"]
    assert figures["memory"]["failed"] == 0
    assert len(figures["memory"]["mb"]) == 3
    assert all(name in results.read_text() for name in serving.SERVERS)


def test_error_rates_count_edits_per_character(load: Load) -> None:
    rates = load("reading").error_rates(["abc", "X y"], ["abd", "xy"])
    assert rates == {"cer": pytest.approx(3 / 5), "cer_folded": pytest.approx(1 / 5)}


def test_installed_size_counts_what_a_package_needs(load: Load) -> None:
    megabytes = load("reading").installed_megabytes
    assert megabytes("numpy") > 10
    assert megabytes("text-recognizer") > megabytes("numpy") + megabytes("pillow")


def test_confidence_is_held_against_rightness(load: Load, tmp_path: Path) -> None:
    confidence = load("confidence")
    readings = [
        Reading("ab", value, tuple(Character(one, value, 0, 1) for one in "ab")) for value in (0.1, 0.15, 0.95, 1.0)
    ]
    texts = ["cd", "ab", "ab", "ab"]
    rows = confidence.reliability([*readings, Reading("", 0.0)], [*texts, "ab"])
    assert [(row["readings"], row["accuracy"]) for row in rows["lines"]] == [(2, 0.5), (2, 1.0)]
    assert [(row["readings"], row["accuracy"]) for row in rows["characters"]] == [(4, 0.5), (4, 1.0)]
    assert [(row["share"], row["cer"]) for row in confidence.rejection(readings, texts)][:2] == [(1, 0.25), (0.5, 0)]
    confidence.plot({"beam": rows}, tmp_path / "plot.png")
    assert (tmp_path / "plot.png").stat().st_size > 1000
    assert "| beam | lines | 0.8 to 1.0 | 2 | 0.975 | 1.000 |" in confidence.table(
        {"reliability": {"beam": rows}, "rejection": [], "data": "", "machine": ""}
    )


def test_overlap_curves_become_a_table_and_a_picture(load: Load, tmp_path: Path) -> None:
    overlap = load("overlap")
    curves = {"one": [0.5] * len(overlap.OVERLAPS), "other": [1.0] * len(overlap.OVERLAPS)}
    assert overlap.table(curves).splitlines()[3] == "| 0.05 | 0.500 | 1.000 |"
    image = np.zeros((28, 100), np.uint8)
    examples = [overlap.Example(share, image, "text", {"one": "test", "other": "text"}) for share in overlap.SHOWN]
    overlap.plot(curves, examples, tmp_path / "plot.png")
    assert (tmp_path / "plot.png").stat().st_size > 1000


def test_a_table_of_learned_hands_says_what_was_missed(load: Load) -> None:
    def row(before: float, after: float, others_after: float) -> dict[str, object]:
        return {
            "hand": "pen 0", "before": before, "after": after, "others_before": 0.05, "others_after": others_after,
            "seconds": 70.2,
        }  # fmt: skip

    hand = load("hand")
    rows = [row(0.2, 0.08, 0.056), row(0.3, 0.16, 0.05), row(0.05, 0.053, 0.04)]
    text = hand.learning_table(hand.summary(rows) | {"lines_of_each": 9, "machine": "this"})
    assert "| pen 0 | 0.200 | 0.080 | 0.050 | 0.056 | 70 |" in text
    assert "more than 10% errors before: 2; with less than half of them after: 1." in text
    assert "change of a hand's rate: +0.30 points (aim: at most +0.50 points" in text
    assert "of the others' rate: +0.60 points" in text


def test_a_simulated_writer_writes_the_same_in_boxes_and_in_lines(load: Load) -> None:
    hands, rng = load("hands"), np.random.default_rng(0)
    for writer in (hands.Writer.of(4), hands.odd_writer(6)):
        ink, again = hands.written(writer, ["Meet me", "Meet me"], rng)
        assert ink.shape[0] == again.shape[0] == hands.LINE_HEIGHT
        assert 0.04 < (ink > 127).mean() < 0.5
        assert ink.shape != again.shape or (ink != again).any()
    assert hands.odd_writer(6) == hands.odd_writer(6)


@pytest.mark.slow
@pytest.mark.usefixtures("mirror")
def test_hands_are_learned_and_read(
    load: Load, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    page = tmp_path / "hand.md"
    page.write_text("<!-- hand-learning -->\n<!-- /hand-learning -->\n")
    hand = load("hand")
    monkeypatch.setattr(hand, "learn", partial(hand.learn, recipe=TINY))
    hand.main(["--learning", "--hands=2", "--first=2", "--lines=8", "--json", f"--write={page}"])
    figures = json.loads(capsys.readouterr().out)
    assert [row["hand"] for row in figures["hands"]] == ["pen 2", "EMNIST 3"]
    for row in figures["hands"]:
        assert 0 < row["others_before"] < 0.5
        assert 0 <= row["after"] < 1
        assert row["seconds"] > 0
    assert "| EMNIST 3 |" in page.read_text()


@pytest.fixture
def iam(tmp_path: Path) -> Path:
    """Three lines in the form of IAM, two of them in the official test part."""
    folder = tmp_path / "iam"
    write_lines(tmp_path / "made", 3)
    rows = [row.split("\t") for row in (tmp_path / "made" / "labels.tsv").read_text(encoding="utf-8").splitlines()[1:]]
    (folder / "ascii").mkdir(parents=True)
    table = []
    for number, (file, text) in enumerate(rows):
        form, name = f"a0{number}-000", f"a0{number}-000-00"
        place = folder / "lines" / form[:3] / form / f"{name}.png"
        place.parent.mkdir(parents=True)
        (tmp_path / "made" / file).rename(place)
        table.append(f"{name} ok 154 19 408 746 1661 89 {text.replace(' ', '|')}")
    (folder / "ascii" / "lines.txt").write_text("\n".join(table), encoding="utf-8")
    (folder / "trainset.txt").write_text("a00-000-00\n", encoding="utf-8")
    (folder / "testset.txt").write_text("a01-000-00\na02-000-00\n", encoding="utf-8")
    return folder


def test_iam_is_measured_on_its_official_test_part(
    load: Load, iam: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    script = load("iam")
    monkeypatch.setattr(script, "peers", lambda: {"Peer 1.0": lambda pictures: ["no" for _ in pictures]})
    script.main([str(iam), f"--model={DEFAULT_MODEL}"])
    heading, _, *rows = capsys.readouterr().out.splitlines()
    assert heading.startswith("| reader | lines | CER |")
    cells = [row.split(" | ") for row in rows[:3]]
    assert [row[:2] for row in cells] == [
        ["| the reader that ships", "2"],
        [f"| {DEFAULT_MODEL.name}", "2"],
        ["| Peer 1.0", "2"],
    ]
    rates = [float(row[2].split()[0]) for row in cells]
    assert rates[0] == rates[1] < 0.5 < rates[2]
    assert any("part test of the official split" in row for row in rows)


def test_iam_without_its_split_or_another_folder_is_refused(load: Load, iam: Path) -> None:
    script = load("iam")
    (iam / "testset.txt").unlink()
    with pytest.raises(UserError, match="no line is in the part test of the official split"):
        script.main([str(iam)])
    with pytest.raises(UserError, match="holds a table of labels, not IAM"):
        script.main([str(write_lines(iam / "other", 1))])


def test_lines_of_pages_are_compared_by_their_overlap(load: Load) -> None:
    drill = load("page_drill")
    written = np.array([[[0, y], [100, y], [100, y + 20], [0, y + 20]] for y in (0, 30, 60)], np.float32)
    found = [written[2], written[0] + (0, 3), written[1] + (0, 15), written[0]]
    assert drill.matches(found, written) == [2, None, None, 0]


@pytest.mark.slow
def test_photographs_of_pages_are_composed_and_read(load: Load) -> None:
    """Three pages of each kind, in the fonts that ship; the drill itself reads 300 in all kinds of ink."""
    drill = load("page_drill")
    tally = drill.drill(drill.sources("builtin"), range(15))
    assert (tally.pages, tally.crashes) == (15, 0)
    assert tally.right > 0.9 * tally.written > 100
    assert tally.right > 0.9 * tally.found
    assert sum(tally.ordered[kind] for kind in drill.ORDERED) >= 5


SWEEP = {
    "method": "random",
    "run_cap": 2,
    "metric": {"name": "val_cer"},
    "parameters": {
        "model_class": {"value": "LineCNN"},
        "data_class": {"value": "EMNISTLines"},
        "max_time": {"value": "00:00:02:00"},
        "loss": {"values": ["ctc", "aligned_ctc"]},
        "lr": {"min": 1e-3, "max": 1e-2},
    },
}


@pytest.fixture
def swept(tmp_path: Path) -> Path:
    """The folder of a sweep that has ended."""
    sweep = Sweep.model_validate(SWEEP)
    claim(sweep, tmp_path, resume=False)
    write_outcome(sweep, [Trained(1, {"loss": "ctc", "lr": 0.004}, 0.2)], tmp_path)
    return tmp_path


def test_what_a_sweep_found_is_trained_beside_the_default_flags(
    load: Load, swept: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep, trained = load("sweep"), []

    def train(flags: dict[str, object], metric: str) -> dict[str, object]:
        trained.append(flags)
        better = 0.1 * ("lr" in flags)
        return {"validations": [0.5, 0.4 - better, 0.45], "test_cer": 0.6 - better, "steps": 9}

    monkeypatch.setattr(sweep, "train", train)
    sweep.main([str(swept), "--seeds", "1", "2"])
    rows = capsys.readouterr().out.splitlines()
    assert rows[0] == "| flags | loss | lr | seed | steps | val_cer | test_cer |"
    assert rows[2:4] == [
        "| default | - | 0.003 | 1 | 9 | 0.400 | 0.600 |",
        "| found | ctc | 0.004 | 1 | 9 | 0.300 | 0.500 |",
    ]
    assert "Mean test_cer: 0.600 with the default flags, 0.500 with those found." in rows[-1]
    assert "--max_time=00:00:02:00" in rows[-1]
    fixed = {name: one["value"] for name, one in SWEEP["parameters"].items() if "value" in one}
    for seed in (1, 2):
        default, found = sorted((flags for flags in trained if flags["seed"] == seed), key=len)
        assert default == fixed | {"seed": seed}
        assert found == default | {"loss": "ctc", "lr": 0.004}
    with pytest.raises(SystemExit, match="others than its 42"):
        sweep.main([str(swept), "--seeds", "1", "42"])


@pytest.mark.slow
def test_a_training_beside_a_sweep_says_what_it_reached(load: Load) -> None:
    flags = dict(flag.removeprefix("--").split("=") for flag in BUILT_IN.split())
    figures = load("sweep").train(
        flags | {"model_class": "LineCNN", "data_class": "EMNISTLines", "max_epochs": 2}, "val_cer"
    )
    assert len(figures["validations"]) == 2
    assert {"test_cer", "steps"} <= figures.keys()


def test_figures_of_scaling_are_a_table(load: Load) -> None:
    figures = {"reading_2_processes": 1.9024, "memory_1000000_names": 1.05}
    rows = load("scaling").table(figures, Namespace(archive=2000, lines=100_000, names=1_000_000)).splitlines()
    assert rows[2:4] == [
        "| speed of two processes that read 2,000 lines, over that of one | 1.9 |",
        "| peak memory of a run over 1,000,000 names, over that of 1,000 | 1.05 |",
    ]
    assert rows[-1].startswith("Machine: ")
