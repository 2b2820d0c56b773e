"""Finds the lines of writing in a picture: where their bands are and how high."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from text_recognizer.models.layers import ConvNorm, Residual


class LineFinder(nn.Module):
    """A small U-Net (Ronneberger, Fischer and Brox, 2015) with three outputs per cell of 4 x 4 pixels.

    The first is the logit of the cell lying in the band of a line (:mod:`text_recognizer.imaging.band`), spaces
    between its words included; the second is the logarithm of the band's height in pixels; the third is how many band
    heights the centre line lies below the cell. The last two mean something inside a band only.

    Args:
        channels: Channels at a quarter of the size and at each halving after it.
    """

    def __init__(self, *, channels: tuple[int, ...] = (24, 32, 48, 64, 64)) -> None:
        super().__init__()
        first = channels[0]
        self.stem = nn.Sequential(
            ConvNorm(1, first // 2, 5, stride=2), ConvNorm(first // 2, first, 3, stride=2), Residual(first)
        )
        self.down = nn.ModuleList(
            nn.Sequential(ConvNorm(above, below, 3, stride=2), Residual(below)) for above, below in pairwise(channels)
        )
        self.across = nn.ModuleList(nn.Conv2d(below, above, 1) for above, below in pairwise(channels))
        self.up = nn.ModuleList(Residual(above) for above in channels[:-1])
        self.head = nn.Conv2d(first, 3, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Outputs (B, 3, H / 4, W / 4) for pictures (B, 1, H, W) in [0, 1], dark writing on light paper.

        H and W are multiples of 64.
        """
        maps = [self.stem(x)]
        for stage in self.down:
            maps.append(stage(maps[-1]))
        y = maps.pop()
        for across, up in zip(reversed(self.across), reversed(self.up), strict=True):
            larger = nn.functional.interpolate(across(y), scale_factor=2.0, mode="nearest")
            y = up(larger + maps.pop())
        return torch.as_tensor(self.head(y))
