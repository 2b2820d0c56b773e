"""The lab's first line reader: cut the line into squares and read each with the CNN."""

from __future__ import annotations

from text_recognizer.models.line_cnn_simple import LineCNNSimple


class LineReshapeCNN(LineCNNSimple):
    """Applies a :class:`CNN` to each square of a line: :class:`LineCNNSimple` with windows as wide as they are high.

    Args:
        input_shape: (1, H, W) of one line; squares are H wide.
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
        super().__init__(
            input_shape=input_shape,
            num_classes=num_classes,
            conv_dim=conv_dim,
            fc_dim=fc_dim,
            window_width=input_shape[1],
            window_stride=input_shape[1],
        )
