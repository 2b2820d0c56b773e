"""The lab's models as its notes describe them, in our own words: what the benchmarks measure ours against."""

from __future__ import annotations

import torch
from torch import Tensor, nn

CHANNELS = 64
UNITS = 128
DROPOUT = 0.25
CELL = 28


def convolution(in_channels: int, stride: int = 1) -> nn.Sequential:
    """3x3 convolution to ``CHANNELS`` channels, then ReLU; the size is kept or halved."""
    return nn.Sequential(nn.Conv2d(in_channels, CHANNELS, 3, stride, padding=1), nn.ReLU())


class LabCNN(nn.Module):
    """Two convolutions at full resolution, one 2x2 maximum: logits (B, C) of pictures (B, 1, 28, 28)."""

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            convolution(1),
            convolution(CHANNELS),
            nn.MaxPool2d(2),
            nn.Dropout(DROPOUT),
            nn.Flatten(),
            nn.Linear(CHANNELS * (CELL // 2) ** 2, UNITS),
            nn.ReLU(),
            nn.Linear(UNITS, num_classes),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


class LabLineReshapeCNN(nn.Module):
    """The CNN on one square slice after the other: logits (B, C, S) of lines (B, 1, 28, 28 * S)."""

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.cnn = LabCNN(num_classes)

    def forward(self, x: Tensor) -> Tensor:
        return torch.stack([self.cnn(x[..., start : start + CELL]) for start in range(0, x.shape[3], CELL)], dim=2)


class _Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(convolution(CHANNELS), nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1))

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(x + self.body(x))


class LabLineCNN(nn.Module):
    """Convolutions over the whole line, then a window per cell: logits (B, C, S) of lines (B, 1, 28, 28 * S)."""

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        window = CELL // 2
        self.layers = nn.Sequential(
            convolution(1),
            _Residual(),
            convolution(CHANNELS, stride=2),
            _Residual(),
            nn.Conv2d(CHANNELS, UNITS, window, stride=window),
            nn.ReLU(),
            nn.Dropout(DROPOUT),
            nn.Conv2d(UNITS, num_classes, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x).squeeze(2)
