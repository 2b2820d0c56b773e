import os
import sys

import pytest

from text_recognizer.imaging.library_output import MOST_LINES, pass_on, told_to_the_user


def test_what_is_printed_past_python_is_passed_on_and_nothing_else(capfd: pytest.CaptureFixture[str]) -> None:
    said: list[str] = []
    end = pass_on(said.append)
    os.write(2, b"TIFFRead: bad \xff\n\nno line end")
    print("our own", file=sys.stderr)
    end()
    os.write(2, b"afterwards\n")
    assert said == ["TIFFRead: bad \\xff", "no line end"]
    assert capfd.readouterr().err == "our own\nafterwards\n"


def test_a_flood_is_counted() -> None:
    said: list[str] = []
    end = pass_on(said.append)
    os.write(2, b"bad code word\n" * 4_000)
    end()
    assert len(said) <= 2 * (MOST_LINES + 1)  # it may reach into the next second
    assert said[-1].endswith("more lines")


def test_the_user_is_told_whose_words_they_are(capfd: pytest.CaptureFixture[str]) -> None:
    with told_to_the_user():
        os.write(2, b"bad code word\n")
    assert capfd.readouterr().err == "warning: a decoder says: bad code word\n"
