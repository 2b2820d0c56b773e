"""A line where it was found on a page."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from text_recognizer.imaging.sheet.grid import Grid


@dataclass(frozen=True, eq=False)
class FoundLine:
    """A line in a picture, in its pixels.

    Attributes:
        left, right: Where its writing begins and ends.
        curve: Legendre coefficients of its centre line between ``left`` and ``right``.
        height: Height of its band.
        weight: How much of the picture its band covers, in square pixels.
        slope: Rows per column of the straight line through its points, which ``curve`` bends less than they ask for.
        reach: Columns beyond which its crop does not go.
        cell: The table in which it stands, and the number of its cell there.
    """

    left: float
    right: float
    curve: np.ndarray
    height: float
    weight: float
    slope: float = 0.0
    reach: tuple[float, float] = (-np.inf, np.inf)
    cell: tuple[Grid, int] | None = None

    @property
    def first(self) -> float:
        """Row of the centre line where the writing begins."""
        return float(self.curve[::2].sum() - self.curve[1::2].sum())

    @property
    def last(self) -> float:
        """Row of the centre line where the writing ends."""
        return float(self.curve.sum())

    def centre(self, x: np.ndarray) -> np.ndarray:
        """Rows of the centre line at columns ``x``; beyond its ends it goes on level with the end."""
        half = max((self.right - self.left) / 2, 1e-6)
        at = np.clip((x - (self.left + self.right) / 2) / half, -1, 1)
        return np.asarray(np.polynomial.legendre.legval(at, self.curve))

    def scaled(self, factor: float, x: float = 0.0, y: float = 0.0) -> FoundLine:
        """The same line in a picture ``factor`` times as large whose origin is then moved to (-x, -y).

        Its ``cell`` stays that of the picture in which it was found.
        """
        curve = self.curve * factor
        curve[0] += y
        return replace(
            self,
            left=self.left * factor + x,
            right=self.right * factor + x,
            curve=curve,
            height=self.height * factor,
            weight=self.weight * factor**2,
            reach=(self.reach[0] * factor + x, self.reach[1] * factor + x),
        )
