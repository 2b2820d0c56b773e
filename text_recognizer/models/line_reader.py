"""Fully convolutional reader of lines of any spacing and any width."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from text_recognizer.errors import check_at_least
from text_recognizer.models.layers import ConvNorm, GlyphFeatures, Residual

DROPOUT = 0.1
DILATIONS = (1, 2, 4, 8)


class _Context(nn.Module):
    """A dilated convolution along the line around a shortcut, on (B, C, 1, S)."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels, channels, (1, 3), padding=(0, dilation), dilation=(1, dilation), bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x)


class LineReader(nn.Module):
    """Reads a line in steps of 4 pixels, more than it has characters.

    The picture is strided down at once to a quarter of its width, where residual blocks see the shapes of characters.
    Then all rows become one vector per step, and dilated convolutions (Yu and Koltun, "Multi-scale context aggregation
    by dilated convolutions", 2016) see 37 steps along the line, so that neighbours decide between o, O and 0.
    Nothing is recurrent and nothing depends on the width.

    Args:
        input_shape: (1, H, W) of one line; W may vary from batch to batch.
        num_classes: Size of the alphabet.
        conv_dim: Channels at a quarter of the size.
        stage_blocks: Residual blocks of each further stage; each has half the rows and twice the channels of the one
            before.
        context_dim: Channels per step.
        context_blocks: Convolutions along the line, with dilations 1, 2, 4, 8, 1, 2, 4, ...

    Raises:
        UsageError: If conv_dim is below 2, context_dim below 1, or context_blocks or one of stage_blocks below 0.
    """

    default_loss = "aligned_ctc"

    def __init__(
        self,
        *,
        input_shape: tuple[int, int, int] = (1, 40, 28 * 32),
        num_classes: int = 83,
        conv_dim: int = 32,
        stage_blocks: tuple[int, ...] = (2,),
        context_dim: int = 192,
        context_blocks: int = 6,
    ) -> None:
        super().__init__()
        check_at_least(1, context_dim=context_dim)
        check_at_least(0, context_blocks=context_blocks)
        rows, channels = -(-input_shape[1] // 4), conv_dim
        stages: list[nn.Module] = []
        for blocks in stage_blocks:
            check_at_least(0, stage_blocks=blocks)
            stages.append(ConvNorm(channels, 2 * channels, 3, stride=(2, 1)))
            rows, channels = -(-rows // 2), 2 * channels
            stages += [Residual(channels) for _ in range(blocks)]
        self.features = nn.Sequential(*GlyphFeatures(conv_dim), *stages)
        self.steps = nn.Sequential(
            nn.Dropout2d(DROPOUT),
            nn.Conv2d(channels, context_dim, (rows, 1), bias=False),
            nn.BatchNorm2d(context_dim),
            nn.ReLU(inplace=True),
        )
        dilations = [DILATIONS[i % len(DILATIONS)] for i in range(context_blocks)]
        self.context = nn.Sequential(*(_Context(context_dim, dilation) for dilation in dilations))
        self.classifier = nn.Sequential(nn.Dropout(DROPOUT), nn.Conv2d(context_dim, num_classes, 1))

    def output_length(self, width: int) -> int:
        """Steps in a line of ``width`` pixels."""
        return -(-width // 4)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (B, num_classes, S) of lines (B, 1, H, W) in [0, 1], S = ``output_length(W)``."""
        steps = self.steps(self.features(x))  # (B, context_dim, 1, S)
        return torch.squeeze(self.classifier(self.context(steps)), dim=2)
