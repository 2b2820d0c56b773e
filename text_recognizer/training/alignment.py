"""Where on the time axis each character of a composed line is read."""

from __future__ import annotations

import torch
from torch import Tensor

IGNORED = -100
"""The label of a step that does not count; PyTorch's cross entropy leaves it out."""
CORE_STEPS = 0.8
"""A step this close to the centre of a character reads it."""
DOUBT_STEPS = 1.0
"""A step further than the core but within so many steps of it is left out."""


def line_steps(widths: Tensor, width: int, steps: int) -> Tensor:
    """Steps on each line, int64 (B,), whose picture of ``width`` columns, ``widths`` of them its own, has ``steps``."""
    return (widths * steps + width - 1).div(width, rounding_mode="floor").clamp(1, steps)


def aligned_labels(targets: Tensor, boxes: Tensor, *, width: int, steps: int, blank: int) -> Tensor:
    """The label of every step: a character around its centre, blank between characters, nothing in doubt.

    A reader that starts from the connectionist loss alone stays blank for a long time. Lines that are composed tell
    where each character stands, so the first part of the training can say so.

    Args:
        targets: int64 (B, L), alphabet indices.
        boxes: (B, L, 2), first and last column of each target; (0, 0) for what is no character.
        width: Columns of the pictures.
        steps: Steps in which they are read.
        blank: Index of the blank.

    Returns:
        int64 (B, steps), ``IGNORED`` where a step is in doubt.
    """
    centres = boxes.float().mean(dim=2) * (steps / width)  # (B, L)
    centres = centres.masked_fill(boxes[..., 1] == 0, -steps)
    middles = torch.arange(steps, device=boxes.device) + 0.5
    distance, nearest = (middles - centres[..., None]).abs().min(dim=1)  # (B, S)
    labels = targets.gather(1, nearest)
    labels = labels.masked_fill(distance > CORE_STEPS, IGNORED)
    return labels.masked_fill(distance > CORE_STEPS + DOUBT_STEPS, blank)
