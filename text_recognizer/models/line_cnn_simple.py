"""The plainest line reader: cut the line into windows and read each with the CNN."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from text_recognizer.errors import check_at_least
from text_recognizer.models.cnn import CNN


class LineCNNSimple(nn.Module):
    """Applies a :class:`CNN` to each window of a line, all windows in one batch.

    It sees one window alone, so it cannot tell a space from padding, or ``o`` from ``O``.

    Args:
        input_shape: (1, H, W) of one line; W may vary from batch to batch.
        num_classes: Size of the alphabet.
        conv_dim: As in :class:`CNN`.
        fc_dim: As in :class:`CNN`.
        window_width: Width of a window in pixels.
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
        check_at_least(1, window_width=window_width, window_stride=window_stride)
        self.height, self.limit_output_length = input_shape[1], limit_output_length
        self.window, self.stride = window_width, window_stride
        window = (1, self.height, window_width)
        self.cnn = CNN(input_shape=window, num_classes=num_classes, conv_dim=conv_dim, fc_dim=fc_dim)

    def output_length(self, width: int) -> int:
        """Windows in a line of ``width`` pixels; one too narrow for a window is widened to it."""
        windows = max(0, width - self.window) // self.stride + 1
        return min(windows, width // self.height) if self.limit_output_length else windows

    def slices(self, x: Tensor) -> Tensor:
        """Windows (B, S, 1, H, window_width) of lines (B, 1, H, W), S = ``output_length(W)``."""
        count = self.output_length(x.shape[-1])
        x = F.pad(x, (0, max(0, self.window - x.shape[-1])))
        return x.unfold(3, self.window, self.stride).permute(0, 3, 1, 2, 4)[:, :count]

    def forward(self, x: Tensor) -> Tensor:
        """Logits (B, num_classes, S) of lines (B, 1, H, W) in [0, 1], S = ``output_length(W)``."""
        windows = self.slices(x)
        logits: Tensor = self.cnn(windows.flatten(0, 1))  # (B * S, num_classes)
        return logits.view(*windows.shape[:2], -1).transpose(1, 2)
