"""The line reader of the lab that comes next: a recurrent network over the windows of LineCNN."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from text_recognizer.errors import check_at_least
from text_recognizer.models.line_cnn import LineCNN


class _Recurrent(nn.Module):
    """A bidirectional LSTM along the line (Hochreiter and Schmidhuber, 1997; Graves and Schmidhuber, 2005).

    Its layers are modules of their own, as an LSTM of ONNX has one layer.
    """

    def __init__(self, channels: int, lstm_dim: int, lstm_layers: int) -> None:
        super().__init__()
        inputs = [channels] + [2 * lstm_dim] * (lstm_layers - 1)
        self.layers = nn.ModuleList(nn.LSTM(size, lstm_dim, bidirectional=True, batch_first=True) for size in inputs)

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels, S) to (B, 2 * lstm_dim, S)."""
        states = x.transpose(1, 2)
        for layer in self.layers:
            states = layer(states)[0]
        return states.transpose(1, 2)


class LineCNNLSTM(LineCNN):
    """Reads a line window by window; a bidirectional LSTM sees the windows to the left and to the right.

    Args:
        lstm_dim: Units of the LSTM in each direction.
        lstm_layers: Number of stacked LSTM layers.
        sizes: As in :class:`LineCNN`.

    Raises:
        UsageError: If a size is below 1, or conv_dim below 2.
    """

    def __init__(self, *, lstm_dim: int = 256, lstm_layers: int = 1, **sizes: Any) -> None:
        super().__init__(**sizes)
        check_at_least(1, lstm_dim=lstm_dim, lstm_layers=lstm_layers)
        num_classes, channels, _ = self.classifier.weight.shape
        self.context = _Recurrent(channels, lstm_dim, lstm_layers)
        self.classifier = nn.Conv1d(2 * lstm_dim, num_classes, 1)
