"""A run over an archive reads each file once, says how far it is, and takes no memory for what it has read."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from scaling import NAMES_PROGRAM

from text_recognizer.reading.archive import run as module
from text_recognizer.reading.archive.listing import Listing
from text_recognizer.reading.archive.rows import open_rows
from text_recognizer.reading.archive.run import Tally, duration, read_archive, skipped


def rows_of(files: Iterator[str]) -> Iterator[list[dict[str, Any]]]:
    return ([{"file": file} | ({"error": "no"} if "bad" in file else {"text": file})] for file in files)


def test_each_file_gets_one_row_over_several_runs(tmp_path: Path) -> None:
    def stop_after_two(files: Iterator[str]) -> Iterator[list[dict[str, Any]]]:
        for number, rows in enumerate(rows_of(files)):
            yield rows
            if number == 1:
                raise KeyboardInterrupt

    out = tmp_path / "rows.jsonl"
    listing = Listing(["a.png", "bad.png", "a.png", "c.png", "d.png"], set())
    with pytest.raises(KeyboardInterrupt), open_rows(out, resume=False) as rows:
        read_archive(listing, stop_after_two, rows)
    with open_rows(out, resume=True) as rows:
        tally = read_archive(listing, rows_of, rows)
    files = [json.loads(line)["file"] for line in out.read_text().splitlines()]
    assert files == ["a.png", "bad.png", "c.png", "d.png"]
    assert (tally.before, tally.read, tally.failed, tally.total) == (3, 2, 0, 5)


def test_folders_that_cannot_be_listed_are_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: str) -> object:
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr("os.scandir", refuse)
    with open_rows(tmp_path / "rows.jsonl", resume=False) as rows:
        tally = read_archive(Listing([str(tmp_path)], set()), rows_of, rows)
    assert tally.failed == 1
    assert "Permission denied" in (tmp_path / "rows.jsonl").read_text()


def test_a_file_with_a_page_that_cannot_be_read_has_failed() -> None:
    tally = Tally()
    tally.note([{"file": "a.pdf", "pages": [{"page": 1, "text": "a"}, {"page": 2, "error": "no"}]}])
    tally.note([{"file": "b.pdf", "pages": [{"page": 1, "text": "a"}, {"page": 2, "text": "b"}]}])
    assert (tally.read, tally.failed) == (2, 1)


def test_names_that_are_no_utf_8_are_rows(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_bytes(b"M\xfcller.png\na.png\n")
    with open_rows(tmp_path / "rows.jsonl", resume=False) as rows:
        tally = read_archive(Listing([str(tmp_path / "list.txt")], set()), rows_of, rows)
    assert tally.failed == 2
    [missing, _] = [json.loads(line) for line in (tmp_path / "rows.jsonl").read_text().splitlines()]
    assert missing["file"] == r"M\xfcller.png"
    assert missing["error"].startswith(r"M\xfcller.png: no such file.")


def test_rate_and_what_is_left_are_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setattr(module, "REPORT_SECONDS", 0.0)
    with open_rows(tmp_path / "rows.jsonl", resume=False) as rows:
        read_archive(Listing([f"{number}.png" for number in range(5)], set()), rows_of, rows)
    assert "a second" in capsys.readouterr().err
    tally = Tally(before=100, read=50, failed=2, total=1150, started=time.monotonic() - 10)
    assert str(tally) == "150 of 1,150 have a row, 2 failed, 5.0 a second, 3 min left"


@pytest.mark.parametrize(
    ("seconds", "said"), [(45, "45 s"), (720, "12 min"), (12_000, "3 h 20 min"), (446_400, "5 d 4 h")]
)
def test_times_are_said_as_people_do(seconds: float, said: str) -> None:
    assert duration(seconds) == said


def test_what_a_folder_holds_besides_is_said(tmp_path: Path) -> None:
    for name in ("a.heic", "b.heic", "c.png"):
        (tmp_path / name).touch()
    (tmp_path / "below").mkdir()
    listing = Listing([str(tmp_path)], {".png"})
    assert skipped(listing) is None
    list(listing)
    assert skipped(listing) == "Skipped: 2 .heic, 1 folders. Read folders below with --recursive."


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
@pytest.mark.parametrize(
    "resumed", [pytest.param(False, marks=pytest.mark.drill), pytest.param(True, marks=pytest.mark.slow)]
)
def test_a_million_names_take_no_more_memory_than_a_thousand(resumed: bool, tmp_path: Path) -> None:
    def peak(count: int) -> int:
        names, out = tmp_path / f"{count}.txt", tmp_path / f"{count}.jsonl"
        names.write_text("".join(f"archive/{number:07}/page.png\n" for number in range(count)))
        if resumed:
            out.write_text("".join(f'{{"file": "archive/{number:07}/page.png"}}\n' for number in range(count // 2)))
        done = subprocess.run(
            [sys.executable, "-c", NAMES_PROGRAM, str(names), str(out)],
            capture_output=True,
            text=True,
            timeout=580,
            check=True,
        )
        assert len(out.read_text().splitlines()) == count
        return int(done.stdout)

    few, many = peak(1_000), peak(1_000_000)
    assert many < 1.3 * few, (few, many)
