"""Corrections become labelled lines, whole, bounded and for their user alone."""

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, PngImagePlugin
from serving_tools import png

from text_recognizer.errors import UserError
from text_recognizer.labels.corrections import LONGEST, Corrections
from text_recognizer.labels.find import find_labels

LINE = np.tile(np.arange(0, 250, 5, dtype=np.uint8), (20, 1))
OTHER = LINE[:, ::-1].copy()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "corrections"


def test_what_is_kept_is_found_as_labelled_lines(folder):
    corrections = Corrections(folder)
    names = {corrections.keep(LINE, "  The cat "), corrections.keep(png(OTHER), "café, 3 €")}
    labels = find_labels(folder)
    assert sorted(line.text for line in labels.lines) == ["The cat", "café, 3 €"]
    assert {line.name for line in labels.lines} == {f"{name}.png" for name in names}
    assert labels.faults == []
    by_text = {line.text: line.load() for line in labels.lines}
    assert np.array_equal(by_text["The cat"], LINE)


def test_a_line_that_is_corrected_again_has_the_new_text(folder):
    corrections = Corrections(folder)
    assert corrections.keep(LINE, "cot") == corrections.keep(png(LINE), "cat")
    assert [line.text for line in find_labels(folder).lines] == ["cat"]


def test_removing(folder):
    corrections = Corrections(folder)
    name = corrections.keep(LINE, "cat")
    corrections.remove(name)
    assert list(folder.iterdir()) == []
    with pytest.raises(UserError, match="no correction"):
        corrections.remove(name)


@pytest.mark.parametrize("name", ["../secret", "..", "", "/etc/passwd", "secret\0"])
def test_removing_touches_nothing_else(folder, name):
    corrections = Corrections(folder)
    secret = folder.parent / "secret.gt.txt"
    secret.touch()
    with pytest.raises(UserError, match="no correction"):
        corrections.remove(name)
    assert secret.exists()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "0 characters"),
        (" \n\t ", "0 characters"),
        ("a" * (LONGEST + 1), "401 characters"),
        ("a\x00b", r"\\x00"),
        ("\x1b[2Jgone", r"\\x1b"),
        ("\ud800", r"\\ud800"),
        ("abc\u202etxt.exe", r"\\u202e"),
        (r"one\ntwo", "several lines"),
    ],
)
def test_texts_that_are_no_labels_are_refused(folder, text, reason):
    with pytest.raises(UserError, match=reason):
        Corrections(folder).keep(LINE, text)
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("picture", [b"", b"GIF89a", b"text", png(LINE)[:-40]])
def test_pictures_that_are_none_are_refused(folder, picture):
    with pytest.raises(UserError, match="the picture of the line"):
        Corrections(folder).keep(picture, "cat")
    assert list(folder.iterdir()) == []


def test_of_a_picture_only_the_pixels_are_kept(folder, tmp_path):
    about = PngImagePlugin.PngInfo()
    about.add_text("Place", "48.1371 N, 11.5754 E")
    Image.fromarray(LINE).save(tmp_path / "line.png", pnginfo=about)
    name = Corrections(folder).keep(tmp_path / "line.png", "cat")
    kept = (folder / f"{name}.png").read_bytes()
    assert b"48.1371" in (tmp_path / "line.png").read_bytes()
    assert b"48.1371" not in kept


@pytest.mark.parametrize("limit", [{"most_lines": 1}, {"most_megabytes": 0.0002}])
def test_a_folder_that_is_full_says_so_and_keeps_what_it_has(folder, limit):
    corrections = Corrections(folder, **limit)
    corrections.keep(LINE, "cat")
    with pytest.raises(UserError, match="full: 1 line,"):
        corrections.keep(OTHER, "dog")
    corrections.keep(LINE, "cot")
    assert [line.text for line in find_labels(folder).lines] == ["cot"]


def test_many_at_once_keep_to_the_bound(folder):
    corrections = Corrections(folder, most_lines=5)
    rng = np.random.default_rng(0)
    lines = [rng.integers(0, 256, (12, 40), np.uint8) for _ in range(20)]

    def keep(line: np.ndarray) -> bool:
        try:
            return bool(corrections.keep(line, "cat"))
        except UserError:
            return False

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(keep, lines)) == 5
    assert corrections.kept().lines == len(find_labels(folder).lines) == 5


@pytest.mark.skipif(os.name != "posix", reason="modes of POSIX")
def test_only_the_user_sees_them(folder):
    Corrections(folder).keep(LINE, "cat")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o600}


def test_a_place_where_no_folder_can_be(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="no folder to keep corrections in"):
        Corrections(tmp_path / "file")
