"""``read`` takes addresses of object stores: the rows are those of the same folder on the disk."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from reading_tools import make_archive
from store_tools import BUCKET, serving

from text_recognizer.cli import main
from text_recognizer.commands.form import form
from text_recognizer.errors import UsageError, UserError
from text_recognizer.imaging.pictures import MAX_BYTES
from text_recognizer.reading.archive import addresses
from text_recognizer.reading.archive.listing import Listing, Shard

pytest.importorskip("pyarrow.fs", reason="needs the extra cluster")

ODD = "ä b#1?%41+.png"


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An archive, with a name that is escaped in addresses."""
    for name, value in {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"}.items():
        monkeypatch.setenv(name, value)
    folder = make_archive(tmp_path / "store" / "archive", 12)
    (folder / "0" / "0" / "0.png").rename(folder / ODD)
    (folder / "notes.txt").touch()
    return folder


@pytest.fixture
def options(archive: Path) -> Iterator[str]:
    """What follows the path in the address of the store that holds the archive."""
    with serving(archive.parent) as options:
        yield options


def rows(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]


def named(found: list[dict[str, Any]], root: str) -> list[dict[str, Any]]:
    """Rows with the names of files below ``root``, in order."""
    shortened = [
        {name: value.replace(row["file"], "*") if name == "error" else value for name, value in row.items()}
        | {"file": addresses.name_below(row["file"], root)}
        for row in found
    ]
    return sorted(shortened, key=lambda row: str(row["file"]))


def test_rows_are_those_of_the_folder(archive: Path, options: str, tmp_path: Path, model: Path) -> None:
    sources = {"disk": str(archive), "file": archive.as_uri(), "s3": f"s3://{BUCKET}/archive?{options}"}
    for name, source in sources.items():
        out = tmp_path / f"{name}.jsonl"
        assert main(["read", source, "--recursive", f"--out={out}", f"--model={model}"]) == 1
    on_disk = sorted(
        (row | {"file": str(Path(row["file"]).relative_to(archive))} for row in rows(tmp_path / "disk.jsonl")),
        key=lambda row: str(row["file"]),
    )
    for row in on_disk:
        if "error" in row:
            row["error"] = row["error"].replace(str(archive / row["file"]), "*")
    assert len(on_disk) == 12
    assert ODD in [row["file"] for row in on_disk]
    for name in ("file", "s3"):
        assert named(rows(tmp_path / f"{name}.jsonl"), sources[name]) == on_disk


@pytest.mark.slow
def test_a_cluster_gives_the_same_rows(archive: Path, options: str, tmp_path: Path, model: Path) -> None:
    pytest.importorskip("ray", reason="needs the extra cluster")
    command = ["read", f"s3://{BUCKET}/archive?{options}", "--recursive", f"--model={model}", "--threads=1"]
    plain, spread = tmp_path / "plain.jsonl", tmp_path / "spread.jsonl"
    assert main([*command, f"--out={plain}"]) == 1
    assert main([*command, f"--out={spread}", "--engine=ray"]) == 1
    assert sorted(plain.read_text().splitlines()) == sorted(spread.read_text().splitlines())


def test_the_file_of_a_row_is_an_address_that_is_read(
    archive: Path, options: str, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    [found] = Listing([f"s3://{BUCKET}/archive/?{options}"], {".png"})
    (tmp_path / "list.txt").write_text(f"{found.file}\n", encoding="utf-8")
    for source in (found.file, str(tmp_path / "list.txt")):
        assert main(["read", source, f"--model={model}"]) == 0
        assert capsys.readouterr().out == "I\n"


def test_parts_and_skipped_files_are_those_of_the_folder(archive: Path, options: str) -> None:
    listings = [Listing([source], {".png"}, True) for source in (str(archive), f"s3://{BUCKET}/archive?{options}")]
    for number in (1, 2, 3):
        keys = []
        for listing in listings:
            listing.shard = Shard(number, 3)
            keys.append(sorted(found.key for found in listing))
        assert keys[0] == keys[1] != []
    assert listings[0].skipped == listings[1].skipped == {".txt": 3}


def test_what_vanishes_after_it_was_listed_is_told(archive: Path, options: str) -> None:
    [found] = Listing([f"s3://{BUCKET}/archive?{options}"], {".png"})
    (archive / ODD).unlink()
    with pytest.raises(UserError, match=r"archive/.*: nothing is there\."):
        addresses.picture_at(found.file)


def test_no_more_is_fetched_than_a_picture_may_have(tmp_path: Path) -> None:
    with (tmp_path / "huge.png").open("wb") as file:
        file.truncate(MAX_BYTES + 1000)
    assert len(addresses.picture_at((tmp_path / "huge.png").as_uri())) == MAX_BYTES + 1


@pytest.mark.parametrize(
    ("source", "code", "said"),
    [
        ("ftp://host/folder", 2, "ftp://host/folder: no address that can be read (Unrecognized filesystem type"),
        ("s3://", 2, "s3://: no address that can be read (Missing bucket name"),
        ("file:///no/such/folder", 1, "file:///no/such/folder: nothing is there."),
        ("s3://key:word@bucket/a", 2, "An address must not hold a password"),
        ("s3://bucket/a?endpoint_override=127.0.0.1:1&scheme=http&region=us-east-1", 1, "cannot be reached ("),
    ],
)
def test_an_address_that_leads_nowhere_is_refused_before_anything_is_written(
    source: str, code: int, said: str, tmp_path: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "rows.jsonl"
    assert main(["read", source, f"--out={out}", f"--model={model}"]) == code
    message = capsys.readouterr().err
    assert said in message
    assert "word" not in message.replace("password", "")
    assert not out.exists()


def test_an_address_needs_pyarrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow.fs", None)
    with pytest.raises(UsageError, match=r"s3:// needs pyarrow.*text-recognizer\[cluster\]"):
        addresses.check_addresses(["s3://bucket/folder"])


def test_names_on_the_disk_are_no_addresses() -> None:
    names = ["folder", "/a/b", "C:\\a", "C:/a", "a:b", "-", "a//b", "x/s3://b"]
    assert [name for name in names if addresses.is_address(name)] == []


def test_forms_are_read_from_the_disk_alone() -> None:
    with pytest.raises(UsageError, match="Copy them here"):
        form("template.json", ["s3://bucket/forms"])
