"""How far pen strokes alone carry: train a CNN on drawn characters, test it on handwritten ones (EMNIST ByClass).

    python benchmarks/strokes_to_emnist.py                    about 4 minutes on 2 cores
    python benchmarks/strokes_to_emnist.py --split train      on EMNIST's training part, for work on the strokes

Every epoch draws new glyphs. Half of them are digits, as a form has many more digits than any one letter; within digits
and within letters all classes are equally frequent. Nothing of EMNIST is used but to count.
"""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Iterator
from typing import Literal

import numpy as np
import torch
from jsonargparse import auto_cli
from torch import Tensor
from torch.nn.functional import cross_entropy

from text_recognizer.alphabet import ALPHABET, DIGITS, LETTERS
from text_recognizer.data.emnist import load_emnist
from text_recognizer.data.strokes import draw_glyphs
from text_recognizer.models.cnn import CNN
from text_recognizer.training.metrics import CharacterMetrics


def main(
    split: Literal["train", "test"] = "test",
    epochs: int = 5,
    glyphs: int = 80_000,
    batch_size: int = 128,
    lr: float = 3e-3,
    conv_dim: int = 64,
    seed: int = 0,
    json: bool = False,
) -> None:
    """Train on strokes, test on EMNIST, print accuracies.

    Args:
        split: The part of EMNIST that is read.
        epochs: Rounds of fresh glyphs.
        glyphs: Glyphs drawn in each.
        batch_size: Glyphs per step.
        lr: The highest learning rate of a one-cycle schedule.
        conv_dim: Width of the CNN.
        seed: Seed of the glyphs and of the weights.
        json: Print JSON.
    """
    started = time.perf_counter()
    model = _train(epochs, glyphs, batch_size, lr, conv_dim, seed)
    seconds = time.perf_counter() - started
    arrays = load_emnist()
    images, targets = getattr(arrays, f"{split}_images"), getattr(arrays, f"{split}_targets")
    measured = {name: round(float(value), 4) for name, value in _test(model, images, targets).items()}
    machine = f"{platform.machine()}, {torch.get_num_threads()} threads"
    _print({**measured, "emnist": f"{split}, {len(targets)}", "seconds": round(seconds), "machine": machine}, json)


def _train(epochs: int, glyphs: int, batch_size: int, lr: float, conv_dim: int, seed: int) -> CNN:
    torch.manual_seed(seed)
    model = CNN(num_classes=len(ALPHABET), conv_dim=conv_dim).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = torch.optim.AdamW(model.parameters(), lr, weight_decay=0.02)
    steps = epochs * (glyphs // batch_size)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, lr, total_steps=steps)
    for epoch in range(epochs):
        for images, targets in _batches(glyphs, batch_size, seed * epochs + epoch):
            loss = cross_entropy(model(images), targets, label_smoothing=0.1)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
        print(f"epoch {epoch + 1}/{epochs}: loss {loss.item():.3f}", flush=True)
    return model.eval()


def _batches(glyphs: int, batch_size: int, seed: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Shuffled batches of freshly drawn glyphs: images float (B, 1, 28, 28) in [0, 1], targets (B,)."""
    banks = [draw_glyphs(characters, -(-glyphs // 2 // len(characters)), seed) for characters in (DIGITS, LETTERS)]
    images = np.concatenate([bank.images for bank in banks])
    targets = np.concatenate([bank.indices for bank in banks])
    order = np.random.default_rng(seed).permutation(len(images))
    for start in range(0, glyphs // batch_size * batch_size, batch_size):
        batch = order[start : start + batch_size]
        yield _to_input(images[batch]), torch.from_numpy(targets[batch])


def _test(model: CNN, images: np.ndarray, targets: np.ndarray) -> dict[str, Tensor]:
    metrics = CharacterMetrics(ALPHABET)
    with torch.inference_mode():
        for start in range(0, len(images), 1000):
            part = slice(start, start + 1000)
            metrics.update(model(_to_input(images[part])), torch.from_numpy(targets[part]))
    return {f"test_{name}": value for name, value in metrics.compute().items()}


def _to_input(images: np.ndarray) -> Tensor:
    return torch.from_numpy(np.array(images))[:, None].float().div_(255).contiguous(memory_format=torch.channels_last)


def _print(results: dict[str, object], as_json: bool) -> None:
    print(json.dumps(results) if as_json else "\n".join(f"{name:20} {value}" for name, value in results.items()))


if __name__ == "__main__":
    auto_cli(main)
