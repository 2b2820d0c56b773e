"""Multi-layer perceptron: the lab's first model."""

from __future__ import annotations

from math import prod

from torch import Tensor, nn

from text_recognizer.errors import check_at_least

DROPOUT = 0.2


class MLP(nn.Module):
    """Two hidden layers over the pixels of one character.

    Args:
        input_shape: (1, H, W) of one picture.
        num_classes: Size of the alphabet.
        fc1: Units of the first hidden layer.
        fc2: Units of the second hidden layer.

    Raises:
        UsageError: If fc1 or fc2 is below 1.
    """

    def __init__(
        self, *, input_shape: tuple[int, int, int] = (1, 28, 28), num_classes: int = 83, fc1: int = 1024, fc2: int = 128
    ) -> None:
        super().__init__()
        check_at_least(1, fc1=fc1, fc2=fc2)
        self.layers = nn.Sequential(
            nn.Flatten(),
            nn.Linear(prod(input_shape), fc1),
            nn.ReLU(),
            nn.Dropout(DROPOUT),
            nn.Linear(fc1, fc2),
            nn.ReLU(),
            nn.Dropout(DROPOUT),
            nn.Linear(fc2, num_classes),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Logits (B, num_classes) of pictures (B, 1, H, W) in [0, 1]."""
        logits: Tensor = self.layers(x)
        return logits
