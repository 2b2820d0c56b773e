"""Every name that a folder, a pattern or a list stands for comes once, whatever the disk holds besides."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from text_recognizer.errors import UsageError
from text_recognizer.reading.archive.listing import Listing, Shard

NAMES = ("a.png", "b.JPG", "below/c.png", "below/deeper/d.png", "notes.txt", "photo.heic", ".hidden")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in NAMES:
        path = tmp_path / "pictures" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return tmp_path / "pictures"


def names(sources: list[str], below: Path, **how: object) -> list[str]:
    return sorted(os.path.relpath(found.file, below) for found in Listing(sources, {".png", ".jpg"}, **how))  # type: ignore[arg-type]


def test_folders_with_and_without_those_below(folder: Path) -> None:
    assert names([str(folder)], folder) == ["a.png", "b.JPG"]
    assert names([str(folder)], folder, recursive=True) == ["a.png", "b.JPG", "below/c.png", "below/deeper/d.png"]


def test_what_is_skipped_is_counted(folder: Path) -> None:
    listing = Listing([str(folder)], {".png", ".jpg"})
    assert len(list(listing)) == 2
    assert listing.skipped == {"folders": 1, ".txt": 1, ".heic": 1}


def test_kinds_that_are_skipped_take_no_more_memory_than_a_line(tmp_path: Path) -> None:
    for number in range(200):
        (tmp_path / f"scan.{number:03}").touch()
    listing = Listing([str(tmp_path)], {".png"})
    list(listing)
    assert len(listing.skipped) < 30
    assert sum(listing.skipped.values()) == 200


def test_patterns_files_and_lists(folder: Path, tmp_path: Path) -> None:
    names_file = tmp_path / "list.txt"
    names_file.write_bytes("\ufeffa.png\r\n\nmit Leerzeichen .png\nä.png\n".encode() + b"\xff.png\n")
    assert names([f"{folder}/**/*.png"], folder) == ["a.png", "below/c.png", "below/deeper/d.png"]
    assert names([str(folder / "a.png"), "-"], folder)[0].endswith("-")
    found = [one.file for one in Listing([str(names_file)], {".png"})]
    assert found == ["a.png", "mit Leerzeichen .png", "ä.png", "\udcff.png"]


def test_a_name_that_is_too_long_costs_no_other() -> None:
    assert [found.file for found in Listing(["a" * 300, "b.png"], {".png"})] == ["a" * 300, "b.png"]


@pytest.mark.parametrize("source", ["missing.png", "*.gif", "empty", "missing.txt"])
def test_a_source_that_stands_for_nothing_is_reported_in_its_place(source: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert [found.file for found in Listing([str(tmp_path / source)], {".png"})] == [str(tmp_path / source)]


def test_a_link_that_leads_back_is_not_followed(folder: Path) -> None:
    (folder / "below" / "back").symlink_to(folder)
    assert len(names([str(folder)], folder, recursive=True)) == 4


def test_a_folder_that_cannot_be_listed_costs_no_other(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scandir = os.scandir

    def refuse(path: str) -> object:
        if str(path).endswith("below"):
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    found = {os.path.relpath(one.file, folder): one.error for one in Listing([str(folder)], {".png"}, recursive=True)}
    assert found["a.png"] is None
    assert "cannot be listed (Permission denied)" in str(found["below"])


def test_shards_are_parts_of_the_whole_wherever_the_folder_is(folder: Path, tmp_path: Path) -> None:
    for number in range(200):
        (folder / f"{number}.png").touch()
    parts = [names([str(folder)], folder, shard=Shard(number, 3)) for number in (1, 2, 3)]
    assert sorted(name for part in parts for name in part) == names([str(folder)], folder)
    assert all(40 < len(part) < 95 for part in parts)
    moved = folder.rename(tmp_path / "elsewhere")
    assert names([f"{moved}/"], moved, shard=Shard(1, 3)) == parts[0]


@pytest.mark.parametrize("text", ["", "3", "0/4", "5/4", "1/0", "a/b", "1/2/3", "-1/4"])
def test_a_shard_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="1/16 to 16/16"):
        Shard.parse(text)


def test_each_shard_has_an_output_of_its_own() -> None:
    assert Shard.parse("3/16").of(Path("out/rows.jsonl")) == Path("out/rows-3-of-16.jsonl")
    assert Shard.parse("1/1").of(Path("rows.parquet")) == Path("rows.parquet")
