"""Fully convolutional line reader: windows slide over features of the whole line."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from text_recognizer.errors import check_at_least
from text_recognizer.models.layers import FEATURE_STRIDE, BatchNorm1d, BatchNorm2d, GlyphFeatures

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


class LineCNN(nn.Module):
    """Reads a line window by window; each window also sees its neighbours' features.

    Args:
        input_shape: (1, H, W) of one line; H is a multiple of 4, W may vary from batch to batch.
        num_classes: Size of the alphabet.
        conv_dim: Channels of the feature map at a quarter of the size.
        fc_dim: Channels per window.
        window_width: Width of a window in pixels; up to the next multiple of 4.
        window_stride: Pixels from one window to the next.
        limit_output_length: Give no more outputs than the line has squares, which is the length of the targets where
            characters stand in cells; for cross entropy with strides below 28.

    Raises:
        UsageError: If a size of the windows or fc_dim is below 1, or conv_dim below 2.
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
        limit_output_length: bool = False,
    ) -> None:
        super().__init__()
        check_at_least(1, fc_dim=fc_dim, window_width=window_width, window_stride=window_stride)
        self.height, self.limit_output_length = input_shape[1], limit_output_length
        self.window, self.pixels = -(-window_width // FEATURE_STRIDE), window_stride
        self.gathers = bool(window_stride % FEATURE_STRIDE)
        stride = self.window if self.gathers else window_stride // FEATURE_STRIDE
        rows = -(-input_shape[1] // FEATURE_STRIDE)
        self.features = GlyphFeatures(conv_dim)
        self.windows = nn.Sequential(
            nn.Conv2d(conv_dim, fc_dim, (rows, self.window), (1, stride), bias=False),
            BatchNorm2d(fc_dim),
            nn.ReLU(inplace=True),
            nn.Dropout(DROPOUT),
        )
        self.context: nn.Module = nn.Sequential(*(_Context(fc_dim) for _ in range(CONTEXT_BLOCKS)))
        self.classifier = nn.Conv1d(fc_dim, num_classes, 1)

    def output_length(self, width: int) -> int:
        """Windows in a line of ``width`` pixels; one too narrow for a window is widened to it."""
        beside = -(-width // FEATURE_STRIDE) - self.window  # columns right of the first window
        windows = max(0, beside) * FEATURE_STRIDE // self.pixels + 1
        return min(windows, width // self.height) if self.limit_output_length else windows

    def window_features(self, x: Tensor) -> Tensor:
        """Features (B, fc_dim, S) of the windows of lines (B, 1, H, W), S = ``output_length(W)``."""
        count = self.output_length(x.shape[-1])
        features = self.features(x)  # (B, conv_dim, H / 4, W / 4)
        features = F.pad(features, (0, max(0, self.window - features.shape[-1])))
        if self.gathers:
            starts = torch.arange(count, device=x.device) * self.pixels // FEATURE_STRIDE
            columns = starts[:, None] + torch.arange(self.window, device=x.device)
            features = features[..., columns.flatten()]
        return torch.squeeze(self.windows(features), dim=2)[..., :count]

    def forward(self, x: Tensor) -> Tensor:
        """Logits (B, num_classes, S) of lines (B, 1, H, W) in [0, 1], S = ``output_length(W)``."""
        logits: Tensor = self.classifier(self.context(self.window_features(x)))
        return logits
