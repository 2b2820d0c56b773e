"""How far pen strokes alone carry: train a CNN on drawn characters, test it on handwritten ones (EMNIST ByClass).

    python benchmarks/strokes_to_emnist.py                    about 4 minutes on 2 cores
    python benchmarks/strokes_to_emnist.py --split train      on EMNIST's training part, for work on the strokes

Every epoch draws new glyphs. Half of them are digits, as a form has many more digits than any one letter; within digits
and within letters all classes are equally frequent. Nothing of EMNIST is used but to count.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from report import data_source, machine, write
from torch import Tensor
from torch.nn.functional import cross_entropy

from text_recognizer.alphabet import ALPHABET, DIGITS, LETTERS
from text_recognizer.data.glyphs.emnist import load_emnist
from text_recognizer.data.glyphs.strokes import draw_glyphs
from text_recognizer.models.cnn import CNN
from text_recognizer.training.metrics import CharacterMetrics

EPOCHS = 4
GLYPHS_PER_EPOCH = 60_000
BATCH_SIZE = 128
LEARNING_RATE = 3e-3


def main() -> None:
    parser = argparse.ArgumentParser(description="Train a CNN on pen strokes alone and test it on EMNIST.")
    parser.add_argument("--split", choices=("train", "test"), default="test", help="official part of EMNIST to test on")
    parser.add_argument("--json", action="store_true", help="print the results as JSON")
    parser.add_argument("--write", type=Path, help="also put the table into this file")
    arguments = parser.parse_args()
    arrays = load_emnist()
    images, targets = {
        "train": (arrays.train_images, arrays.train_targets),
        "test": (arrays.test_images, arrays.test_targets),
    }[arguments.split]
    started = time.perf_counter()
    model = _train()
    seconds = time.perf_counter() - started
    results = {
        **_test(model, images, targets),
        "train_seconds": round(seconds),
        "data": f"EMNIST ByClass, {arguments.split}, {len(targets)} characters",
        "machine": machine(),
    }
    print(json.dumps(results) if arguments.json else table(results))
    if arguments.write:
        write(arguments.write, table(results), "strokes")


def table(results: dict[str, Any]) -> str:
    """The results as Markdown."""
    figures = [name for name in results if name.startswith("test_")]
    lines = [f"| {' | '.join(figures)} | seconds |", "| ---: |" + " ---: |" * len(figures)]
    lines.append(f"| {' | '.join(f'{results[name]:.3f}' for name in figures)} | {results['train_seconds']} |")
    return "\n".join([*lines, "", f"Data: {results['data']}; {data_source()}. Machine: {results['machine']}."])


def _train() -> CNN:
    torch.manual_seed(0)
    model = CNN(num_classes=len(ALPHABET))
    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=0.02)
    steps = EPOCHS * (GLYPHS_PER_EPOCH // BATCH_SIZE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, total_steps=steps)
    for epoch in range(EPOCHS):
        for images, targets in _batches(seed=epoch):
            loss = cross_entropy(model(images), targets, label_smoothing=0.1)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
        print(f"epoch {epoch + 1}/{EPOCHS}: loss {loss.item():.3f}", file=sys.stderr)
    return model.eval()


def _batches(seed: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Shuffled batches of freshly drawn glyphs: images float (B, 1, 28, 28) in [0, 1], targets (B,)."""
    half = GLYPHS_PER_EPOCH // 2
    banks = [draw_glyphs(characters, -(-half // len(characters)), seed) for characters in (DIGITS, LETTERS)]
    images = np.concatenate([bank.images for bank in banks])
    targets = np.concatenate([bank.indices for bank in banks])
    order = np.random.default_rng(seed).permutation(len(images))
    for start in range(0, GLYPHS_PER_EPOCH - BATCH_SIZE + 1, BATCH_SIZE):
        batch = order[start : start + BATCH_SIZE]
        yield _to_input(images[batch]), torch.from_numpy(targets[batch])


def _test(model: CNN, images: np.ndarray, targets: np.ndarray) -> dict[str, float]:
    metrics = CharacterMetrics(ALPHABET)
    with torch.inference_mode():
        for start in range(0, len(images), 1000):
            part = slice(start, start + 1000)
            metrics.update(model(_to_input(images[part])), torch.from_numpy(targets[part]))
    return {f"test_{name}": round(float(value), 4) for name, value in metrics.compute().items()}


def _to_input(images: np.ndarray) -> Tensor:
    return torch.tensor(images)[:, None].float().div_(255).contiguous(memory_format=torch.channels_last)


if __name__ == "__main__":
    main()
