from pathlib import Path

import numpy as np
import pytest
import torch

from text_recognizer.alphabet import ALPHABET, END, PADDING, START
from text_recognizer.data.download import CACHE_SETTING, MIRROR_SETTING, data_file
from text_recognizer.data.glyphs.sources import VISIBLE_CHARACTERS
from text_recognizer.data.sets.emnist_lines import EMNISTLines, normal_form, sources_at_hand
from text_recognizer.data.splits import SPLITS
from text_recognizer.data.synthesis.compose import Lines
from text_recognizer.data.text.mix import TextMix
from text_recognizer.errors import UsageError, UserError


@pytest.fixture(scope="module")
def glyphs(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A glyph file with 10 random glyphs of every character."""
    rng = np.random.default_rng(0)
    images = np.zeros((10 * len(VISIBLE_CHARACTERS), 28, 28), np.uint8)
    images[:, 6:22, 8:20] = rng.integers(0, 2, (len(images), 4, 3)).repeat(4, axis=1).repeat(4, axis=2) * 255
    images[:, 6:22, 14] = rng.integers(150, 256, (len(images), 16))
    path = tmp_path_factory.mktemp("glyphs") / "glyphs.npz"
    np.savez(path, images=images, characters=np.repeat(VISIBLE_CHARACTERS, 10))
    return str(path)


def make(glyphs: str, **settings) -> EMNISTLines:  # type: ignore[no-untyped-def]
    settings = {"num_train": 50, "num_val": 20, "num_test": 20, "max_length": 16, "batch_size": 8, **settings}
    data = EMNISTLines(glyphs=glyphs, text="builtin", **settings)
    data.prepare_data()
    data.setup()
    return data


@pytest.fixture(scope="module")
def data(glyphs: str) -> EMNISTLines:
    return make(glyphs)


def rows(batches) -> dict[str, bytes]:  # type: ignore[no-untyped-def]
    """The picture of every line, by its targets and the number of lines before it that have the same."""
    found: dict[str, bytes] = {}
    for batch in batches:
        for image, target in zip(batch.images, batch.targets, strict=True):
            found[f"{target.tolist()} {len(found)}"] = image.numpy().tobytes()
    return found


def test_defaults_are_the_labs() -> None:
    data = EMNISTLines()
    assert data.input_shape == (1, 28, 28 * 32)
    assert data.target_shape == (32,)
    assert data.num_lines == {"train": 10000, "val": 2000, "test": 2000}
    assert (data.style.layout, data.style.min_overlap, data.style.max_overlap) == ("overlap", 0.0, 0.33)
    assert not data.with_start_end_tokens
    assert "not known" in repr(data)


def test_sources_at_hand_need_no_download(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(MIRROR_SETTING, raising=False)
    monkeypatch.setenv(CACHE_SETTING, str(tmp_path))
    assert sources_at_hand() == {"glyphs": "strokes", "text": "builtin"}
    archive = data_file("brown", "brown.zip").cached_path
    archive.parent.mkdir(parents=True)
    archive.touch()
    assert sources_at_hand() == {"glyphs": "strokes", "text": "brown"}


def test_a_mirror_is_at_hand(mirror: str) -> None:
    assert sources_at_hand() == {"glyphs": "emnist", "text": "brown"}


def test_batches(data: EMNISTLines) -> None:
    batch = next(iter(data.train_dataloader()))
    assert (batch.images.shape, batch.images.dtype) == ((8, 1, 28, 448), torch.float32)
    assert (batch.targets.shape, batch.targets.dtype) == ((8, 16), torch.int64)
    assert (batch.boxes.shape, batch.boxes.dtype) == ((8, 16, 2), torch.int32)
    assert batch.lengths.dtype == batch.widths.dtype == torch.int64
    assert batch.lengths.max() <= 14
    moved = batch.to("cpu")
    assert all(torch.equal(moved_one, one) for moved_one, one in zip(moved, batch, strict=True))
    assert [len(dataset) for dataset in data.datasets.values()] == [50, 20, 20]
    assert "(8, 28, 448) uint8" in repr(data)


def test_start_and_end_tokens(glyphs: str, data: EMNISTLines) -> None:
    framed = make(glyphs, with_start_end_tokens=True).datasets["val"].batch(np.arange(20))
    plain = data.datasets["val"].batch(np.arange(20))
    assert (framed[0] == plain[0]).all()
    for target, boxes, length, plain_target, plain_boxes in zip(
        framed[1], framed[4], framed[3], plain[1], plain[4], strict=True
    ):
        tokens = [ALPHABET[int(index)] for index in target]
        assert tokens[0] == START
        assert tokens[length - 1 :] == [END] + [PADDING] * (16 - length)
        assert (target[1 : length - 1] == plain_target[: length - 2]).all()
        assert (boxes[1 : length - 1] == plain_boxes[: length - 2]).all()
        assert not boxes[0].any()
        assert not boxes[length - 1 :].any()


@pytest.mark.parametrize("settings", [{}, {"layout": "mixed", "degraded_share": 0.5}])
def test_workers_after_threads_give_the_same_lines(glyphs: str, settings: dict) -> None:  # type: ignore[type-arg]
    expected = rows(make(glyphs, **settings).train_dataloader())
    assert rows(make(glyphs, num_workers=2, **settings).train_dataloader()) == expected


def test_lines_do_not_depend_on_the_batch_size(glyphs: str, data: EMNISTLines) -> None:
    expected = rows(data.val_dataloader())
    assert rows(make(glyphs, batch_size=3).val_dataloader()) == expected
    assert rows(make(glyphs, seed=1).val_dataloader()) != expected


def test_fresh_lines(glyphs: str) -> None:
    def epochs(loader) -> tuple[set[bytes], set[bytes]]:  # type: ignore[no-untyped-def]
        first = set(rows(loader).values())
        loader.sampler.set_epoch(1)
        return first, set(rows(loader).values())

    data = make(glyphs, fresh_lines=True)
    first, second = epochs(data.train_dataloader())
    assert not first & second
    first, second = epochs(data.val_dataloader())
    assert first == second
    first, second = epochs(make(glyphs, batch_size=10).train_dataloader())
    assert first == second


def test_splits_share_no_glyph_and_no_text(data: EMNISTLines) -> None:
    glyph_sets = [{image.tobytes() for image in data.datasets[split].bank.images} for split in SPLITS]  # type: ignore[attr-defined]
    assert sum(map(len, glyph_sets)) == len(set.union(*glyph_sets))
    texts = []
    for split in SPLITS:
        codes, lengths = data.datasets[split].texts(np.arange(2000))  # type: ignore[attr-defined]
        texts.append({ALPHABET.decode(row[:n]).lower() for row, n in zip(codes, lengths, strict=True)})
    assert sum(map(len, texts)) == len(set.union(*texts))


@pytest.mark.parametrize("settings", [{"layout": "handwriting"}, {"layout": "mixed"}, {"prepared": True}])
def test_lines_of_varying_width(glyphs: str, settings: dict) -> None:  # type: ignore[type-arg]
    data = make(glyphs, num_train=400, **settings)
    dataset = data.datasets["train"]
    assert dataset.varying_widths
    padding, total = 0, 0
    for batch in data.train_dataloader():
        width = batch.images.shape[3]
        assert batch.images.shape[2] == data.input_shape[1]
        assert (batch.widths <= width).all()
        padding += (width - batch.widths).sum()
        total += width * len(batch.widths)
    assert padding / total < 0.25
    exact = dataset.widths(np.arange(50)), dataset.batch(np.arange(50))[2]
    assert np.corrcoef(*exact)[0, 1] > 0.8


def test_smallest_lines(glyphs: str) -> None:
    batch = make(glyphs, max_length=3, text_mix=TextMix(as_is=0, digits=1)).datasets["train"].batch(np.arange(5))
    assert batch[0].shape == (5, 28, 84)
    assert (batch[3] == 1).all()


@pytest.mark.parametrize(
    ("flag", "value"),
    [
        ("max_length", 2),
        ("min_overlap", -0.1),
        ("max_overlap", 1.5),
        ("num_train", 0),
        ("num_val", -1),
        ("num_test", -5),
        ("degraded_share", 1.1),
        ("batch_size", 0),
        ("layout", "cells"),
    ],
)
def test_impossible_values(flag: str, value: float) -> None:
    with pytest.raises(UsageError, match=f"--{flag} is "):
        EMNISTLines(**{flag: value})  # type: ignore[arg-type]


def test_no_text_that_is_short_enough(glyphs: str) -> None:
    with pytest.raises(UserError, match="--max_length"):
        make(glyphs, max_length=3, text_mix=TextMix(as_is=0, dates_and_codes=1))


def test_the_normal_form_has_its_ink_in_the_boxes(glyphs: str) -> None:
    dataset = make(glyphs, prepared=True, layout="exact").datasets["val"]
    lines = dataset.batch(np.arange(8))
    assert lines.images.shape[1:] == (40, -(-lines.widths.max() // 16) * 16)
    for image, boxes, length, width in zip(lines.images, lines.boxes, lines.lengths, lines.widths, strict=True):
        boxed = np.zeros(image.shape[1], bool)
        for x0, x1 in boxes[:length]:
            boxed[max(x0 - 1, 0) : x1 + 1] = True
        ink = image.sum(0, dtype=float)
        assert ink[boxed].sum() > 0.98 * ink.sum()
        assert boxes.max() <= width


def test_a_line_without_writing_has_no_text_in_its_normal_form() -> None:
    images = np.zeros((2, 28, 56), np.uint8)
    images[0, 8:20, 10:14] = images[0, 8:20, 30:34] = 255
    targets, boxes = np.array([[11, 12], [11, 12]]), np.array([[[10, 14], [30, 34]]] * 2, np.int32)
    lines = normal_form(Lines(images, targets, np.array([56, 56]), np.array([2, 2]), boxes))
    assert lines.lengths.tolist() == [2, 0]
    assert lines.widths[1] == 0
    assert (lines.targets[1] == ALPHABET.index(PADDING)).all()
