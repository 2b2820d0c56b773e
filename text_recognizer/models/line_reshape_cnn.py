"""The lab's first line reader: cut the line into squares and read each with the CNN."""

from __future__ import annotations

from torch import Tensor, nn

from text_recognizer.models.cnn import CNN


class LineReshapeCNN(nn.Module):
    """Applies a :class:`CNN` to each square slice of a line, all slices in one batch.

    It sees one cell alone, so it cannot tell a space from padding, or ``o`` from ``O``.

    Args:
        input_shape: (1, H, W) of one line; slices are H wide.
        num_classes: Size of the alphabet.
        conv_dim: As in :class:`CNN`.
        fc_dim: As in :class:`CNN`.

    Raises:
        UsageError: If conv_dim is below 2, or fc_dim below 1.
    """

    def __init__(
        self,
        *,
        input_shape: tuple[int, int, int] = (1, 28, 28 * 32),
        num_classes: int = 83,
        conv_dim: int = 64,
        fc_dim: int = 128,
    ) -> None:
        super().__init__()
        self.size = input_shape[1]
        self.cnn = CNN(input_shape=(1, self.size, self.size), num_classes=num_classes, conv_dim=conv_dim, fc_dim=fc_dim)

    def output_length(self, width: int) -> int:
        """Slices in a line of ``width`` pixels."""
        return width // self.size

    def slices(self, x: Tensor) -> Tensor:
        """Squares (B, S, 1, H, H) of lines (B, 1, H, W), S = W // H."""
        batch, _, height, width = x.shape
        count = self.output_length(width)
        x = x[..., : count * height].reshape(batch, height, count, height)  # (B, H, S, H)
        return x.transpose(1, 2).unsqueeze(2)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (B, num_classes, S) of lines (B, 1, H, W) in [0, 1], S = W // H."""
        squares = self.slices(x)
        logits: Tensor = self.cnn(squares.flatten(0, 1))
        return logits.view(*squares.shape[:2], -1).transpose(1, 2)
