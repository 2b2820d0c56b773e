from pathlib import Path

import numpy as np
import pytest

from text_recognizer.data.glyphs.sheet import SheetGlyphs
from text_recognizer.data.glyphs.sources import read_glyph_file
from text_recognizer.data.synthesis.sheet_writer import SheetWriter
from text_recognizer.errors import UserError


@pytest.fixture
def glyphs() -> SheetGlyphs:
    """An alpha on the line, a beta that goes below it, and an accent that floats; three copies each."""
    images = np.zeros((9, 100, 75), np.uint8)
    images[:3, 40:70, 20:50] = 255
    images[3:6, 15:90, 25:45] = 255
    images[6:, 20:26, 30:40] = 255
    return SheetGlyphs(images, np.repeat(["α", "β", "΄"], 3), 70.0, 30.0)


def test_a_file_holds_all(glyphs: SheetGlyphs, tmp_path: Path) -> None:
    glyphs.save(tmp_path / "sheet.npz")
    read = SheetGlyphs.load(tmp_path / "sheet.npz")
    np.testing.assert_array_equal(read.images, glyphs.images)
    assert (read.characters.tolist(), read.baseline, read.x_height) == (glyphs.characters.tolist(), 70.0, 30.0)


def test_other_files_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "other.npz", images=np.zeros((2, 3)))
    (tmp_path / "text.npz").write_text("no")
    for name in ("other.npz", "text.npz", "none.npz"):
        with pytest.raises(UserError, match=f"{name}: not a file of the characters"):
            SheetGlyphs.load(tmp_path / name)


@pytest.mark.parametrize(
    "changes",
    [
        {"characters": np.repeat(["α", "β"], 3)},
        {"characters": np.repeat(["αα", "ββ", "γγ"], 3)},
        {"images": np.zeros((0, 9, 9), np.uint8), "characters": np.array([], "<U1")},
        {"images": np.zeros((9, 100, 75))},
        {"baseline": np.array([1.0, 2.0])},
        {"baseline": np.nan},
        {"x_height": 0.0},
    ],
    ids=lambda changes: " ".join(changes),
)
def test_arrays_that_do_not_fit_are_refused(glyphs: SheetGlyphs, tmp_path: Path, changes: dict) -> None:
    np.savez(tmp_path / "sheet.npz", **(vars(glyphs) | changes))
    with pytest.raises(UserError, match=r"sheet\.npz: not a file of the characters"):
        SheetGlyphs.load(tmp_path / "sheet.npz")


def test_damaged_files_are_refused(glyphs: SheetGlyphs, tmp_path: Path) -> None:
    glyphs.save(tmp_path / "sheet.npz")
    content = (tmp_path / "sheet.npz").read_bytes()
    np.save(tmp_path / "one array.npz", glyphs.images)
    with_holes = bytes(0 if place % 7 == 0 else byte for place, byte in enumerate(content[:-300]))
    damaged = [b"", content[: len(content) // 2], with_holes + content[-300:]]
    for read in (SheetGlyphs.load, read_glyph_file):
        for broken in [*damaged, (tmp_path / "one array.npz.npy").read_bytes()]:
            (tmp_path / "sheet.npz").write_bytes(broken)
            with pytest.raises(UserError, match=r"sheet\.npz.* not a "):
                read(str(tmp_path / "sheet.npz"))


def test_one_copy_of_each_is_kept_apart(glyphs: SheetGlyphs) -> None:
    train, kept = glyphs.parted(3)
    assert sorted(kept.characters.tolist()) == sorted("αβ΄")
    assert sorted(train.characters.tolist()) == sorted("αβ΄" * 2)


def test_a_line_says_its_text_and_its_characters_stand_as_on_the_sheet(glyphs: SheetGlyphs) -> None:
    writer = SheetWriter(glyphs)
    for seed in range(8):
        ink = writer.write("αβα α", np.random.default_rng(seed))
        assert ink is not None
        assert ink.text == "αβα α"
        assert (np.diff(ink.boxes.mean(1)) > 0).all()
        unit, matrix = 20, np.array([[20.0, 0, 20], [0, 20.0, 80]])
        drawn = ink.draw(matrix, (160, round(unit * ink.width) + 60), 2.0)

        def rows(place: int, drawn: np.ndarray = drawn, ink: object = ink) -> np.ndarray:
            left, right = (ink.boxes[place] * 20 + 20).astype(int)  # type: ignore[attr-defined]
            return np.flatnonzero(drawn[:, left + 2 : max(right - 2, left + 3)].max(1) > 127)

        small, long = rows(0), rows(1)
        assert long[0] < small[0]
        assert long[-1] > small[-1]
    assert writer.write("αx", np.random.default_rng(0)) is None
    assert writer.write("  ", np.random.default_rng(0)) is None
