"""Fully convolutional line reader: windows slide over features of the whole line."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from text_recognizer.models.layers import FEATURE_STRIDE, BatchNorm1d, BatchNorm2d, GlyphFeatures
from text_recognizer.models.windows import WindowReader

CONTEXT_BLOCKS = 2
CONTEXT_WIDTH = 5
DROPOUT = 0.2


class _Context(nn.Module):
    """Lets each window look at its neighbours: a residual 1-D convolution over (B, C, S)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv1d(channels, channels, CONTEXT_WIDTH, padding=CONTEXT_WIDTH // 2, bias=False),
            BatchNorm1d(channels),
            nn.ReLU(inplace=True),
            nn.Dropout(DROPOUT),
        )

    def forward(self, x: Tensor) -> Tensor:
        return torch.add(x, self.body(x))


class LineCNN(WindowReader):
    """Reads a line window by window; each window also sees its neighbours' features.

    Its sizes are those of :class:`WindowReader`. The height of a line is a multiple of 4.
    """

    def build(self, *, num_classes: int, conv_dim: int, fc_dim: int) -> None:
        """Make the features of the line, the windows over them, and what sees the neighbours."""
        self.window = -(-self.window_width // FEATURE_STRIDE)
        self.gathers = bool(self.window_stride % FEATURE_STRIDE)
        stride = self.window if self.gathers else self.window_stride // FEATURE_STRIDE
        rows = -(-self.height // FEATURE_STRIDE)
        self.features = GlyphFeatures(conv_dim)
        self.windows = nn.Sequential(
            nn.Conv2d(conv_dim, fc_dim, (rows, self.window), (1, stride), bias=False),
            BatchNorm2d(fc_dim),
            nn.ReLU(inplace=True),
            nn.Dropout(DROPOUT),
        )
        self.context: nn.Module = nn.Sequential(*(_Context(fc_dim) for _ in range(CONTEXT_BLOCKS)))
        self.classifier = nn.Conv1d(fc_dim, num_classes, 1)

    def windows_in(self, width: int) -> int:
        """Windows over the features of a line of ``width`` pixels, at least one."""
        beside = -(-width // FEATURE_STRIDE) - self.window  # columns right of the first window
        return max(0, beside) * FEATURE_STRIDE // self.window_stride + 1

    def window_features(self, x: Tensor) -> Tensor:
        """Features (B, fc_dim, S) of the windows of lines (B, 1, H, W), S = ``output_length(W)``."""
        count = self.output_length(x.shape[-1])
        features = self.features(x)  # (B, conv_dim, H / 4, W / 4)
        features = F.pad(features, (0, max(0, self.window - features.shape[-1])))
        if self.gathers:
            starts = torch.arange(count, device=x.device) * self.window_stride // FEATURE_STRIDE
            columns = starts[:, None] + torch.arange(self.window, device=x.device)
            features = features[..., columns.flatten()]
        return torch.squeeze(self.windows(features), dim=2)[..., :count]

    def forward(self, x: Tensor) -> Tensor:
        """Logits (B, num_classes, S) of lines (B, 1, H, W) in [0, 1], S = ``output_length(W)``."""
        logits: Tensor = self.classifier(self.context(self.window_features(x)))
        return logits
