import errno
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from text_recognizer.errors import UserError
from text_recognizer.files import check_can_be_written, replacing, write_text


def test_an_interrupted_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write_text(path, "old")

    def write_half() -> None:
        with replacing(path) as temporary:
            temporary.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_half()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"Cannot write .*a\.txt"):
        write_text(tmp_path / "file" / "a.txt", "text")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EIO])
def test_a_disk_that_takes_no_more_is_the_fault_of_the_file(tmp_path: Path, number: int) -> None:
    with pytest.raises(UserError, match=r"Cannot write .*a\.txt"), replacing(tmp_path / "a.txt"):
        raise OSError(number, os.strerror(number))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "error",
    [
        FileNotFoundError(errno.ENOENT, "No such file", "input.png"),
        ConnectionResetError(errno.ECONNRESET, "Connection reset by peer"),
        TimeoutError("no answer"),
        BrokenPipeError(errno.EPIPE, "Broken pipe"),
        OSError("cannot write mode RGBA as JPEG"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_errors_of_the_block_that_are_not_about_the_file_stay_as_they_are(tmp_path: Path, error: OSError) -> None:
    with pytest.raises(OSError, match=str(error.args[-1])) as raised, replacing(tmp_path / "a.txt"):
        raise error
    assert raised.value is error


def test_writers_of_one_file_in_one_process_do_not_meet(tmp_path: Path) -> None:
    path = tmp_path / f"{'long' * 60}.txt"
    with replacing(path) as first, replacing(path) as second:
        assert first != second
        first.write_text("first")
        second.write_text("second")
    assert path.read_text() == "first"
    assert list(tmp_path.iterdir()) == [path]


def test_whether_a_file_can_be_written_is_known_before_long_work(tmp_path: Path) -> None:
    (tmp_path / "old.txt").write_text("old")
    for name in ("old.txt", "new.txt", "folder/new.txt"):
        check_can_be_written(tmp_path / name)
    assert (tmp_path / "old.txt").read_text() == "old"
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["old.txt"]
    for place in (tmp_path, tmp_path / "old.txt" / "below.txt"):
        with pytest.raises(UserError, match="Cannot write"):
            check_can_be_written(place)


@pytest.mark.parametrize(
    "name", ["字" * 80 + ".json", "a" * 245 + ".json", "a." + "字" * 84, "é" * 120 + ".graph.onnx"]
)
def test_every_name_that_a_file_can_have_can_be_written(tmp_path: Path, name: str) -> None:
    write_text(tmp_path / name, "text")
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {name: "text"}


@pytest.mark.parametrize("place", [".", "/", ".."])
def test_a_folder_is_no_file_to_write(place: str) -> None:
    with pytest.raises(UserError, match="Cannot write"):
        write_text(place, "text")


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("old")
    (tmp_path / "link.txt").symlink_to("a.txt")
    write_text(tmp_path / "link.txt", "new")
    assert (tmp_path / "link.txt").is_symlink()
    assert (tmp_path / "a.txt").read_text() == "new"


def test_a_pipe_stays_a_pipe_and_takes_what_is_written(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.csv"
    os.mkfifo(pipe)
    with ThreadPoolExecutor(1) as thread:
        read = thread.submit(pipe.read_text)
        write_text(pipe, "a,b")
        assert read.result() == "a,b"
    assert pipe.is_fifo()
    assert list(tmp_path.iterdir()) == [pipe]
