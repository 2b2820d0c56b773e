"""The boxes of a sheet, cut out of its straightened picture: the ink alone, and whether it can be trusted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from text_recognizer.hand.sheet import BASELINE, X_HEIGHT, Box

State = Literal["ok", "empty", "doubtful"]

PIXELS_PER_MM = 8
"""Of straightened pictures and of what is cut from them."""
MARGIN = 4.0
"""Of a straightened picture around the field, in mm."""

_INSET = 0.45
"""From the middle of a box's frame to where its picture begins, in mm."""


@dataclass(frozen=True, eq=False)
class FilledBox:
    """What was found in a box.

    Attributes:
        box: The box of the sheet.
        image: uint8 (h, w), ink 255 on 0, ``PIXELS_PER_MM`` pixels a millimetre, without the box's frame and guides.
        state: ``ok``, ``empty``, or ``doubtful``: there is ink, but perhaps not (all of) what belongs there.
        reason: Why it is doubtful, such as ``touches the frame``; empty otherwise.
    """

    box: Box
    image: np.ndarray
    state: State
    reason: str = ""

    @property
    def text(self) -> str:
        """What belongs into the box: one character, or words to copy."""
        return self.box.text

    @property
    def is_character(self) -> bool:
        """Whether that is one character."""
        return len(self.box.text) == 1

    baseline = (BASELINE - _INSET) * PIXELS_PER_MM
    """From the top of ``image`` to the line that was to be written on, in pixels."""
    x_height = X_HEIGHT * PIXELS_PER_MM
    """What small letters were to reach above that line, in pixels."""
