import errno
import hashlib
import zipfile
from pathlib import Path

import numpy as np
import pytest

from text_recognizer.alphabet import ALPHABET
from text_recognizer.data.download import CACHE_SETTING, MIRROR_SETTING
from text_recognizer.data.glyphs.emnist import CLASSES, EMNISTArrays, load_emnist, split_train_val
from text_recognizer.data.glyphs.strokes import draw_glyphs
from text_recognizer.data.sets.emnist import EMNIST, capped_at_mean
from text_recognizer.errors import UserError


@pytest.fixture(scope="module")
def arrays(mirror: str) -> EMNISTArrays:
    return load_emnist()


def test_all_classes_are_there(arrays: EMNISTArrays) -> None:
    for targets in (arrays.train_targets, arrays.test_targets):
        assert "".join(ALPHABET[index] for index in np.unique(targets)) == CLASSES


def test_pictures_are_upright(arrays: EMNISTArrays) -> None:
    """The mean of each letter is more like its pen strokes than like their transpose."""
    for character in "7FJLPb":
        mean = arrays.test_images[arrays.test_targets == ALPHABET.index(character)].mean(axis=0)
        drawn = draw_glyphs(character, 50, seed=0).images.mean(axis=0)
        upright = np.corrcoef(mean.ravel(), drawn.ravel())[0, 1]
        transposed = np.corrcoef(mean.ravel(), drawn.T.ravel())[0, 1]
        assert upright > transposed + 0.2, character


def test_a_foot_is_at_the_bottom(arrays: EMNISTArrays) -> None:
    mean_l = arrays.test_images[arrays.test_targets == ALPHABET.index("L")].mean(axis=0)
    assert mean_l[18:].sum() > 1.3 * mean_l[:10].sum()
    assert mean_l[:, :14].sum() > mean_l[:, 14:].sum()


def test_splits(arrays: EMNISTArrays) -> None:
    data = EMNIST(seed=3)
    assert "not known before" in str(data)
    data.prepare_data()
    data.setup()
    assert "sizes: train" in str(data)
    count = len(arrays.train_targets)
    assert len(data.datasets["train"]) == int(0.8 * count)
    assert len(data.datasets["train"]) + len(data.datasets["val"]) == count
    assert (data.datasets["test"].targets == arrays.test_targets).all()


def test_a_batch_of_one_keeps_its_shape(arrays: EMNISTArrays) -> None:
    data = EMNIST(batch_size=1)
    data.setup()
    images, targets = next(iter(data.train_dataloader()))
    assert (tuple(images.shape), tuple(targets.shape)) == ((1, 1, 28, 28), (1,))


def test_balance_caps_the_training_split_alone(arrays: EMNISTArrays) -> None:
    plain, balanced = EMNIST(), EMNIST(balance=True)
    plain.setup()
    balanced.setup()
    before = np.bincount(plain.datasets["train"].targets, minlength=len(ALPHABET))
    after = np.bincount(balanced.datasets["train"].targets, minlength=len(ALPHABET))
    cap = round(before.sum() / len(CLASSES))
    assert (after == np.minimum(before, cap)).all()
    assert (after < before).any()
    for split in ("val", "test"):
        assert (balanced.datasets[split].targets == plain.datasets[split].targets).all()


def test_capped_at_mean_draws_without_replacement() -> None:
    targets = np.repeat([0, 1, 2], [90, 20, 10])
    kept = capped_at_mean(np.arange(100, 220), targets, seed=0)
    assert len(np.unique(kept)) == len(kept)
    assert np.bincount(targets[kept - 100]).tolist() == [40, 20, 10]


def test_split_train_val() -> None:
    train, val = split_train_val(1000, seed=7)
    assert (len(train), len(val)) == (800, 200)
    assert (np.sort(np.concatenate([train, val])) == np.arange(1000)).all()
    assert (split_train_val(1000, seed=7)[0] == train).all()
    assert (split_train_val(1000, seed=8)[0] != train).any()


@pytest.mark.parametrize("content", ["no zip", "another zip"])
def test_an_archive_that_is_not_emnist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str) -> None:
    archive = tmp_path / "emnist" / "gzip.zip"
    archive.parent.mkdir()
    archive.write_text("no zip")
    if content == "another zip":
        with zipfile.ZipFile(archive, "w") as members:
            members.writestr("gzip/emnist-letters-mapping.txt", "1 65")
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    (archive.parent / "metadata.toml").write_text(
        f'[[files]]\nfilename = "gzip.zip"\nurl = "gzip.zip"\nsha256 = "{digest}"'
    )
    monkeypatch.setenv(MIRROR_SETTING, str(tmp_path))
    monkeypatch.setenv(CACHE_SETTING, str(tmp_path / "cache"))
    with pytest.raises(UserError, match=r"is not EMNIST's gzip\.zip"):
        EMNIST().prepare_data()
    assert not list((tmp_path / "cache" / "processed").glob("emnist-*[!k]"))  # nothing but the lock


def test_a_full_disk_leaves_nothing_half_written(mirror: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def save_one_array_only(path: Path, array: np.ndarray) -> None:
        if path.name.startswith("test"):
            raise OSError(errno.ENOSPC, "No space left on device")
        path.touch()

    monkeypatch.setenv(CACHE_SETTING, str(tmp_path))
    monkeypatch.setattr(np, "save", save_one_array_only)
    with pytest.raises(UserError, match="No space left"):
        EMNIST().prepare_data()
    assert not list((tmp_path / "processed").glob("emnist-*[!k]"))
