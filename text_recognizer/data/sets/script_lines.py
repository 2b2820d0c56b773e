"""Lines in any script, composed of the characters of one sheet and, where they are named, of fonts."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np

from text_recognizer.alphabet import READER_ALPHABET, Alphabet
from text_recognizer.data.glyphs.bank import GlyphBank
from text_recognizer.data.glyphs.sheet import SheetGlyphs
from text_recognizer.data.glyphs.sources import load_glyphs
from text_recognizer.data.sets.data_module import DataModule
from text_recognizer.data.sets.paper_lines import MAX_WIDTH, InkShares, PaperLineDataset, Plan, density, room_for_text
from text_recognizer.data.splits import Split
from text_recognizer.data.synthesis.sheet_writer import SheetWriter
from text_recognizer.data.synthesis.writers import FontWriter
from text_recognizer.data.text.builtin import builtin_documents
from text_recognizer.data.text.script import ScriptTexts, read_words
from text_recognizer.errors import UsageError, UserError, check_at_least
from text_recognizer.imaging.crop import CROP_HEIGHT

FONT_SHARE = 0.5
"""Of the lines of the script, where fonts are named."""
_WIDTH = 0.95
"""Usual width of a character in band heights."""


class ScriptLineDataset(PaperLineDataset):
    """Lines of one split: of the script, and Latin ones, so that these are still read.

    Args:
        split: Whose texts and copies of characters are used.
        bank: Drawn characters for Latin lines.
        documents: Text for Latin lines.
        glyphs: The characters of the sheet.
        texts: What is written in them.
        fonts: Fonts that have them.
        latin: Share of Latin lines.
        alphabet: Of the targets.
        num_lines: Lines of an epoch.
        max_length: Length of the targets.
        seed: Seed of everything random.
    """

    def __init__(
        self,
        split: Split,
        bank: GlyphBank,
        documents: Sequence[str],
        glyphs: SheetGlyphs,
        texts: ScriptTexts,
        fonts: Sequence[Path],
        *,
        latin: float,
        alphabet: Alphabet,
        num_lines: int,
        max_length: int,
        seed: int,
    ) -> None:
        super().__init__(
            split,
            bank,
            documents,
            shares=InkShares(),
            num_lines=num_lines,
            max_length=max_length,
            seed=seed,
            fonts="builtin",
            pen="builtin",
        )
        self.alphabet, self.texts, self.font_files, self.latin = alphabet, texts, list(fonts), latin
        self.sheet_glyphs = glyphs

    @cached_property
    def sheet(self) -> SheetWriter:
        return SheetWriter(self.sheet_glyphs)

    @cached_property
    def script_fonts(self) -> FontWriter:
        count = len(self.font_files)
        return FontWriter(self.font_files, [False] * count, [False] * count, [1.0] * count)

    def plan(self, index: int) -> Plan:
        rng = np.random.default_rng((self.seed, 2, index))
        if rng.random() < self.latin:
            return super().plan(index)
        source = "script_fonts" if self.font_files and rng.random() < FONT_SHARE else "sheet"
        text = self.texts.text(index, room_for_text(self.max_length, rng))
        return Plan(source, text, len(text) * density(rng) * _WIDTH)


class ScriptLines(DataModule):
    """Lines in a script that the reader does not know, from one filled-in sheet.

    One copy of each character is kept for validation and for the test. Latin lines of the built-in sources are mixed
    in, so that they are still read.

    Args:
        sheet: File of the characters, which ``text-recognizer hand script`` makes of a photographed sheet.
        text: UTF-8 text file in the script; empty: words that mean nothing.
        fonts: TrueType files that have the characters, separated by commas.
        latin: Share of Latin lines, from 0 to below 1.
        batch_size: Lines per batch.
        num_workers: Processes that compose batches; 0 composes them in the main process.
        seed: Seed of everything random.
        num_train, num_val, num_test: Lines of each split; training lines are new each epoch.
        max_length: Longest text.

    Attributes:
        new: The characters of the sheet that the reader lacks and is to learn.

    Raises:
        UsageError: If a split has no line, a line no character, or the share is out of range.
        UserError: If the file of characters cannot be read.
    """

    def __init__(
        self,
        *,
        sheet: str,
        text: str = "",
        fonts: str = "",
        latin: float = 0.25,
        batch_size: int = 24,
        num_workers: int = 0,
        seed: int = 42,
        num_train: int = 3000,
        num_val: int = 240,
        num_test: int = 240,
        max_length: int = 48,
    ) -> None:
        super().__init__(batch_size=batch_size, num_workers=num_workers, seed=seed)
        check_at_least(1, num_train=num_train, num_val=num_val, num_test=num_test, max_length=max_length)
        if not 0 <= latin < 1:
            raise UsageError(f"--latin is {latin}, but must be at least 0 and below 1.")
        self.sheet, self.text, self.latin, self.max_length = sheet, text, latin, max_length
        self.fonts = [Path(name) for name in fonts.split(",") if name]
        self.glyphs = SheetGlyphs.load(sheet)
        self.characters = "".join(dict.fromkeys(self.glyphs.characters.tolist()))
        self.sizes: dict[Split, int] = {"train": num_train, "val": num_val, "test": num_test}
        self.new = ""
        self.read_with(READER_ALPHABET)
        self.input_shape = (1, CROP_HEIGHT, MAX_WIDTH)
        self.target_shape, self.varying_widths = (max_length,), True

    def read_with(self, known: Alphabet) -> None:
        """Take the alphabet of a reader and widen it by the characters of the sheet that it lacks."""
        self.new = "".join(sorted(set(self.characters) - set(known.characters)))
        self.alphabet = Alphabet((*known, *self.new))

    def setup(self, stage: str | None = None) -> None:
        """Make the data sets of all splits; ``stage`` is ignored.

        Raises:
            UserError: If the text or a font cannot be read, or a font lacks the characters.
        """
        if self.datasets:
            return
        words = read_words(self.text, frozenset(self.characters)) if self.text else []
        train, kept = self.glyphs.parted(self.seed)
        banks, documents = load_glyphs("strokes", self.seed), builtin_documents(self.seed)
        for split, count in self.sizes.items():
            texts = ScriptTexts(self.characters, words, split, seed=self.seed)
            self.datasets[split] = ScriptLineDataset(
                split,
                banks[split],
                documents,
                train if split == "train" else kept,
                texts,
                self.fonts,
                latin=self.latin,
                alphabet=self.alphabet,
                num_lines=count,
                max_length=self.max_length,
                seed=self.seed,
            )
        self._check_fonts()

    def _check_fonts(self) -> None:
        if not self.fonts:
            return
        try:
            writer = self.datasets["train"].script_fonts  # type: ignore[attr-defined]
        except OSError as error:
            raise UserError(f"A font cannot be read: {error}. Expected TrueType or OpenType files.") from error
        for path, coverage in zip(self.fonts, writer.coverage, strict=True):
            if lacking := sorted(set(self.characters) - coverage):
                raise UserError(f"{path}: the font lacks {', '.join(lacking)}. Name another, or leave it out.")
