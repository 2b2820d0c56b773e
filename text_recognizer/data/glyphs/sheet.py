"""Characters that one person wrote on a common baseline, as in the boxes of a sheet."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from text_recognizer.data.glyphs.bank import NOT_ARRAYS
from text_recognizer.errors import UserError


@dataclass(frozen=True, eq=False)
class SheetGlyphs:
    """Pictures of characters, all at one scale.

    Attributes:
        images: uint8 (N, h, w), ink 255.
        characters: <U1 (N,), what each shows.
        baseline: The row that letters stand on.
        x_height: Rows that small letters reach above it.
    """

    images: np.ndarray
    characters: np.ndarray
    baseline: float
    x_height: float

    def save(self, path: Path) -> None:
        """Write a file that :meth:`load` reads."""
        np.savez_compressed(
            path,
            images=self.images,
            characters=self.characters,
            baseline=np.float64(self.baseline),
            x_height=np.float64(self.x_height),
        )

    @classmethod
    def load(cls, path: str | Path) -> SheetGlyphs:
        """Read a file of :meth:`save`.

        Raises:
            UserError: If it is missing or is no such file.
        """
        try:
            with np.load(path, allow_pickle=False) as file:
                found = cls(file["images"], file["characters"], float(file["baseline"]), float(file["x_height"]))
        except NOT_ARRAYS as error:
            raise UserError(f"{path}: not a file of the characters of a sheet ({error}).") from error
        if not found._fits_together():
            raise UserError(f"{path}: not a file of the characters of a sheet: its arrays do not fit together.")
        return found

    def _fits_together(self) -> bool:
        are_images = self.images.ndim == 3 and self.images.dtype == np.uint8 and self.images.size > 0
        are_characters = self.characters.dtype == "<U1" and self.characters.shape == self.images.shape[:1]
        return are_images and are_characters and bool(np.isfinite(self.baseline)) and 0 < self.x_height < np.inf

    def parted(self, seed: int) -> tuple[SheetGlyphs, SheetGlyphs]:
        """All but one copy of each character that has several, and the ones kept apart (all, of others)."""
        rng = np.random.default_rng(seed)
        train: list[int] = []
        kept: list[int] = []
        for character in np.unique(self.characters):
            own = rng.permutation(np.flatnonzero(self.characters == character)).tolist()
            train += own[1:] or own
            kept += own[:1]
        return self._of(train), self._of(kept)

    def _of(self, numbers: list[int]) -> SheetGlyphs:
        return SheetGlyphs(self.images[numbers], self.characters[numbers], self.baseline, self.x_height)
