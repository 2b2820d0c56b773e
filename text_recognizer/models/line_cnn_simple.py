"""The plainest line reader: cut the line into windows and read each with the CNN."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from text_recognizer.models.cnn import CNN
from text_recognizer.models.windows import WindowReader


class LineCNNSimple(WindowReader):
    """Applies a :class:`CNN` to each window of a line, all windows in one batch.

    It sees one window alone, so it cannot tell a space from padding, or ``o`` from ``O``. Its sizes are those of
    :class:`WindowReader`.
    """

    def build(self, *, num_classes: int, conv_dim: int, fc_dim: int) -> None:
        """Make the CNN that reads a window."""
        window = (1, self.height, self.window_width)
        self.cnn = CNN(input_shape=window, num_classes=num_classes, conv_dim=conv_dim, fc_dim=fc_dim)

    def windows_in(self, width: int) -> int:
        """Windows in a line of ``width`` pixels, at least one."""
        return max(0, width - self.window_width) // self.window_stride + 1

    def slices(self, x: Tensor) -> Tensor:
        """Windows (B, S, 1, H, window_width) of lines (B, 1, H, W), S = ``output_length(W)``."""
        count = self.output_length(x.shape[-1])
        x = F.pad(x, (0, max(0, self.window_width - x.shape[-1])))
        return x.unfold(3, self.window_width, self.window_stride).permute(0, 3, 1, 2, 4)[:, :count]

    def forward(self, x: Tensor) -> Tensor:
        """Logits (B, num_classes, S) of lines (B, 1, H, W) in [0, 1], S = ``output_length(W)``."""
        windows = self.slices(x)
        logits: Tensor = self.cnn(windows.flatten(0, 1))  # (B * S, num_classes)
        return logits.view(*windows.shape[:2], -1).transpose(1, 2)
