"""What every data module shares: whole batches as tensors, splits, a summary."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol

import lightning as L
import numpy as np
import torch
from torch.utils.data import DataLoader, Sampler
from torch.utils.data import Dataset as TorchDataset

from text_recognizer.alphabet import Alphabet
from text_recognizer.data.splits import Split
from text_recognizer.errors import UsageError, check_seed

BUCKET_BATCHES = 16


class Dataset(Protocol):
    """Examples that are made a whole batch at a time.

    Attributes:
        fresh_each_epoch: If true, example ``i`` of epoch ``e`` is example ``e * len(dataset) + i``: any index is valid.
        varying_widths: If true, ``widths(indices)`` gives picture widths, by which training batches are bucketed.
    """

    fresh_each_epoch: bool
    varying_widths: bool

    def __len__(self) -> int: ...

    def widths(self, indices: np.ndarray) -> np.ndarray: ...

    def batch(self, indices: np.ndarray) -> tuple[np.ndarray, ...]:
        """Examples as a NamedTuple of arrays: ``images`` uint8 (B, H, W) first, targets int64 second."""
        ...


class Characters(NamedTuple):
    """A batch of characters: ``images`` uint8 (B, 28, 28), ink 255; ``targets`` int64 (B,) alphabet indices."""

    images: Any
    targets: Any


class CharacterDataset:
    """Character pictures in memory: ``images`` uint8 (N, 28, 28), ``targets`` int64 (N,)."""

    fresh_each_epoch = False
    varying_widths = False

    def __init__(self, images: np.ndarray, targets: np.ndarray) -> None:
        self.images, self.targets = images, targets

    def __len__(self) -> int:
        return len(self.targets)

    def widths(self, indices: np.ndarray) -> np.ndarray:
        return np.full(len(indices), self.images.shape[2])

    def batch(self, indices: np.ndarray) -> Characters:
        return Characters(self.images[indices], self.targets[indices])


def to_input(images: torch.Tensor) -> torch.Tensor:
    """Pictures uint8 (B, H, W) as models take them: float (B, 1, H, W) in [0, 1]."""
    return images.unsqueeze(1).float().div_(255)


class _Batches(TorchDataset):  # type: ignore[type-arg]
    """Adapts a :class:`Dataset` to ``DataLoader(batch_size=None)``: one item is one batch of tensors."""

    def __init__(self, dataset: Dataset) -> None:
        self.dataset = dataset

    def __getitem__(self, indices: np.ndarray) -> tuple[torch.Tensor, ...]:
        batch: Any = self.dataset.batch(indices)
        tensors: tuple[torch.Tensor, ...] = batch._make(torch.from_numpy(array) for array in batch)
        return tensors


class BatchSampler(Sampler[np.ndarray]):
    """Index arrays of whole batches, a function of (seed, epoch, rank) alone.

    Args:
        dataset: What is sampled.
        batch_size: Examples per batch.
        shuffle: A new order each epoch; the incomplete last batch is left out if there are others.
        max_batches: Stop after so many batches; None for all.
        rank, world_size: Every ``world_size``-th batch from ``rank`` on, for distributed training.
    """

    def __init__(
        self,
        dataset: Dataset,
        batch_size: int,
        *,
        shuffle: bool,
        seed: int,
        max_batches: int | None = None,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        self.dataset, self.batch_size, self.shuffle, self.seed = dataset, batch_size, shuffle, seed
        self.rank, self.world_size, self.epoch = rank, world_size, 0
        full, rest = divmod(len(dataset), batch_size)
        total = full if shuffle and full else full + (rest > 0)
        self.num_batches = total if max_batches is None else min(total, max_batches)

    def set_epoch(self, epoch: int) -> None:
        """Called by Lightning at the start of each epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        return self.num_batches // self.world_size or 1

    def __iter__(self) -> Iterator[np.ndarray]:
        indices = np.arange(len(self.dataset))
        if self.shuffle:
            rng = np.random.default_rng((self.seed, self.epoch))
            rng.shuffle(indices)
            if self.dataset.fresh_each_epoch:
                indices += self.epoch * len(self.dataset)
        batches = [indices[i : i + self.batch_size] for i in range(0, len(indices), self.batch_size)]
        if self.shuffle and self.dataset.varying_widths:
            batches = self._bucketed(indices, rng)
        batches = batches[: self.num_batches]
        for i in range(len(self)):
            yield batches[(i * self.world_size + self.rank) % len(batches)]

    def _bucketed(self, indices: np.ndarray, rng: np.random.Generator) -> list[np.ndarray]:
        batches = []
        pool_size = self.batch_size * BUCKET_BATCHES
        for start in range(0, len(indices), pool_size):
            pool = indices[start : start + pool_size]
            pool = pool[np.argsort(self.dataset.widths(pool), kind="stable")]
            whole = [pool[i : i + self.batch_size] for i in range(0, len(pool), self.batch_size)]
            short = [whole.pop()] if len(whole[-1]) < self.batch_size else []
            rng.shuffle(whole)
            batches += whole + short
        return batches


class DataModule(L.LightningDataModule):
    """Base of all data modules. Subclasses set the attributes in their constructor and fill ``datasets`` in ``setup``.

    Attributes:
        alphabet: What targets mean.
        input_shape: (1, H, W) of one example.
        target_shape: () for characters, (max_length,) for lines.
        datasets: The splits, once ``setup`` has run.
        overfit_batches: If not 0, so many fixed training batches (a float: such a share) train and validate.

    Args:
        batch_size: Examples per batch.
        num_workers: Processes that prepare batches; 0 prepares them in the main process.
        seed: Seed of everything random: splits, composed lines, order.
    """

    alphabet: Alphabet
    input_shape: tuple[int, int, int]
    target_shape: tuple[int, ...] = ()

    def __init__(self, *, batch_size: int = 128, num_workers: int = 0, seed: int = 42) -> None:
        super().__init__()
        if batch_size < 1:
            raise UsageError(f"--batch_size is {batch_size}, but a batch holds at least 1 example.")
        if num_workers < 0:
            raise UsageError(f"--num_workers is {num_workers}, but the number of worker processes cannot be negative.")
        check_seed(seed)
        self.batch_size, self.num_workers, self.seed = batch_size, num_workers, seed
        self.datasets: dict[Split, Dataset] = {}
        self.overfit_batches: int | float = 0

    def _dataloader(self, split: Split) -> DataLoader[Any]:
        overfit = self.overfit_batches if split != "test" else 0
        dataset = self.datasets["train" if overfit else split]
        max_batches = None
        if overfit:
            share = overfit if isinstance(overfit, float) else 0.0
            max_batches = max(1, math.floor(share * len(dataset) / self.batch_size)) if share else int(overfit)
        sampler = BatchSampler(
            dataset,
            self.batch_size,
            shuffle=split == "train" and not overfit,
            seed=self.seed,
            max_batches=max_batches,
            rank=self.trainer.global_rank if self.trainer else 0,
            world_size=self.trainer.world_size if self.trainer else 1,
        )
        return DataLoader(
            _Batches(dataset),
            batch_size=None,
            sampler=sampler,
            num_workers=self.num_workers,
            persistent_workers=self.num_workers > 0,
            pin_memory=torch.cuda.is_available(),
        )

    def train_dataloader(self) -> DataLoader[Any]:
        return self._dataloader("train")

    def val_dataloader(self) -> DataLoader[Any]:
        return self._dataloader("val")

    def test_dataloader(self) -> DataLoader[Any]:
        return self._dataloader("test")

    def on_after_batch_transfer(self, batch: Any, dataloader_idx: int) -> Any:
        """On the model's device, images become what models take."""
        return batch._replace(images=to_input(batch[0]))

    def __repr__(self) -> str:
        lines = [
            f"{type(self).__name__}",
            f"  input (1, height, width): {self.input_shape}, targets: {self.target_shape or 'one index'}",
            f"  {self.alphabet!r}",
        ]
        if not self.datasets:
            return "\n".join([*lines, "  sizes: not known before prepare_data() and setup()"])
        sizes = ", ".join(f"{split} {len(dataset):,}" for split, dataset in self.datasets.items())
        dataset = self.datasets["train"]
        images, targets, *_ = dataset.batch(np.arange(min(self.batch_size, len(dataset))))
        return "\n".join(
            [
                *lines,
                f"  sizes: {sizes}",
                f"  batch images: {images.shape} {images.dtype}, {images.min()} to {images.max()}, "
                f"mean {images.mean():.1f}, standard deviation {images.std():.1f}",
                f"  batch targets: {targets.shape} {targets.dtype}, {targets.min()} to {targets.max()}",
            ]
        )

    __str__ = __repr__  # Lightning would print its data loaders
