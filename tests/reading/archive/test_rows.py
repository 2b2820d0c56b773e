"""Rows that were written are found again, once each, however the process before ended."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from text_recognizer.errors import UsageError, UserError, printable
from text_recognizer.reading.archive import rows as module
from text_recognizer.reading.archive.rows import RowFile, open_rows

ROWS: list[dict[str, Any]] = [
    {"file": "a.png", "text": "Grüße", "confidence": 0.9, "characters": []},
    {"file": "b.png", "error": "b.png: 0 bytes"},
]
KINDS = ["rows.jsonl", "rows.parquet"]


@pytest.fixture(params=KINDS)
def out(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    if request.param.endswith(".parquet"):
        pytest.importorskip("pyarrow", reason="needs the extra cluster")
    return tmp_path / "folder" / request.param


def write(out: Path, rows: list[dict[str, Any]], *, resume: bool = False) -> list[bool]:
    """Write those rows that are not there; which these were."""
    with open_rows(out, resume=resume) as file:
        new = [file.seen.claim(row["file"]) for row in rows]
        file.add([row for row, is_new in zip(rows, new, strict=True) if is_new])
    return new


def content(out: Path) -> list[dict[str, Any]]:
    if out.suffix == ".jsonl":
        return [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    import pyarrow.parquet as parquet

    return parquet.read_table(out).to_pylist()


def test_what_is_there_is_not_written_again(out: Path) -> None:
    assert write(out, ROWS) == [True, True]
    assert write(out, [*ROWS, {"file": "c.png", "text": ""}], resume=True) == [False, False, True]
    assert [row["file"] for row in content(out)] == ["a.png", "b.png", "c.png"]
    assert content(out)[0]["text"] == "Grüße"
    assert content(out)[1]["error"] == "b.png: 0 bytes"


def test_without_resume_nothing_that_is_there_is_touched(out: Path) -> None:
    write(out, ROWS)
    with pytest.raises(UsageError, match="--resume"):
        write(out, ROWS)
    assert len(content(out)) == 2


def test_two_processes_do_not_write_one_output(out: Path) -> None:
    with open_rows(out, resume=False):
        program = (
            "import sys; from pathlib import Path; from text_recognizer.reading.archive.rows import open_rows\n"
            "open_rows(Path(sys.argv[1]), resume=True)"
        )
        done = subprocess.run([sys.executable, "-c", program, str(out)], capture_output=True, text=True, timeout=60)
    assert f"Another process writes {out}" in done.stderr
    assert write(out, ROWS, resume=True) == [True, True]


@pytest.mark.parametrize("kept", range(1, 40, 6))
def test_half_a_row_is_cut_off_and_read_again(kept: int, tmp_path: Path) -> None:
    out = tmp_path / "rows.jsonl"
    write(out, ROWS)
    first = out.read_bytes().splitlines(keepends=True)[0]
    out.write_bytes(first + out.read_bytes()[len(first) :][:kept])
    assert write(out, ROWS, resume=True) == [False, True]
    assert [row["file"] for row in content(out)] == ["a.png", "b.png"]


@pytest.mark.parametrize("text", ["not rows", "[1]\n", '{"file": "a.png"}\n{}\n', "\n", "\x00\x00"])
def test_a_file_of_something_else_is_refused_and_left_alone(text: str, tmp_path: Path) -> None:
    out = tmp_path / "rows.jsonl"
    out.write_text(text)
    with pytest.raises(UserError, match=r"rows.jsonl: line \d is no row"):
        open_rows(out, resume=True)
    assert out.read_text() == text


def test_parquet_is_written_part_by_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pyarrow", reason="needs the extra cluster")
    monkeypatch.setattr(module, "PART_ROWS", 3)
    out = tmp_path / "rows.parquet"
    with open_rows(out, resume=False) as file:
        file.add([{"file": f"{number}.png", "text": "o"} for number in range(7)])
        assert len(list(out.glob("*.parquet"))) == 2
        monkeypatch.setattr(module, "PART_SECONDS", -1.0)
        file.add([])
        assert len(list(out.glob("*.parquet"))) == 3
    assert len(content(out)) == 7


def test_a_damaged_part_is_named(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow", reason="needs the extra cluster")
    out = tmp_path / "rows.parquet"
    write(out, ROWS)
    [part] = out.glob("*.parquet")
    part.write_bytes(part.read_bytes()[:50])
    with pytest.raises(UserError, match=r"part-000000.parquet: damaged.*Remove it"):
        open_rows(out, resume=True)


def test_parquet_without_its_library_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(UsageError, match=r"text-recognizer\[cluster\]"):
        open_rows(tmp_path / "rows.parquet", resume=False)


def test_another_ending_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r".jsonl or .parquet"):
        open_rows(tmp_path / "rows.csv", resume=False)


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="Cannot write"):
        open_rows(tmp_path / "file" / "rows.jsonl", resume=False)


def test_a_full_disk_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(rows: object, **how: object) -> str:
        raise OSError(28, "No space left on device")

    def add(file: RowFile) -> None:
        monkeypatch.setattr(module.json, "dumps", full)
        file.add(ROWS)

    with open_rows(tmp_path / "rows.jsonl", resume=False) as file, pytest.raises(UserError, match="Make room"):
        add(file)


def test_names_that_are_no_text_are_escaped() -> None:
    assert printable("a\udcff.png") == r"a\xff.png"
    assert printable("ä.png") == "ä.png"
