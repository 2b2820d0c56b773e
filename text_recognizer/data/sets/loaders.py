"""From data sets to batches of tensors: what an example is, in which order examples come, who prepares them."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from threading import Thread
from typing import Any, Protocol

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Sampler
from torch.utils.data import Dataset as TorchDataset

from text_recognizer.processors import usable_cores

BUCKET_BATCHES = 16
NO_EXAMPLE = -1
"""In an order of examples: none, where the processes of a run cannot be given equally many."""


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


def to_input(images: Tensor) -> Tensor:
    """Pictures uint8 (B, H, W) as models take them: float (B, 1, H, W) in [0, 1]."""
    return images.unsqueeze(1).float().div_(255)


@dataclass
class Batch:
    """A batch as models take it, which unpacks into pictures and targets: ``x, y = batch``.

    Attributes:
        images: float (B, 1, H, W) in [0, 1], ink 1.
        targets: int64 (B,) for characters, (B, L) for lines.
        widths: int64 (B,), columns that a line takes up. None for characters, as are the next two.
        lengths: int64 (B,), targets of a line that are not padding.
        boxes: int32 (B, L, 2), the columns of each target of a line.
        composed: bool (B,), which lines were composed, where these are mixed with labelled ones; else None.
    """

    images: Tensor
    targets: Tensor
    widths: Tensor | None = None
    lengths: Tensor | None = None
    boxes: Tensor | None = None
    composed: Tensor | None = None

    @classmethod
    def of(cls, arrays: tuple[np.ndarray, ...]) -> Batch:
        """What a :class:`Dataset` gives, as tensors."""
        images, *others = (torch.from_numpy(array) for array in arrays)
        return cls(to_input(images), *others)

    def __iter__(self) -> Iterator[Tensor]:
        return iter((self.images, self.targets))

    def __getitem__(self, rows: slice) -> Batch:
        return self._each(lambda tensor: tensor[rows])

    def to(self, device: torch.device | str) -> Batch:
        """The batch on another device."""
        return self._each(lambda tensor: tensor.to(device, non_blocking=True))

    def pin_memory(self) -> Batch:
        """The batch in memory from which a GPU copies while it computes."""
        return self._each(Tensor.pin_memory)

    def _each(self, change: Any) -> Batch:
        tensors = {field.name: getattr(self, field.name) for field in fields(self)}
        return replace(self, **{name: change(one) for name, one in tensors.items() if one is not None})


class Examples(TorchDataset[tuple[Tensor, Tensor]]):
    """One split of a data module: ``x, y = examples[i]``, float (1, H, W) in [0, 1] and int64 () or (L,).

    A ``DataLoader`` asks for the examples of a batch together, which is many times faster than one after another.
    """

    def __init__(self, dataset: Dataset) -> None:
        self.dataset = dataset

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        if not -len(self) <= index < len(self):
            raise IndexError(f"There is no example {index}: the split has {len(self)}.")
        images, targets = Batch.of(self.dataset.batch(np.array([index % len(self)])))
        return images[0], targets[0]

    def __getitems__(self, indices: Sequence[int]) -> Batch:
        wanted = np.array(indices)
        wanted = wanted[wanted != NO_EXAMPLE]
        return Batch.of(self.dataset.batch(wanted)) if len(wanted) else Batch.of(self.dataset.batch(np.array([0])))[:0]


class Order(Sampler[int]):
    """The examples of one process, in the order in which they make its batches; a function of (seed, epoch, rank).

    A step takes ``batch_size`` examples on each of ``world_size`` processes. So one process with twice the batch sees
    the same examples in each step as two. To evaluate, every example comes exactly once.

    Args:
        dataset: What is ordered.
        batch_size: Examples per batch of one process.
        shuffle: A new order each epoch, in buckets of similar width, to train with. What does not fill a step is left
            out, unless it is all there is.
        seed: Seed of the order.
        rank: Number of this process.
        world_size: Processes that share the examples.
    """

    def __init__(
        self, dataset: Dataset, batch_size: int, *, shuffle: bool, seed: int, rank: int = 0, world_size: int = 1
    ) -> None:
        self.dataset, self.step_size, self.shuffle, self.seed = dataset, batch_size * world_size, shuffle, seed
        self.batch_size, self.rank, self.world_size = batch_size, rank, world_size
        self.epoch = self.start = 0

    def set_epoch(self, epoch: int) -> None:
        """Lightning calls this at the start of each epoch."""
        if epoch != self.epoch:
            self.epoch, self.start = epoch, 0

    def go_on(self, epoch: int, batches: int) -> None:
        """Begin in ``epoch``, and leave out its first ``batches`` once."""
        self.epoch, self.start = epoch, batches * self.batch_size

    def __len__(self) -> int:
        return -(-len(self._kept(np.arange(len(self.dataset)))) // self.world_size)

    def __iter__(self) -> Iterator[int]:
        start, self.start = self.start, 0
        order = self._kept(self._shuffled() if self.shuffle else np.arange(len(self.dataset)))
        missing = -len(order) % self.world_size
        filling = np.resize(order, missing) if self.shuffle else np.full(missing, NO_EXAMPLE)
        yield from np.concatenate([order, filling])[self.rank :: self.world_size][start:].tolist()

    def _kept(self, order: np.ndarray) -> np.ndarray:
        """All of an order, or what of it fills whole steps of training."""
        whole = len(order) // self.step_size * self.step_size
        return order[:whole] if self.shuffle and whole else order

    def _shuffled(self) -> np.ndarray:
        rng = np.random.default_rng((self.seed, self.epoch))
        indices = np.arange(len(self.dataset))
        rng.shuffle(indices)
        if self.dataset.fresh_each_epoch:
            indices += self.epoch * len(self.dataset)
        return self._bucketed(indices, rng) if self.dataset.varying_widths else indices

    def _bucketed(self, indices: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        steps = []
        pool_size = self.step_size * BUCKET_BATCHES
        for start in range(0, len(indices), pool_size):
            pool = indices[start : start + pool_size]
            pool = pool[np.argsort(self.dataset.widths(pool), kind="stable")]
            whole = [pool[i : i + self.step_size] for i in range(0, len(pool), self.step_size)]
            short = [whole.pop()] if len(whole[-1]) < self.step_size else []
            rng.shuffle(whole)
            steps += whole + short
        return np.concatenate(steps)


def build_loader(dataset: Dataset, order: Order, num_workers: int) -> DataLoader[Any]:
    """Batches of a data set in an order, prepared by so many other processes, but no more than there are cores."""
    workers = min(num_workers, usable_cores())
    cv2.setNumThreads(1)  # its threads do not survive a fork, and a worker would wait for them forever
    return DataLoader(
        Examples(dataset),
        batch_size=order.batch_size,
        sampler=order,
        collate_fn=_as_it_is,
        num_workers=workers,
        worker_init_fn=_end_with_parent,
        persistent_workers=workers > 0,
        pin_memory=torch.cuda.is_available(),
        generator=torch.Generator(),  # its own, so that loading leaves the numbers that dropout draws alone
    )


def _as_it_is(batch: Any) -> Any:
    return batch


def _end_with_parent(worker: int) -> None:
    """Let a worker end when the process that started it does, however that ended."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        parent.join()
        os._exit(1)

    Thread(target=watch, daemon=True).start()
