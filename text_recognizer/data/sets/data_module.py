"""What every data module shares: whole batches as tensors, splits, a summary."""

from __future__ import annotations

import warnings
from collections.abc import Collection
from pathlib import Path
from typing import Any, NamedTuple

import lightning as L
import numpy as np
from torch.utils.data import DataLoader

from text_recognizer.alphabet import Alphabet
from text_recognizer.data.sets.loaders import Dataset, Examples, Order, build_loader
from text_recognizer.data.splits import Split
from text_recognizer.errors import UsageError, check_seed


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


class DataModule(L.LightningDataModule):
    """Base of all data modules. Subclasses set the attributes in their constructor and fill ``datasets`` in ``setup``.

    Attributes:
        alphabet: What targets mean.
        input_shape: (1, H, W) of one example.
        target_shape: () for characters, (max_length,) for lines.
        varying_widths: Whether the pictures of a batch may be wider or narrower than ``input_shape`` says.
        has_boxes: Of lines, whether it is known where each character stands.
        datasets: The splits, once ``setup`` has run.

    Args:
        batch_size: Examples per batch.
        num_workers: Processes that prepare batches, at most one per core; 0 prepares them in the main process.
        seed: Seed of everything random: splits, composed lines, order.
    """

    alphabet: Alphabet
    input_shape: tuple[int, int, int]
    target_shape: tuple[int, ...] = ()
    varying_widths = False
    has_boxes = True

    def __init__(self, *, batch_size: int = 128, num_workers: int = 0, seed: int = 42) -> None:
        super().__init__()
        if batch_size < 1:
            raise UsageError(f"--batch_size is {batch_size}, but a batch holds at least 1 example.")
        if num_workers < 0:
            raise UsageError(f"--num_workers is {num_workers}, but the number of worker processes cannot be negative.")
        check_seed(seed)
        self.batch_size, self.num_workers, self.seed = batch_size, num_workers, seed
        self.datasets: dict[Split, Dataset] = {}
        self._resumed: dict[str, Any] | None = None

    @property
    def mapping(self) -> list[str]:
        """The token of each target: the lab's name for the alphabet."""
        return list(self.alphabet)

    @property
    def inverse_mapping(self) -> dict[str, int]:
        """The target of each token."""
        return {token: index for index, token in enumerate(self.alphabet)}

    @property
    def data_train(self) -> Examples:
        """The training split, an example at a time: ``x, y = data.data_train[0]``; known after ``setup``."""
        return Examples(self.datasets["train"])

    @property
    def data_val(self) -> Examples:
        """The validation split."""
        return Examples(self.datasets["val"])

    @property
    def data_test(self) -> Examples:
        """The test split."""
        return Examples(self.datasets["test"])

    def inputs(self) -> Collection[Path]:
        """The user's own pictures that are read, once ``setup`` has run; none by default."""
        return ()

    def samples(self, count: int) -> Any:
        """The first training examples, at most so many, as a batch to look at."""
        return self.datasets["train"].batch(np.arange(min(count, len(self.datasets["train"]))))

    def config(self) -> dict[str, Any]:
        """What models are built with: ``CNN(**data.config())``."""
        return {"input_shape": self.input_shape, "num_classes": len(self.alphabet)}

    def _dataloader(self, split: Split) -> DataLoader[Any]:
        overfits = split != "test" and self.trainer is not None and self.trainer.overfit_batches > 0  # type: ignore[attr-defined]
        dataset = self.datasets["train" if overfits else split]
        order = Order(
            dataset,
            self.batch_size,
            shuffle=split == "train" and not overfits,
            seed=self.seed,
            rank=self.trainer.global_rank if self.trainer else 0,
            world_size=self.trainer.world_size if self.trainer else 1,
        )
        if split == "train" and self._resumed is not None:
            order.go_on(**self._resumed)
            self._resumed = None
        return build_loader(dataset, order, self.num_workers)

    def train_dataloader(self) -> DataLoader[Any]:
        return self._dataloader("train")

    def val_dataloader(self) -> DataLoader[Any]:
        return self._dataloader("val")

    def test_dataloader(self) -> DataLoader[Any]:
        return self._dataloader("test")

    def predict_dataloader(self) -> DataLoader[Any]:
        """The test split."""
        return self._dataloader("test")

    def state_dict(self) -> dict[str, Any]:
        """For a checkpoint: the epoch that is trained, and how many of its batches have been."""
        assert self.trainer is not None
        fit = self.trainer.fit_loop
        epochs: Any = fit.epoch_progress.current
        return {"epoch": epochs.processed, "batches": fit.batch_idx + 1 if epochs.ready > epochs.processed else 0}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Let the next training go on after the batches of a checkpoint."""
        self._resumed = state_dict
        # Lightning knows only of loaders that can go on, not of data modules.
        warnings.filterwarnings("ignore", message="You're resuming from a checkpoint that ended before the epoch ended")

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
