"""Building blocks that the models share."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from text_recognizer.errors import check_at_least

FEATURE_STRIDE = 4
"""Pixels per column and row of the map that :class:`GlyphFeatures` makes."""


class _NormOfOne:
    """Makes batch normalisation train on one value per channel, which has no variance: with what it has learnt."""

    def forward(self: Any, x: Tensor) -> Tensor:
        if self.training and x.numel() == self.num_features:
            return F.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps)
        normalised: Tensor = super().forward(x)  # type: ignore[misc]
        return normalised


class BatchNorm1d(_NormOfOne, nn.BatchNorm1d):
    """Batch normalisation of (B, C) or (B, C, S); B and S may be 1."""


class BatchNorm2d(_NormOfOne, nn.BatchNorm2d):
    """Batch normalisation of (B, C, H, W); all but C may be 1."""


class ConvNorm(nn.Sequential):
    """Convolution without bias, batch normalisation, ReLU; ``stride`` halves or keeps the size (odd kernels)."""

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: int, stride: int | tuple[int, int] = 1
    ) -> None:
        super().__init__(
            nn.Conv2d(in_channels, out_channels, kernel_size, stride, kernel_size // 2, bias=False),
            BatchNorm2d(out_channels),
            nn.ReLU(inplace=True),
        )


class Residual(nn.Module):
    """Two 3x3 convolutions around a shortcut (He et al., "Deep residual learning for image recognition", 2016)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            ConvNorm(channels, channels, 3),
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            BatchNorm2d(channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(x + self.body(x))


class GlyphFeatures(nn.Sequential):
    """Picture (B, 1, H, W) to features (B, conv_dim, H / 4, W / 4).

    It strides at once: a network that convolves at full resolution first does most of its work there, for little
    accuracy.

    Raises:
        UsageError: If conv_dim is below 2.
    """

    def __init__(self, conv_dim: int) -> None:
        check_at_least(2, conv_dim=conv_dim)
        super().__init__(
            ConvNorm(1, conv_dim // 2, 5, stride=2),
            ConvNorm(conv_dim // 2, conv_dim, 3, stride=2),
            Residual(conv_dim),
        )
