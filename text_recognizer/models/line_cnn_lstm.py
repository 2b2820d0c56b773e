"""The line reader of the lab that comes next: a recurrent network over the windows of LineCNN."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from text_recognizer.errors import check_at_least
from text_recognizer.models.line_cnn import LineCNN


class _Recurrent(nn.Module):
    """A bidirectional LSTM along the line (Hochreiter and Schmidhuber, 1997; Graves and Schmidhuber, 2005)."""

    def __init__(self, channels: int, lstm_dim: int, lstm_layers: int) -> None:
        super().__init__()
        self.lstm = nn.LSTM(channels, lstm_dim, lstm_layers, bidirectional=True, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels, S) to (B, 2 * lstm_dim, S)."""
        states: Tensor = self.lstm(x.transpose(1, 2))[0]
        return states.transpose(1, 2)


class LineCNNLSTM(LineCNN):
    """Reads a line window by window, and remembers what it saw to the left and to the right.

    Args:
        input_shape: As in :class:`LineCNN`, as are the next six.
        num_classes: Size of the alphabet.
        conv_dim: Channels of the feature map at a quarter of the size.
        fc_dim: Channels per window.
        window_width: Width of a window in pixels; up to the next multiple of 4.
        window_stride: Pixels from one window to the next.
        limit_output_length: Give no more outputs than the line has squares.
        lstm_dim: Units of the recurrent network, each way.
        lstm_layers: Recurrent layers on each other.

    Raises:
        UsageError: If a size is below 1, or conv_dim below 2.
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
        lstm_dim: int = 256,
        lstm_layers: int = 1,
    ) -> None:
        shared: dict[str, Any] = {"input_shape": input_shape, "num_classes": num_classes, "conv_dim": conv_dim}
        shared |= {"fc_dim": fc_dim, "window_width": window_width, "window_stride": window_stride}
        super().__init__(**shared, limit_output_length=limit_output_length)
        check_at_least(1, lstm_dim=lstm_dim, lstm_layers=lstm_layers)
        self.context = _Recurrent(fc_dim, lstm_dim, lstm_layers)
        self.classifier = nn.Conv1d(2 * lstm_dim, num_classes, 1)
