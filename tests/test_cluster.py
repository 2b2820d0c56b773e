"""Ray is an extra: nothing needs it but what asks for it. Work that is spread over a cluster is the same work."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from cluster_tools import processes, wait_for
from documents import ROOT
from reading_tools import make_archive

from text_recognizer.cli import main
from text_recognizer.cluster import check_engine, check_ray
from text_recognizer.errors import UsageError
from text_recognizer.reading.archive import cluster as module
from text_recognizer.reading.archive.cluster import rows_on_cluster
from text_recognizer.training.arguments import parse

PICTURES = int(os.environ.get("DRILL_EXAMPLES", 2000))
WORKERS = 4
MOST_SECONDS = 500 + PICTURES // 25
WITHOUT_RAY = """
import importlib, sys
sys.modules["ray"] = sys.modules["optuna"] = None
from text_recognizer.cli import COMMANDS, main
for command in COMMANDS.values():
    importlib.import_module(command.module)
sys.exit(main(["lines", "--count=2", "--glyphs=strokes", "--shards=webdataset", "--out=shards"]))
"""
SWEEP = {
    "method": "bayes",
    "metric": {"name": "val_cer"},
    "early_terminate": {"type": "hyperband", "min_iter": 1},
    "run_cap": 3,
    "parameters": {
        "model_class": {"value": "LineReader"},
        "data_class": {"value": "EMNISTLines"},
        "layout": {"value": "mixed"},
        "glyphs": {"value": "strokes"},
        "text": {"value": "builtin"},
        "max_length": {"value": 8},
        "num_train": {"value": 64},
        "num_val": {"value": 16},
        "max_epochs": {"value": 3},
        "context_dim": {"value": 16},
        "conv_dim": {"values": [8, 16]},
        "lr": {"min": "1e-4", "max": 0.01, "distribution": "log_uniform_values"},
    },
}


def environment() -> dict[str, str]:
    return os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}


def rows(out: Path) -> list[dict[str, Any]]:
    return sorted(map(json.loads, out.read_text(encoding="utf-8").splitlines()), key=lambda row: str(row["file"]))


def test_no_command_imports_ray_unasked(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", WITHOUT_RAY], cwd=tmp_path, env=environment(), timeout=MOST_SECONDS)
    assert done.returncode == 0
    assert (tmp_path / "shards" / "lines-000000.tar").is_file()


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"--engine=ray needs ray, .* pip install 'text-recognizer\[cluster\]'"):
        check_engine("ray", None)
    with pytest.raises(UsageError, match="text-recognizer sweep needs ray"):
        check_ray("text-recognizer sweep")


def test_an_address_without_ray_is_refused() -> None:
    with pytest.raises(UsageError, match="Give --engine=ray too"):
        check_engine("here", "auto")


@pytest.fixture
def address() -> Iterator[str]:
    """A cluster on this machine with a core for each of ``WORKERS``, whatever the machine has."""
    pytest.importorskip("ray", reason="needs the extra cluster")
    from ray.cluster_utils import Cluster

    started = Cluster(initialize_head=True, head_node_args={"num_cpus": WORKERS, "include_dashboard": False})
    yield started.address
    started.shutdown()


@pytest.mark.drill
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks for workers in /proc")
def test_rows_are_those_of_one_process_though_a_worker_is_killed(tmp_path: Path, model: Path, address: str) -> None:
    archive, out = make_archive(tmp_path / "archive", PICTURES), tmp_path / "ray.jsonl"
    command = [sys.executable, "-m", "text_recognizer", "read", str(archive), "--recursive", f"--model={model}"]
    plain = subprocess.run([*command, f"--out={tmp_path / 'plain.jsonl'}"], env=environment(), timeout=MOST_SECONDS)
    engine = ["--engine=ray", f"--address={address}", "--threads=1"]
    spread = subprocess.Popen([*command, f"--out={out}", *engine], env=environment())
    wait_for(lambda: out.exists() and out.stat().st_size, MOST_SECONDS, spread)
    wait_for(lambda: len(processes("ray::MapWorker")) == WORKERS, MOST_SECONDS, spread)
    os.kill(processes("ray::MapWorker")[0], signal.SIGKILL)
    assert spread.wait(MOST_SECONDS) == plain.returncode == 1
    assert rows(out) == rows(tmp_path / "plain.jsonl")
    assert len(rows(out)) == PICTURES


@pytest.mark.drill
def test_a_picture_that_ends_its_workers_takes_no_other_along(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ray", reason="needs the extra cluster")
    monkeypatch.setattr(module, "TRIES", 1)

    def make_reader() -> Any:
        def read(files: Iterator[str]) -> Iterator[list[dict[str, Any]]]:
            for file in files:
                if file == "bad":
                    os._exit(1)
                yield [{"file": file, "text": file.upper()}]

        return read

    found = [row for rows in rows_on_cluster(make_reader, 1, None)(iter(["a", "bad", "b\udcff"])) for row in rows]
    assert sorted(row["file"] for row in found) == ["a", "bad", "b\udcff"]
    assert {row["file"]: row.get("text") for row in found} == {"a": "A", "b\udcff": "B\udcff", "bad": None}


@pytest.mark.slow
def test_shards_are_those_of_one_process(tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="needs the extra cluster")
    flags = ["lines", "--count=25", "--max_chars=8", "--shards=webdataset", "--shard_lines=10", "--glyphs=strokes"]
    assert main([*flags, f"--out={tmp_path / 'plain'}"]) == 0
    assert main([*flags, f"--out={tmp_path / 'ray'}", "--engine=ray"]) == 0
    files = [{path.name: path.read_bytes() for path in (tmp_path / name).iterdir()} for name in ("plain", "ray")]
    assert files[0] == files[1]


@pytest.mark.drill
@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGINT")
def test_a_sweep_that_is_stopped_goes_on_to_its_end(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("ray", reason="needs the extra cluster")
    config, out = tmp_path / "sweep.yaml", tmp_path / "out"
    config.write_text(yaml.safe_dump(SWEEP))
    command = ["sweep", f"--config={config}", f"--out={out}"]
    log = tmp_path / "log"
    with log.open("w") as file:
        started = subprocess.Popen([sys.executable, "-m", "text_recognizer", *command], env=environment(), stderr=file)
        wait_for(lambda: "1 of 3: " in log.read_text(), MOST_SECONDS, started)
        started.send_signal(signal.SIGINT)
        assert started.wait(MOST_SECONDS) == 130
    assert "Go on with --resume" in log.read_text()
    assert main(command) == 2
    assert main([*command, "--resume"]) == 0
    printed = capsys.readouterr().out
    assert len([line for line in printed.splitlines() if line.startswith(("1 ", "2 ", "3 "))]) == 3
    assert (out / "sweep.png").is_file()
    best = parse([f"--config={out / 'best.yaml'}"], "train")
    assert best.data["num_train"] == 64
    assert best.model["conv_dim"] in (8, 16)
