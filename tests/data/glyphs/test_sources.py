from pathlib import Path

import numpy as np
import pytest

from text_recognizer.data.glyphs import sources as glyph_sources
from text_recognizer.data.glyphs.bank import GlyphBank
from text_recognizer.data.glyphs.sources import VISIBLE_CHARACTERS, download_glyphs, load_glyphs
from text_recognizer.data.splits import SPLITS
from text_recognizer.errors import UserError


@pytest.fixture(autouse=True)
def few_strokes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(glyph_sources, "STROKES_PER_CHARACTER", {"train": 4, "val": 2, "test": 2})


def save(path: Path, **changes: np.ndarray) -> str:
    """A glyph file of 20 A, 3 b; ``changes`` replace its arrays."""
    images = np.random.default_rng(0).integers(0, 100, (23, 28, 28)).astype(np.uint8)
    np.savez(path, **{"images": images, "characters": np.array(list("A" * 20 + "bbb")), **changes})
    return str(path)


def hashes(bank: GlyphBank) -> set[bytes]:
    return {image.tobytes() for image in bank.images}


def check_banks(banks: dict) -> None:
    for split in SPLITS:
        assert set(banks[split].characters) == set(VISIBLE_CHARACTERS)
    assert not hashes(banks["train"]) & hashes(banks["val"])
    assert not hashes(banks["train"]) & hashes(banks["test"])
    assert not hashes(banks["val"]) & hashes(banks["test"])


def test_strokes() -> None:
    download_glyphs("strokes")
    banks = load_glyphs("strokes", seed=5)
    check_banks(banks)
    assert (load_glyphs("strokes", seed=5)["val"].images == banks["val"].images).all()
    assert (load_glyphs("strokes", seed=6)["val"].images != banks["val"].images).any()


def test_emnist(mirror: str) -> None:
    download_glyphs("emnist")
    banks = load_glyphs("emnist", seed=5)
    for split in SPLITS:
        assert set(banks[split].characters) == set(VISIBLE_CHARACTERS)
    assert len(banks["train"].of("e")) > 3 * len(banks["val"].of("e"))
    assert len(banks["train"].of("?")) == 4


def test_a_file_of_the_user(tmp_path: Path) -> None:
    path = save(tmp_path / "glyphs.npz")
    download_glyphs(path)
    banks = load_glyphs(path, seed=5)
    check_banks(banks)
    assert [len(banks[split].of("A")) for split in SPLITS] == [16, 2, 2]
    assert [len(banks[split].of("b")) for split in SPLITS] == [1, 1, 1]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"images": np.zeros((23, 32, 32), np.uint8)}, r"uint8 \(N, 28, 28\).*uint8 \(23, 32, 32\)"),
        ({"images": np.zeros((23, 28, 28), np.float32)}, "float32"),
        ({"images": np.full((23, 28, 28), 250, np.uint8)}, "255 - images"),
        ({"characters": np.array(list("AAA"))}, r"<U1 \(23,\).*\(3,\)"),
        ({"characters": np.array(["AB"] * 23)}, "<U2"),
        ({"characters": np.zeros(23, int)}, "int64"),
        ({"characters": np.array(["é"] * 20 + [" "] * 3)}, "' ', 'é'"),
        ({"characters": np.array(list("A" * 21 + "bb"))}, "2 of 'b'"),
        ({"characters": np.array(list("A" * 23), dtype=object)}, "is not a glyph file"),
    ],
)
def test_a_wrong_file_is_explained(tmp_path: Path, changes: dict, message: str) -> None:
    path = save(tmp_path / "glyphs.npz", **changes)
    with pytest.raises(UserError, match=message) as caught:
        load_glyphs(path, seed=0)
    assert path in str(caught.value)


def test_what_is_no_glyph_file_is_explained(tmp_path: Path) -> None:
    text, array, lacking = tmp_path / "a.npz", tmp_path / "b.npy", tmp_path / "c.npz"
    text.write_text("hello")
    np.save(array, np.zeros(3))
    np.savez(lacking, images=np.zeros((3, 28, 28), np.uint8))
    for path in (text, array, lacking):
        with pytest.raises(UserError, match="is not a glyph file"):
            load_glyphs(str(path), seed=0)


@pytest.mark.parametrize("function", [download_glyphs, lambda source: load_glyphs(source, seed=0)])
def test_an_unknown_source_is_named(function) -> None:
    with pytest.raises(UserError, match=r"'emnits'.*emnist, strokes, or the path"):
        function("emnits")
