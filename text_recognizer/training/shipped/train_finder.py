"""Train the finder of lines that ships with the package, on sheets that are composed when they are asked for.

``python -m text_recognizer.training.shipped.train_finder --minutes 60 --text FILE,FILE``

Beside the graph it keeps a checkpoint (.pt), written every two minutes, from which ``--resume`` goes on.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset
from tqdm import tqdm

from text_recognizer.command_line import Parser, run_safely
from text_recognizer.data.sets.paper_lines import PaperLines
from text_recognizer.data.sets.sheets import SheetDataset, Sheets
from text_recognizer.errors import check_at_least
from text_recognizer.files import replacing
from text_recognizer.models.line_finder import LineFinder
from text_recognizer.reading.finder import FINDER
from text_recognizer.training.export import write_finder
from text_recognizer.training.recognition import one_cycle

_CHECKED_BATCHES = 12
_SECONDS_BETWEEN_CHECKS = 120
_LARGEST_NORM = 1.0


class _Stream(IterableDataset[tuple[Tensor, Tensor]]):
    """Batches of one sheet data set from ``first`` on, without end."""

    def __init__(self, data: SheetDataset, batch_size: int, first: int) -> None:
        self.data, self.batch_size, self.first = data, batch_size, first

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        number = self.first
        while True:
            yield _tensors(self.data.batch(number, self.batch_size))
            number += 1


def _tensors(sheets: Sheets) -> tuple[Tensor, Tensor]:
    """Input of the net, float32 (B, 1, H, W) in [0, 1], and what it is to answer."""
    images, bands = (torch.from_numpy(array) for array in sheets)
    return (images.unsqueeze(1).float() / 255).contiguous(memory_format=torch.channels_last), bands


def finder_loss(answers: Tensor, bands: Tensor) -> Tensor:
    """Three losses, float32 (3,): of being inside a band, of the bands' heights and of the way to their centres.

    Args:
        answers: (B, 3, rows, columns), what the net gives.
        bands: The same shape, as :class:`~text_recognizer.data.sets.sheets.Sheets` has it.
    """
    inside = bands[:, 0]
    counts, written = inside >= 0, inside > 0.5
    found = F.binary_cross_entropy_with_logits(answers[:, 0][counts], inside[counts])
    off = F.smooth_l1_loss(answers[:, 1:], bands[:, 1:], reduction="none", beta=0.1)  # (B, 2, rows, columns)
    height, centre = (off * written[:, None]).sum(dim=(0, 2, 3)) / written.sum().clamp(min=1)
    return torch.stack([found, height, centre])


def train_finder(
    *,
    minutes: float = 60.0,
    text: str = "builtin",
    glyphs: str = "emnist",
    out: str = str(FINDER),
    resume: str | None = None,
    lr: float = 3e-3,
    batch_size: int = 12,
    seed: int = 7,
    field_share: float = 0.0,
) -> None:
    """Train the finder for a time and write its graph.

    Args:
        minutes: How long to train.
        text: Where sentences come from, as for PaperLines.
        glyphs: Where single characters come from, as for PaperLines.
        out: The ONNX file to write.
        resume: Go on from this checkpoint of an earlier training.
        lr: Learning rate at the peak of the one-cycle schedule.
        batch_size: Pieces of sheets per batch.
        seed: Seed of everything random.
        field_share: Share of the lines that are short, as for PaperLines.

    Raises:
        UsageError: If the batch is empty.
        UserError: If the data cannot be had.
    """
    check_at_least(1, batch_size=batch_size)
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    lines = PaperLines(text=text, glyphs=glyphs, seed=seed, field_share=field_share)
    lines.prepare_data()
    lines.setup()
    model = LineFinder().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    steps = 0
    if resume is not None:
        state = torch.load(resume, weights_only=True)
        model.load_state_dict(state["model"])
        steps = int(state["steps"])
    checks = SheetDataset(lines.datasets["val"], seed)  # type: ignore[arg-type]
    held_out = [_tensors(checks.batch(number, batch_size)) for number in range(_CHECKED_BATCHES)]
    stream = _Stream(SheetDataset(lines.datasets["train"], seed), batch_size, steps)  # type: ignore[arg-type]
    batches = iter(DataLoader(stream, batch_size=None, num_workers=1, prefetch_factor=16))
    _fit(model, batches, held_out, minutes, lr, steps, Path(out).with_suffix(".pt"))
    with replacing(out) as temporary:
        write_finder(model, temporary)


def _fit(
    model: LineFinder,
    batches: Iterator[tuple[Tensor, Tensor]],
    held_out: list[tuple[Tensor, Tensor]],
    minutes: float,
    lr: float,
    steps: int,
    checkpoint: Path,
) -> None:
    """Train until the time is up; what was learned until the last check is in ``checkpoint`` if that is interrupted."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr, weight_decay=0.01)
    started, checked = time.monotonic(), 0.0
    with tqdm(total=round(60 * minutes), unit="s", desc="finder") as bar:
        while (seconds := time.monotonic() - started) < 60 * minutes:
            for group in optimizer.param_groups:
                group["lr"] = lr * one_cycle(seconds / (60 * minutes))
            images, bands = next(batches)
            with torch.autocast("cpu", torch.bfloat16):
                answers = model(images)
            loss = finder_loss(answers.float(), bands).sum()
            optimizer.zero_grad(set_to_none=True)
            torch.autograd.backward(loss)
            torch.nn.utils.clip_grad_norm_(model.parameters(), _LARGEST_NORM)
            optimizer.step()
            steps += 1
            bar.update(round(seconds) - bar.n)
            if seconds - checked > _SECONDS_BETWEEN_CHECKS:
                checked = seconds
                _save(model, steps, checkpoint)
                bar.set_postfix_str(f"step {steps}, losses {checked_losses(model, held_out).round(4).tolist()}")
    model.eval()
    _save(model, steps, checkpoint)


def _save(model: LineFinder, steps: int, checkpoint: Path) -> None:
    with replacing(checkpoint) as temporary:
        torch.save({"model": model.state_dict(), "steps": steps}, temporary)


@torch.inference_mode()
def checked_losses(model: LineFinder, held_out: list[tuple[Tensor, Tensor]]) -> np.ndarray:
    """The three losses on sheets of writers, fonts and texts that do not train, float32 (3,)."""
    model.eval()
    losses = torch.stack([finder_loss(model(images), bands) for images, bands in held_out]).mean(dim=0)
    model.train()
    return losses.numpy()


def main() -> int:
    """Train the finder as the flags say."""
    parser = Parser(
        prog="python -m text_recognizer.training.shipped.train_finder", description="Train the finder of lines."
    )
    parser.add_function_arguments(train_finder)
    flags = parser.parse_args()
    return run_safely(lambda: train_finder(**flags.as_dict()))


if __name__ == "__main__":
    sys.exit(main())
