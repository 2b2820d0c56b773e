import os
import sys

import pytest

from text_recognizer.imaging.library_output import MOST_LINES, decoding, pass_on, told_to_the_user


def test_what_is_printed_past_python_is_passed_on_and_nothing_else(capfd: pytest.CaptureFixture[str]) -> None:
    said: list[tuple[str, str]] = []
    end = pass_on(lambda line, file: said.append((line, file)))
    os.write(2, b"TIFFRead: bad \xff\n\nno line end")
    print("our own", file=sys.stderr)
    end()
    os.write(2, b"afterwards\n")
    assert said == [("TIFFRead: bad \\xff", ""), ("no line end", "")]
    assert capfd.readouterr().err == "our own\nafterwards\n"


def test_a_flood_is_counted() -> None:
    said: list[str] = []
    end = pass_on(lambda line, _: said.append(line))
    os.write(2, b"bad code word\n" * 4_000)
    end()
    assert len(said) <= 2 * (MOST_LINES + 1)  # it may reach into the next second
    assert said[-1].endswith("more lines")


def test_the_user_is_told_whose_words_they_are(capfd: pytest.CaptureFixture[str]) -> None:
    with told_to_the_user():
        os.write(2, b"bad code word\n" * 2)
        with decoding("a\nb.tif"):
            os.write(2, b"bad code word\nno line end")
        os.write(2, b"out of memory\n")
    assert capfd.readouterr().err.splitlines() == [
        "warning: a library says: bad code word",
        "warning: a b.tif: its decoder says: bad code word",
        "warning: a b.tif: its decoder says: no line end",
        "warning: a library says: out of memory",
    ]


def test_files_that_are_decoded_at_the_same_time_are_both_named(capfd: pytest.CaptureFixture[str]) -> None:
    with told_to_the_user(), decoding("a.tif"):
        with decoding("b.tif"):
            os.write(2, b"bad\n")
        os.write(2, b"worse\n")
    assert capfd.readouterr().err.splitlines() == [
        "warning: a.tif or b.tif: its decoder says: bad",
        "warning: a.tif: its decoder says: worse",
    ]


def test_nothing_is_written_where_nobody_is_told(capfd: pytest.CaptureFixture[str]) -> None:
    with decoding("a.tif"):
        os.write(2, b"bad\n")
    assert capfd.readouterr().err == "bad\n"
