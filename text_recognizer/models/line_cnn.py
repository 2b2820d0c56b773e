"""Fully convolutional line reader: windows slide over features of the whole line."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from text_recognizer.errors import UsageError, check_at_least
from text_recognizer.models.layers import FEATURE_STRIDE, GlyphFeatures

CONTEXT_BLOCKS = 2
CONTEXT_WIDTH = 5
DROPOUT = 0.2


class _Context(nn.Module):
    """Lets each window look at its neighbours: a residual 1-D convolution over (B, C, S)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv1d(channels, channels, CONTEXT_WIDTH, padding=CONTEXT_WIDTH // 2, bias=False),
            nn.BatchNorm1d(channels),
            nn.ReLU(inplace=True),
            nn.Dropout(DROPOUT),
        )

    def forward(self, x: Tensor) -> Tensor:
        return torch.add(x, self.body(x))


class LineCNN(nn.Module):
    """Reads a line window by window; each window also sees its neighbours' features.

    Args:
        input_shape: (1, H, W) of one line; H is a multiple of 4, W may vary from batch to batch.
        num_classes: Size of the alphabet.
        conv_dim: Channels of the feature map at a quarter of the size.
        fc_dim: Channels per window.
        window_width: Width of a window in pixels, a multiple of 4.
        window_stride: Pixels from one window to the next, a multiple of 4.

    Raises:
        UsageError: If a window size is not a positive multiple of 4, conv_dim below 2, or fc_dim below 1.
    """

    def __init__(
        self,
        *,
        input_shape: tuple[int, int, int] = (1, 28, 28 * 32),
        num_classes: int = 83,
        conv_dim: int = 64,
        fc_dim: int = 128,
        window_width: int = 28,
        window_stride: int = 28,
    ) -> None:
        super().__init__()
        check_at_least(1, fc_dim=fc_dim)
        for name, value in (("window_width", window_width), ("window_stride", window_stride)):
            if value < 1 or value % FEATURE_STRIDE:
                raise UsageError(f"--{name} is {value}, but must be a positive multiple of {FEATURE_STRIDE} pixels.")
        self.window = window_width // FEATURE_STRIDE
        self.stride = window_stride // FEATURE_STRIDE
        rows = -(-input_shape[1] // FEATURE_STRIDE)
        self.features = GlyphFeatures(conv_dim)
        self.windows = nn.Sequential(
            nn.Conv2d(conv_dim, fc_dim, (rows, self.window), (1, self.stride), bias=False),
            nn.BatchNorm2d(fc_dim),
            nn.ReLU(inplace=True),
            nn.Dropout(DROPOUT),
        )
        self.context = nn.Sequential(*(_Context(fc_dim) for _ in range(CONTEXT_BLOCKS)))
        self.classifier = nn.Conv1d(fc_dim, num_classes, 1)

    def output_length(self, width: int) -> int:
        """Windows in a line of ``width`` pixels."""
        return max(0, (-(-width // FEATURE_STRIDE) - self.window) // self.stride + 1)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (B, num_classes, S) of lines (B, 1, H, W) in [0, 1], S = ``output_length(W)``."""
        windows = torch.squeeze(self.windows(self.features(x)), dim=2)  # (B, fc_dim, S)
        logits: Tensor = self.classifier(self.context(windows))
        return logits
