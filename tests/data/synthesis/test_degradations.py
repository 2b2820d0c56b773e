from dataclasses import fields, replace

import numpy as np
import pytest

from text_recognizer.data.glyphs.sources import VISIBLE_CHARACTERS
from text_recognizer.data.glyphs.strokes import draw_glyphs
from text_recognizer.data.synthesis.compose import encode_texts
from text_recognizer.data.synthesis.degradations import Degradations, degrade
from text_recognizer.data.synthesis.handwriting import compose_handwriting

NONE = Degradations.none()
SHARES = [field.name for field in fields(Degradations) if field.name.endswith("_share")]


@pytest.fixture(scope="module")
def lines() -> tuple[np.ndarray, np.ndarray]:
    bank = draw_glyphs(VISIBLE_CHARACTERS, 10, seed=0)
    texts = ["Degrade this line, please.", "I", "CAPITALS 123", "gypsum"] * 4
    images, widths, _ = compose_handwriting(bank, *encode_texts(texts), seed=1, indices=np.arange(len(texts)))
    return images, widths


def run(lines, degradations, seed=3, **settings):  # type: ignore[no-untyped-def]
    return degrade(*lines, seed=seed, indices=np.arange(len(lines[0])), degradations=degradations, **settings)


def likeness(image: np.ndarray, other: np.ndarray) -> float:
    return float(np.corrcoef(image.ravel(), other.ravel())[0, 1])


def test_none_changes_nothing(lines) -> None:  # type: ignore[no-untyped-def]
    before = lines[0].copy()
    degraded = run(lines, NONE)
    assert (degraded == lines[0]).all()
    assert not np.shares_memory(degraded, lines[0])
    run(lines, Degradations())
    assert (lines[0] == before).all()


@pytest.mark.parametrize("share", SHARES)
def test_each_degradation_changes_lines_but_leaves_them_legible(lines, share: str) -> None:  # type: ignore[no-untyped-def]
    coarse = (12.0, 14.0)  # rows: finer than that, many lines stay as they are
    degraded = run(lines, replace(NONE, ink_rows=coarse, **{share: 1.0}))
    assert degraded.shape == lines[0].shape
    assert degraded.dtype == np.uint8
    changed = [(a != b).any() for a, b in zip(degraded, lines[0], strict=True)]
    assert np.mean(changed) > 0.7
    least = 0.3 if share == "skew_share" else 0.6
    assert min(likeness(a[:, :w], b[:, :w]) for a, b, w in zip(degraded, *lines, strict=True)) > least


@pytest.mark.parametrize("end", [0, 1])
def test_everything_at_its_extreme(lines, end: int) -> None:  # type: ignore[no-untyped-def]
    ranges = {f.name: (f.default[end],) * 2 for f in fields(Degradations) if isinstance(f.default, tuple)}
    degraded = run(lines, Degradations(**ranges, **dict.fromkeys(SHARES, 1.0)))
    for image, width in zip(degraded, lines[1], strict=True):
        assert not image[:, width:].any()
        assert np.ptp(image[:, :width]) > 50


def test_a_line_depends_on_seed_and_index_alone(lines) -> None:  # type: ignore[no-untyped-def]
    images, widths = lines
    every = Degradations(**dict.fromkeys(SHARES, 0.7))
    degraded = run(lines, every, parallel=False)
    assert (run(lines, every, parallel=True) == degraded).all()
    for i in (5, 2):
        alone = images[i : i + 1, :, : widths[i]]
        again = degrade(alone, widths[i : i + 1], seed=3, indices=np.array([i]), degradations=every, parallel=False)
        assert (again[0] == degraded[i, :, : widths[i]]).all()
    assert (run(lines, every, seed=4) != degraded).any()


def test_levels_are_those_asked_for(lines) -> None:  # type: ignore[no-untyped-def]
    degraded = run(lines, replace(NONE, level_share=1.0, paper_level=(40, 40), ink_level=(180, 180)))
    for image, line, width in zip(degraded, *lines, strict=True):
        assert (image[:, :width][line[:, :width] == 0] == 40).all()
        assert (image[:, :width][line[:, :width] == 255] == 180).all()


def test_low_resolution_loses_what_a_small_picture_loses(lines) -> None:  # type: ignore[no-untyped-def]
    def sharpness(rows: float) -> float:
        degraded = run(lines, replace(NONE, low_resolution_share=1.0, ink_rows=(rows, rows)))
        return float(np.abs(np.diff(degraded.astype(float), axis=2)).mean())

    assert sharpness(10) < 0.8 * sharpness(18) < sharpness(48)
    assert (run(lines, replace(NONE, low_resolution_share=1.0, ink_rows=(48, 48))) == lines[0]).all()


def test_noise_has_its_deviation(lines) -> None:  # type: ignore[no-untyped-def]
    blank = np.full((4, 48, 400), 128, np.uint8)
    widths = np.full(4, 400)
    degraded = run((blank, widths), replace(NONE, noise_share=1.0, noise=(10, 10), grain=(0, 0))).astype(float)
    assert degraded.std() == pytest.approx(10, rel=0.05)
    assert degraded.mean() == pytest.approx(128, abs=0.5)
    jpeg = run((degraded.astype(np.uint8), widths), replace(NONE, jpeg_share=1.0, jpeg_step=(0.01, 0.01)))
    assert np.abs(jpeg - degraded.astype(np.uint8).astype(float)).max() <= 1, "fine steps keep a picture"


def test_blank_and_narrow_lines_are_no_trouble() -> None:
    every = Degradations(**dict.fromkeys(SHARES, 1.0))
    degraded = degrade(
        np.zeros((2, 48, 8), np.uint8), np.array([1, 8]), seed=0, indices=np.arange(2), degradations=every
    )
    assert degraded.shape == (2, 48, 8)
    assert not degraded[0, :, 1:].any()
