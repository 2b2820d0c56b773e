from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from text_recognizer.commands.lines import lines
from text_recognizer.data.glyphs.sources import VISIBLE_CHARACTERS
from text_recognizer.data.synthesis.shards import Recipe
from text_recognizer.errors import UsageError, UserError


@pytest.fixture(scope="module")
def glyphs(tmp_path_factory: pytest.TempPathFactory) -> str:
    images = np.random.default_rng(0).integers(50, 250, (4 * len(VISIBLE_CHARACTERS), 28, 28)).astype(np.uint8)
    images[:, :3] = images[:, 25:] = 0
    path = tmp_path_factory.mktemp("glyphs") / "glyphs.npz"
    np.savez(path, images=images, characters=np.repeat(VISIBLE_CHARACTERS, 4))
    return str(path)


@pytest.mark.parametrize("layout", ["exact", "handwriting"])
def test_page(glyphs: str, tmp_path: Path, layout: str, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "new" / "page.png"
    lines(text="Hello, you \u201cthere\u201d", out=str(out), count=3, layout=layout, glyphs=glyphs)  # type: ignore[arg-type]
    page = np.asarray(Image.open(out))
    inked_rows = (page < 100).any(axis=1)
    assert np.diff(inked_rows.astype(int)).clip(0).sum() >= 3
    assert (page[0] == 255).all()
    assert "page.png" in capsys.readouterr().out
    assert [path.name for path in out.parent.iterdir()] == ["page.png"]


@pytest.mark.parametrize("degraded", [False, True])
def test_folder(glyphs: str, tmp_path: Path, degraded: bool) -> None:
    folder = tmp_path / "lines"
    lines(out=str(folder), count=11, glyphs=glyphs, degraded=degraded, max_chars=9)
    labels = [line.split("\t") for line in (folder / "labels.tsv").read_text(encoding="utf-8").splitlines()]
    assert [name for name, _ in labels] == [f"{i:02}.png" for i in range(11)]
    assert all(1 <= len(text) <= 9 for _, text in labels)
    pictures = [np.asarray(Image.open(folder / name)) for name, _ in labels]
    assert len({picture.shape[1] for picture in pictures}) > 5
    assert all(picture.mean() > 127 > picture.min() for picture in pictures)
    assert len(list(folder.iterdir())) == 12


def test_many_files_are_composed_some_at_a_time(glyphs: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory does not grow with their number, and nothing else changes."""
    lines(out=str(tmp_path / "at once"), count=11, glyphs=glyphs, degraded=True)
    composed, compose = list[int](), Recipe.compose

    def counting(recipe: Recipe, indices: np.ndarray) -> tuple[list[np.ndarray], list[str]]:
        composed.append(len(indices))
        return compose(recipe, indices)

    monkeypatch.setattr(Recipe, "compose", counting)
    monkeypatch.setattr("text_recognizer.commands.lines.BATCH", 4)
    lines(out=str(tmp_path / "some at a time"), count=11, glyphs=glyphs, degraded=True)
    assert composed == [4, 4, 3]
    files = {path.name: path.read_bytes() for path in (tmp_path / "at once").iterdir()}
    assert {path.name: path.read_bytes() for path in (tmp_path / "some at a time").iterdir()} == files


def test_same_seed_same_files(glyphs: str, tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        lines(out=str(tmp_path / name), glyphs=glyphs, layout="mixed")
    lines(out=str(tmp_path / "c.png"), glyphs=glyphs, layout="mixed", seed=1)
    a, b, c = ((tmp_path / name).read_bytes() for name in ("a.png", "b.png", "c.png"))
    assert a == b != c


def test_labels_of_other_pictures_are_not_replaced(glyphs: str, tmp_path: Path) -> None:
    for _ in range(2):
        lines(out=str(tmp_path / "made"), glyphs=glyphs, count=2)
    (tmp_path / "made" / "labels.tsv").write_text("scan.png\tDear Sir\n")
    with pytest.raises(UsageError, match="labels of other pictures"):
        lines(out=str(tmp_path / "made"), glyphs=glyphs, count=2)
    assert (tmp_path / "made" / "labels.tsv").read_text() == "scan.png\tDear Sir\n"


def test_pictures_of_others_are_not_replaced(glyphs: str, tmp_path: Path) -> None:
    (tmp_path / "1.png").write_bytes(b"a scan")
    with pytest.raises(UsageError, match=r"1\.png is there already"):
        lines(out=str(tmp_path), glyphs=glyphs, count=2)
    assert [(file.name, file.read_bytes()) for file in tmp_path.iterdir()] == [("1.png", b"a scan")]
    lines(out=str(tmp_path), glyphs=glyphs, count=1)
    assert (tmp_path / "1.png").read_bytes() == b"a scan"


@pytest.mark.parametrize(("flag", "value"), [("count", 0), ("max_chars", 0), ("seed", -1), ("out", "lines.jpg")])
def test_impossible_values(flag: str, value: object) -> None:
    with pytest.raises(UsageError, match=f"--{flag} is "):
        lines(**{flag: value})  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["", "  "])
def test_empty_text(text: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="empty"):
        lines(text=text, out=str(tmp_path / "lines.png"))


def test_folder_that_cannot_be_written(glyphs: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="Cannot write"):
        lines(out=str(tmp_path / "file" / "lines"), glyphs=glyphs)
