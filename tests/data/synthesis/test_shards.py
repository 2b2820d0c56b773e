"""Shards of composed lines: the same bytes whoever writes them, read by what others wrote."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from text_recognizer.commands.lines import lines
from text_recognizer.data.synthesis import shards as module
from text_recognizer.errors import UsageError

FORMATS = ["webdataset", "parquet"]


def write(out: Path, shards: str = "webdataset", **how: object) -> dict[str, bytes]:
    """The files of a folder of shards."""
    if shards == "parquet":
        pytest.importorskip("pyarrow", reason="needs the extra cluster")
    lines(**{"out": str(out), "count": 25, "shard_lines": 10, "shards": shards, "max_chars": 8, **how})  # type: ignore[arg-type]
    return {path.name: path.read_bytes() for path in out.iterdir()}


@pytest.mark.parametrize("shards", FORMATS)
def test_workers_and_batches_leave_the_bytes_alone(
    shards: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = write(tmp_path / "one", shards, degraded=True, layout="mixed")
    assert sorted(whole)[0].startswith("lines-000000.")
    assert len(whole) == 4
    assert write(tmp_path / "two", shards, degraded=True, layout="mixed", workers=2) == whole
    monkeypatch.setattr(module, "BATCH", 3)
    assert write(tmp_path / "three", shards, degraded=True, layout="mixed") == whole


def test_a_tar_file_holds_picture_and_text_of_each_line(tmp_path: Path) -> None:
    write(tmp_path / "shards")
    lines(out=str(tmp_path / "files"), count=25, max_chars=8)
    labels = dict(line.split("\t") for line in (tmp_path / "files" / "labels.tsv").read_text().splitlines())
    with tarfile.open(tmp_path / "shards" / "lines-000002.tar") as tar:
        assert tar.getnames() == [f"{number:09}.{ending}" for number in range(20, 25) for ending in ("png", "txt")]
        content = {member.name: tar.extractfile(member).read() for member in tar}  # type: ignore[union-attr]
    assert content["000000023.txt"].decode() == labels["23.png"]
    picture = np.asarray(Image.open(io.BytesIO(content["000000023.png"])))
    assert (picture == np.asarray(Image.open(tmp_path / "files" / "23.png"))).all()


def test_parquet_holds_the_same(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="needs the extra cluster")
    write(tmp_path / "tar")
    write(tmp_path / "parquet", "parquet")
    rows = [
        row for path in sorted((tmp_path / "parquet").glob("*.parquet")) for row in parquet.read_table(path).to_pylist()
    ]
    assert [row["number"] for row in rows] == list(range(25))
    with tarfile.open(tmp_path / "tar" / "lines-000000.tar") as tar:
        assert tar.extractfile("000000007.png").read() == rows[7]["png"]  # type: ignore[union-attr]
        assert tar.extractfile("000000007.txt").read().decode() == rows[7]["text"]  # type: ignore[union-attr]


def test_only_what_is_missing_is_written(tmp_path: Path) -> None:
    whole = write(tmp_path)
    (tmp_path / "lines-000001.tar").unlink()
    (tmp_path / "lines-000000.tar").write_bytes(b"is there")
    again = write(tmp_path)
    assert again == whole | {"lines-000000.tar": b"is there"}


@pytest.mark.parametrize("other", [{"seed": 1}, {"count": 26}, {"layout": "exact"}, {"shard_lines": 9}])
def test_shards_of_other_lines_are_not_mixed(other: dict[str, object], tmp_path: Path) -> None:
    write(tmp_path)
    with pytest.raises(UsageError, match="shards of other lines"):
        write(tmp_path, **other)


def test_impossible_values_are_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="must be a folder"):
        lines(out=str(tmp_path / "a.png"), shards="webdataset")
    with pytest.raises(UsageError, match="--shards is 'zip'"):
        lines(out=str(tmp_path), shards="zip")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="--workers is 0"):
        lines(out=str(tmp_path), shards="webdataset", workers=0)
