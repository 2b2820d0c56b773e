"""What the models share that read a line window by window."""

from __future__ import annotations

from torch import nn

from text_recognizer.errors import check_at_least


class WindowReader(nn.Module):
    """Base of the models that read a line in windows; subclasses build their layers from what the constructor is given.

    Args:
        input_shape: (1, H, W) of one line; W may vary from batch to batch.
        num_classes: Size of the alphabet.
        conv_dim: Channels of the feature map at a quarter of the size.
        fc_dim: Channels, or units of the hidden layer, per window.
        window_width: Width of a window in pixels; of LineCNN up to the next multiple of 4.
        window_stride: Pixels from one window to the next.
        limit_output_length: Give at most as many outputs as the line has squares, which is the length of the targets if
            characters are in cells; for cross entropy with strides below 28.

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
        check_at_least(1, window_width=window_width, window_stride=window_stride, fc_dim=fc_dim)
        self.height, self.limit_output_length = input_shape[1], limit_output_length
        self.window_width, self.window_stride = window_width, window_stride
        self.build(num_classes=num_classes, conv_dim=conv_dim, fc_dim=fc_dim)

    def build(self, *, num_classes: int, conv_dim: int, fc_dim: int) -> None:
        """Make the layers of these sizes."""
        raise NotImplementedError

    def windows_in(self, width: int) -> int:
        """Windows in a line of ``width`` pixels, at least one."""
        raise NotImplementedError

    def output_length(self, width: int) -> int:
        """Outputs for a line of ``width`` pixels; one too narrow for a window is widened to it."""
        windows = self.windows_in(width)
        return min(windows, width // self.height) if self.limit_output_length else windows
