"""``read --out``: an archive is read whole, once, whatever ends the process on the way."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import cv2
import pytest
from documents import ROOT
from reading_tools import bars, make_archive

from text_recognizer.cli import main
from text_recognizer.commands.read import read
from text_recognizer.errors import UsageError

KILLS = 3
MOST_SECONDS = 120


def rows(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]


def test_an_archive_becomes_rows(tmp_path: Path, model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    archive, out = make_archive(tmp_path / "archive", 20), tmp_path / "rows.jsonl"
    assert main(["read", str(archive), "--recursive", f"--out={out}", f"--model={model}"]) == 1
    found = {Path(row["file"]).stem: row for row in rows(out)}
    assert sorted(found, key=int) == [str(number) for number in range(20)]
    assert found["2"]["text"] == "III"
    assert "9.png: broken or truncated picture" in found["9"]["error"]
    output = capsys.readouterr()
    assert output.out == ""
    assert f"{out}: 20 of 20 have a row, 2 failed" in output.err


def test_the_command_line_gives_the_same_rows(tmp_path: Path, model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    archive, out = make_archive(tmp_path / "archive", 5), tmp_path / "rows.jsonl"
    assert read([f"{archive}/**/*.png"], out=str(out), model=str(model)) == 0
    assert read([f"{archive}/**/*.png"], json=True, model=str(model)) == 0
    printed = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert sorted(map(str, rows(out))) == sorted(map(str, printed))


def test_doubts_and_rejections_are_in_the_rows(tmp_path: Path, model: Path) -> None:
    archive, out = make_archive(tmp_path / "archive", 1), tmp_path / "rows.jsonl"
    assert read([str(archive)], recursive=True, out=str(out), model=str(model), reject_below=1.0) == 1
    assert "rejected: its confidence is" in rows(out)[0]["error"]
    cv2.imwrite(str(archive / "blank.png"), bars([]))
    assert read([str(archive)], out=str(out), model=str(model), resume=True) == 0
    assert rows(out)[1]["doubts"] == ["no writing was found."]


def test_shards_are_the_whole(tmp_path: Path, model: Path) -> None:
    archive = make_archive(tmp_path / "archive", 9)
    for number in (1, 2):
        read([str(archive)], recursive=True, out=str(tmp_path / "r.jsonl"), model=str(model), shard=f"{number}/2")
    parts = [rows(tmp_path / f"r-{number}-of-2.jsonl") for number in (1, 2)]
    assert sorted(int(Path(row["file"]).stem) for part in parts for row in part) == list(range(9))


@pytest.mark.parametrize("how", [{"resume": True}, {"shard": "1/2"}])
def test_flags_of_archives_need_an_output(how: dict[str, Any], model: Path) -> None:
    with pytest.raises(UsageError, match="need --out"):
        read(["folder"], model=str(model), **how)


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
@pytest.mark.parametrize(
    "name",
    [pytest.param("rows.jsonl", marks=pytest.mark.slow), pytest.param("rows.parquet", marks=pytest.mark.drill)],
)
def test_killed_again_and_again_no_row_is_lost_or_double(name: str, tmp_path: Path, model: Path) -> None:
    if name.endswith("parquet"):
        parquet = pytest.importorskip("pyarrow.parquet", reason="needs the extra cluster")
    archive, out = make_archive(tmp_path / "archive", 4000), tmp_path / name
    command = [sys.executable, "-m", "text_recognizer", "read", str(archive), "--recursive", "--resume"]
    command += [f"--out={out}", f"--model={model}"]
    env = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    rng = random.Random(0)
    for _ in range(KILLS):
        process = subprocess.Popen(command, env=env, stderr=subprocess.DEVNULL)
        before, deadline = size(out), time.monotonic() + MOST_SECONDS
        while size(out) == before and process.poll() is None:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        time.sleep(rng.uniform(0, 0.3))
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
    assert subprocess.run(command, env=env, timeout=300).returncode == 1
    found = rows(out) if name.endswith("jsonl") else parquet.read_table(out).to_pylist()
    assert sorted(int(Path(row["file"]).stem) for row in found) == list(range(4000))
    assert sum(row.get("error") is not None for row in found) == 400


def size(out: Path) -> int:
    """Bytes of rows that are written."""
    files = [out] if out.suffix == ".jsonl" else out.glob("*.parquet")
    return sum(file.stat().st_size for file in files if file.exists())
