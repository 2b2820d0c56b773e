"""The main job in a minute, with no data to download: compose lines, learn to read them, read new ones."""

from __future__ import annotations

import time

import lightning as L
import numpy as np
import torch
from lightning.pytorch.callbacks import TQDMProgressBar

from text_recognizer.data.figures import check_figure_name, save_figure
from text_recognizer.data.sets.emnist_lines import EMNISTLines
from text_recognizer.data.sets.loaders import to_input
from text_recognizer.errors import check_at_least, check_seed
from text_recognizer.models.line_cnn import LineCNN
from text_recognizer.training.example_figures import braille, line_readings_figure
from text_recognizer.training.logs import quiet_lightning
from text_recognizer.training.recognition import LineRecognition

MAX_LENGTH = 16
NUM_LINES = 12000
BATCH_SIZE = 32
NUM_SHOWN = 6


def demo(*, out: str = "demo/demo.png", num_lines: int = NUM_LINES, seed: int = 42) -> None:
    """Compose text lines from pen strokes, train a line model on them and show what it reads.

    Args:
        out: The picture of lines and readings to write.
        num_lines: Number of training lines, each used once; 12,000 take about a minute on two cores.
        seed: Seed of everything random.

    Raises:
        UsageError: If a value is impossible.
    """
    check_figure_name(out, "--out")
    check_at_least(1, num_lines=num_lines)
    check_seed(seed)
    quiet_lightning()
    L.seed_everything(seed, verbose=False)
    print("Drawing characters with pen strokes and composing lines of them ...")
    data = EMNISTLines(
        max_length=MAX_LENGTH,
        max_overlap=0.0,
        num_train=num_lines,
        glyphs="strokes",
        text="builtin",
        batch_size=BATCH_SIZE,
        seed=seed,
    )
    data.prepare_data()
    data.setup()
    model = LineCNN(input_shape=data.input_shape, num_classes=len(data.alphabet))
    recognition = LineRecognition(model, data.alphabet, input_width=data.input_shape[2], target_length=MAX_LENGTH)
    trainer = L.Trainer(
        max_epochs=1,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_model_summary=False,
        limit_val_batches=0,
        num_sanity_val_steps=0,
        use_distributed_sampler=False,
        callbacks=[TQDMProgressBar(refresh_rate=5, leave=True)],
    )
    print(f"Training LineCNN on {num_lines:,} lines, on the CPU:")
    started = time.perf_counter()
    trainer.fit(recognition, datamodule=data)
    seconds = time.perf_counter() - started
    figures = trainer.test(recognition, datamodule=data, verbose=False)[0]
    print(
        f"Trained for {seconds:.0f} s. On {data.num_lines['test']:,} lines of glyphs and texts never trained on:\n"
        f"  character error rate {figures['test_cer']:.3f}, lines read without a mistake {figures['test_exact']:.2f}\n"
    )
    show(recognition, data, out)


def show(recognition: LineRecognition, data: EMNISTLines, out: str) -> None:
    """Read some test lines; print them with what was read, and save them as a picture."""
    images, targets, *_ = data.datasets["test"].batch(np.arange(NUM_SHOWN))
    readings = recognition.read(to_input(torch.from_numpy(images)))
    references = recognition.references(torch.from_numpy(targets))
    for image, reading, reference in zip(images, readings, references, strict=True):
        print(braille(image))
        print(f"  read: {reading}" + ("" if reading == reference else f"     (written: {reference})") + "\n")
    save_figure(line_readings_figure(images, readings, references), out)
    print(f"Picture: {out}")
