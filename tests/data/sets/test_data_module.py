"""One test over every data module: what the flags can name must prepare, load, describe itself and give batches."""

import numpy as np
import pytest
import torch

from text_recognizer.data.sets.data_module import BatchSampler, CharacterDataset, DataModule
from text_recognizer.registry import DATA_CLASSES, load_class


def build(name: str) -> DataModule:
    lines = {"num_train": 300, "num_val": 20, "num_test": 20} if name == "EMNISTLines" else {}
    return load_class(DATA_CLASSES, name, "--data_class")(batch_size=32, **lines)


@pytest.mark.parametrize("name", DATA_CLASSES)
def test_a_data_module_describes_itself_and_gives_whole_batches(name: str, request: pytest.FixtureRequest) -> None:
    if name != "PenStrokes":
        request.getfixturevalue("mirror")
    data = build(name)
    assert "not known before" in str(data)
    data.prepare_data()
    data.setup()
    assert f"{len(data.datasets['train']):,}" in str(data)
    for loader in (data.train_dataloader(), data.val_dataloader(), data.test_dataloader()):
        batch = next(iter(loader))
        assert batch[0].dtype == torch.uint8
        assert batch[1].dtype == torch.int64
        images = data.on_after_batch_transfer(batch, 0).images
        assert images.shape[1:] == data.input_shape
        assert 0 <= images.min() < images.max() <= 1
        assert batch[1].shape == (len(images), *data.target_shape)
        assert int(batch[1].max()) < len(data.alphabet)


def dataset(count: int) -> CharacterDataset:
    return CharacterDataset(np.zeros((count, 28, 28), np.uint8), np.arange(count))


def test_batches_are_a_function_of_seed_and_epoch() -> None:
    def drawn(seed: int, epoch: int) -> list[int]:
        sampler = BatchSampler(dataset(100), 10, shuffle=True, seed=seed)
        sampler.set_epoch(epoch)
        return np.concatenate(list(sampler)).tolist()

    assert drawn(1, 0) == drawn(1, 0)
    assert sorted(drawn(1, 0)) == list(range(100))
    assert len({tuple(drawn(*key)) for key in ((1, 0), (1, 1), (2, 0))}) == 3


def test_an_incomplete_batch_is_left_out_of_training_only() -> None:
    assert len(list(BatchSampler(dataset(25), 10, shuffle=True, seed=0))) == 2
    assert [len(batch) for batch in BatchSampler(dataset(25), 10, shuffle=False, seed=0)] == [10, 10, 5]
    assert [len(batch) for batch in BatchSampler(dataset(5), 10, shuffle=True, seed=0)] == [5]


def test_ranks_share_the_batches_of_an_epoch_evenly() -> None:
    samplers = [BatchSampler(dataset(100), 10, shuffle=True, seed=0, rank=rank, world_size=3) for rank in range(3)]
    drawn = [np.concatenate(list(sampler)).tolist() for sampler in samplers]
    assert [len(part) for part in drawn] == [30, 30, 30]
    assert len(set(sum(drawn, []))) == 90  # noqa: RUF017


@pytest.mark.parametrize(("overfit", "batches"), [(2, 2), (0.05, 4), (0.0001, 1)])
def test_overfitting_trains_and_validates_on_the_same_fixed_batches(overfit: float, batches: int) -> None:
    data = DataModule(batch_size=10)
    data.datasets = {"train": dataset(800), "val": dataset(50), "test": dataset(50)}
    data.overfit_batches = overfit
    train, again, val = (
        [batch[1].tolist() for batch in loader]
        for loader in (data.train_dataloader(), data.train_dataloader(), data.val_dataloader())
    )
    assert train == again == val
    assert len(train) == batches
    assert len(data.test_dataloader()) == 5
