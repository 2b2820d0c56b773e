"""Convolutional network for single characters."""

from __future__ import annotations

from torch import Tensor, nn

from text_recognizer.errors import UsageError, check_at_least
from text_recognizer.models.layers import FEATURE_STRIDE, BatchNorm1d, ConvNorm, GlyphFeatures


class CNN(nn.Module):
    """Reads one character.

    Args:
        input_shape: (1, H, W) of one picture.
        num_classes: Size of the alphabet.
        conv_dim: Channels of the feature map at a quarter of the size.
        fc_dim: Units of the hidden layer.
        dropout: Share of the features that are dropped at random in training.

    Raises:
        UsageError: If conv_dim is below 2, fc_dim below 1, or dropout not in [0, 1).
    """

    def __init__(
        self,
        *,
        input_shape: tuple[int, int, int] = (1, 28, 28),
        num_classes: int = 83,
        conv_dim: int = 64,
        fc_dim: int = 128,
        dropout: float = 0.2,
    ) -> None:
        super().__init__()
        check_at_least(1, fc_dim=fc_dim)
        if not 0 <= dropout < 1:
            raise UsageError(f"--dropout is {dropout}, but must be in [0, 1).")
        _, height, width = input_shape
        rows, columns = (-(-size // FEATURE_STRIDE // 2) for size in (height, width))
        self.features = nn.Sequential(GlyphFeatures(conv_dim), ConvNorm(conv_dim, 2 * conv_dim, 3, stride=2))
        self.head = nn.Sequential(
            nn.Flatten(),
            nn.Dropout(dropout),
            nn.Linear(2 * conv_dim * rows * columns, fc_dim, bias=False),
            BatchNorm1d(fc_dim),
            nn.ReLU(),
            nn.Linear(fc_dim, num_classes),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Logits (B, num_classes) of pictures (B, 1, H, W) in [0, 1]."""
        logits: Tensor = self.head(self.features(x))
        return logits
