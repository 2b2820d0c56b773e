"""Lines of real pen strokes, handwriting fonts and single characters on paper, as a camera sees them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, astuple, dataclass
from functools import cached_property

import cv2
import numpy as np

from text_recognizer.alphabet import PADDING, READER_ALPHABET
from text_recognizer.data.glyphs.bank import GlyphBank
from text_recognizer.data.glyphs.fonts import FontSource, load_fonts, prepare_fonts
from text_recognizer.data.glyphs.sources import download_glyphs, load_glyphs
from text_recognizer.data.glyphs.unipen import PenSource, load_unipen, prepare_unipen
from text_recognizer.data.sets.data_module import DataModule
from text_recognizer.data.splits import SPLITS, Split
from text_recognizer.data.synthesis.compose import Lines, LineStyle
from text_recognizer.data.synthesis.ink import Ink
from text_recognizer.data.synthesis.paper import View, photograph
from text_recognizer.data.synthesis.writers import FontWriter, GlyphWriter, PenCharacters, PenWords
from text_recognizer.data.text.phrases import FIELD_KINDS, SET_KINDS, Phrases
from text_recognizer.data.text.sources import download_text, load_documents
from text_recognizer.errors import UsageError, check_at_least, check_share
from text_recognizer.imaging.crop import CROP_HEIGHT, CROP_UNIT, stretch_contrast

WIDTH_STEP = 64
MAX_WIDTH = 1024
MIN_WIDTH = 32
FORMAL_SHARE = 0.25
"""Formal scripts are drawn so much less often than other fonts."""

_LAYOUTS = (
    LineStyle(layout="overlap", max_overlap=0.5),
    LineStyle(layout="uneven", max_overlap=0.5),
    LineStyle(layout="overlap", max_overlap=0.33),
    LineStyle(layout="handwriting"),
)
_WIDTHS = {"pen_words": 0.80, "pen_characters": 1.0, "fonts": 0.85, "glyphs": 1.05}
"""Usual width of a character in band heights."""
_PHRASE_CHARS = (4, 44)
_FIELD_CHARS = (1, 9)


@dataclass(frozen=True)
class InkShares:
    """Weights of the sources of ink.

    Args:
        pen_words: Words and texts as people wrote them (UNIPEN).
        pen_characters: Single characters of one person (UNIPEN), set as lines.
        fonts: Handwriting fonts.
        glyphs: Pictures of single characters: EMNIST, or what ``glyphs`` names.

    Raises:
        UsageError: If one is below 0, or none is above.
    """

    pen_words: float = 0.38
    pen_characters: float = 0.14
    fonts: float = 0.26
    glyphs: float = 0.22

    def __post_init__(self) -> None:
        weights = astuple(self)
        if min(weights) < 0 or not 0 < sum(weights) < float("inf"):
            raise UsageError(f"--shares is {self}, but weights are 0 or more and one is above 0.")


GLYPHS_ALONE = InkShares(pen_words=0, pen_characters=0, fonts=0, glyphs=1)


@dataclass(frozen=True)
class Plan:
    """What a line will be before it is drawn: source, text, width in band heights, pieces of UNIPEN."""

    source: str
    text: str
    width: float
    pieces: tuple[int, ...] = ()


class PaperLineDataset:
    """Lines of one split, composed when they are asked for; line ``i`` is the same bytes in any batch and process.

    Args:
        split: Whose writers, fonts, glyphs and texts are used.
        bank: The split's glyphs.
        documents: Text that sentences come from.
        shares: Where ink comes from.
        num_lines: Lines of an epoch.
        max_length: Length of the targets.
        seed: Seed of everything random.
        fonts: Which fonts: ``open`` or ``builtin``.
        pen: Whose pen strokes: ``unipen`` or ``builtin``.
        layouts: How glyphs are set.
        field_share: Share of the lines that are short, as what fields of forms hold.
    """

    varying_widths = True
    alphabet = READER_ALPHABET

    def __init__(
        self,
        split: Split,
        bank: GlyphBank,
        documents: Sequence[str],
        *,
        shares: InkShares,
        num_lines: int,
        max_length: int,
        seed: int,
        fonts: FontSource = "open",
        pen: PenSource = "unipen",
        layouts: Sequence[LineStyle] = _LAYOUTS,
        field_share: float = 0.0,
    ) -> None:
        self.field_share = field_share
        self.layouts, self.font_source, self.pen_source = layouts, fonts, pen
        self.split, self.bank, self.documents = split, bank, documents
        self.shares, self.num_lines, self.max_length = asdict(shares), num_lines, max_length
        self.seed = (len(SPLITS) * seed + SPLITS.index(split)) % 2**63
        self.fresh_each_epoch = split == "train"

    def __len__(self) -> int:
        return self.num_lines

    @cached_property
    def phrases(self) -> Phrases:
        """What fonts write."""
        return Phrases(self.documents, READER_ALPHABET, self.split, seed=self.seed)

    @cached_property
    def set_phrases(self) -> Phrases:
        """What is set of single characters."""
        return Phrases(self.documents, READER_ALPHABET, self.split, seed=self.seed, kinds=SET_KINDS)

    @cached_property
    def field_phrases(self) -> Phrases:
        """What short lines say."""
        return Phrases(self.documents, READER_ALPHABET, self.split, seed=self.seed, kinds=FIELD_KINDS)

    @cached_property
    def pen_words(self) -> PenWords:
        return PenWords(*load_unipen(self.split, self.pen_source), frozenset(READER_ALPHABET.characters))

    @cached_property
    def pen_characters(self) -> PenCharacters:
        return PenCharacters(*load_unipen(self.split, self.pen_source))

    @cached_property
    def fonts(self) -> FontWriter:
        fonts = load_fonts(self.split, self.font_source)
        return FontWriter(
            [font.path for font in fonts],
            [font.kind in ("joined", "formal") for font in fonts],
            [font.kind == "caps" for font in fonts],
            [FORMAL_SHARE if font.kind == "formal" else 1.0 for font in fonts],
        )

    @cached_property
    def glyphs(self) -> GlyphWriter:
        return GlyphWriter(self.bank, self.layouts)

    def plan(self, index: int) -> Plan:
        """What line ``index`` will be."""
        rng = np.random.default_rng((self.seed, 0, index))
        names = list(self.shares)
        source = str(rng.choice(names, p=np.array(list(self.shares.values())) / sum(self.shares.values())))
        room = room_for_text(self.max_length, rng)
        width = density(rng) * _WIDTHS[source]
        is_field = self.field_share > 0 and rng.random() < self.field_share
        if is_field:
            room = min(self.max_length, int(rng.integers(*_FIELD_CHARS)))
        if source == "pen_words":
            text, pieces = self.pen_words.choose(rng, room if is_field else min(self.max_length, 52))
            if len(text) > self.max_length:  # no word is as short as that
                return Plan(source, "", 0.0)
            return Plan(source, text, len(text) * width, pieces)
        phrases = self.field_phrases if is_field else self.phrases if source == "fonts" else self.set_phrases
        characters = None if source == "fonts" else getattr(self, source).characters
        text = phrases.text(index, room, characters=characters)
        return Plan(source, text, len(text) * width)

    def ink(self, plan: Plan, rng: np.random.Generator) -> Ink | None:
        """A line in ink; None for an empty one, or one that its source cannot write."""
        if not plan.text:
            return None
        if plan.source == "pen_words":
            return self.pen_words.write(plan.pieces, rng)
        writer: PenCharacters | FontWriter | GlyphWriter = getattr(self, plan.source)
        return writer.write(plan.text, rng)

    def widths(self, indices: np.ndarray) -> np.ndarray:
        """About the columns that lines take up, int64 (B,)."""
        return np.array([int(self.plan(int(index)).width * CROP_UNIT) + 2 * CROP_UNIT for index in indices])

    def line(self, index: int) -> tuple[np.ndarray, str, np.ndarray]:
        """Line ``index``: picture uint8 (CROP_HEIGHT, W), ink 255; text; boxes (L, 2) in columns."""
        cv2.setNumThreads(1)
        plan = self.plan(index)
        rng = np.random.default_rng((self.seed, 1, index))
        ink = self.ink(plan, rng)
        view = reader_view(ink, plan.width, rng)
        picture = stretch_contrast(photograph(ink, self.neighbours(index, view, rng), view, rng))
        if ink is None:
            return picture, "", np.zeros((0, 2))
        return picture, ink.text, np.clip(ink.boxes * view.matrix[0, 0] + view.matrix[0, 2], 0, picture.shape[1])

    def neighbours(self, index: int, view: View, rng: np.random.Generator) -> list[tuple[Ink, np.ndarray]]:
        """Lines above and below that reach into the view."""
        found = []
        for side in (-1, 1):
            if rng.random() < 0.3:
                ink = self.ink(self.plan(index + int(rng.integers(1, 1 << 20))), rng)
                if ink is not None:
                    matrix = view.matrix.copy()
                    matrix[0, 2] += rng.uniform(-0.5, 0.3) * view.size[1]
                    matrix[1, 2] += side * rng.uniform(1.7, 2.6) * view.unit
                    found.append((ink, matrix))
        return found

    def batch(self, indices: np.ndarray) -> Lines:
        """Lines, padded with 0 to a common width in steps of ``WIDTH_STEP``."""
        lines = [self.line(int(index)) for index in indices]
        widths = np.array([picture.shape[1] for picture, _, _ in lines], np.int64)
        width = -(-int(widths.max()) // WIDTH_STEP) * WIDTH_STEP
        images = np.zeros((len(lines), CROP_HEIGHT, width), np.uint8)
        targets = np.full((len(lines), self.max_length), self.alphabet.index(PADDING), np.int64)
        boxes = np.zeros((len(lines), self.max_length, 2), np.int32)
        lengths = np.array([len(text) for _, text, _ in lines], np.int64)
        for row, (picture, text, places) in enumerate(lines):
            images[row, :, : picture.shape[1]] = picture
            targets[row, : len(text)] = self.alphabet.encode(text)
            boxes[row, : len(text)] = np.rint(places)
            boxes[row, : len(text), 1] = np.maximum(boxes[row, : len(text), 1], boxes[row, : len(text), 0] + 1)
        return Lines(images, targets, widths, lengths, boxes)


def room_for_text(max_length: int, rng: np.random.Generator) -> int:
    """The most characters of a line, which differs from line to line."""
    return min(max_length, int(rng.integers(*_PHRASE_CHARS)))


def density(rng: np.random.Generator) -> float:
    """How wide a line is beside its usual width."""
    return float(np.exp(rng.normal(0, 0.13)))


def reader_view(ink: Ink | None, width: float, rng: np.random.Generator) -> View:
    """A line cut out about as the finder does: its band near the middle, about ``CROP_UNIT`` high, nearly level.

    Without small letters the finder has no x-height to go by, and cuts capitals and digits a little smaller.
    """
    has_x_height = ink is not None and any(character.islower() for character in ink.text)
    unit = CROP_UNIT * float(np.exp(rng.normal(0, 0.13) if has_x_height else rng.normal(-0.08, 0.17)))
    written = max(0.3, width if ink is None else ink.width)
    stretch = float(np.clip(width / written, rng.uniform(0.75, 1.0), 1.3)) * float(np.exp(rng.normal(0, 0.04)))
    left, right = rng.uniform(-0.05, 1.6, 2)
    shear = rng.uniform(-0.2, 0.45)
    end = max(written, 0.5)
    columns = int((end * stretch + left + right) * unit)
    columns = min(max(columns, MIN_WIDTH), MAX_WIDTH)
    slope = rng.normal(0, 0.012)
    middle = CROP_HEIGHT / 2 - 0.5 + rng.normal(0, 1.2)
    matrix = np.array(
        [
            [stretch * unit, -shear * unit, left * unit],
            [slope * stretch * unit, unit, middle - slope * stretch * unit * end / 2],
        ]
    )
    return View((CROP_HEIGHT, columns), matrix, unit, end)


class PaperLines(DataModule):
    """Handwritten lines as a camera sees them: real pen strokes (UNIPEN), fonts and characters on all kinds of paper.

    Lines are composed on demand; training lines are new each epoch. Writers, font families, glyphs and the texts that
    fonts and characters write are split first. The splits share none of these, except texts of one or two characters.
    Pen words are split by writer alone: many writers wrote the same words, so their texts recur in other splits.

    Args:
        batch_size: Lines per batch.
        num_workers: Processes that compose batches; 0 composes them in the main process.
        seed: Seed of everything random.
        glyphs: Source of single characters, as for EMNISTLines.
        text: Source of sentences, as for EMNISTLines.
        shares: Weights of the sources of ink.
        fonts: ``open``, 135 fonts, or ``builtin``, the twelve that ship with the package.
        pen: ``unipen``, all of it, or ``builtin``, the sample that ships with the package.
        num_train, num_val, num_test: Lines of each split; training lines are new each epoch.
        max_length: Longest text.
        field_share: Share of the lines that are short, as what fields of forms hold: a character, a number, a word.

    Raises:
        UsageError: If a split has no line, a line no character, or ``field_share`` is not from 0 to 1.
    """

    def __init__(
        self,
        *,
        batch_size: int = 24,
        num_workers: int = 0,
        seed: int = 42,
        glyphs: str = "emnist",
        text: str = "builtin",
        shares: InkShares = InkShares(),
        fonts: FontSource = "open",
        pen: PenSource = "unipen",
        num_train: int = 12_000,
        num_val: int = 960,
        num_test: int = 960,
        max_length: int = 56,
        field_share: float = 0.0,
    ) -> None:
        super().__init__(batch_size=batch_size, num_workers=num_workers, seed=seed)
        check_at_least(1, num_train=num_train, num_val=num_val, num_test=num_test, max_length=max_length)
        check_share(field_share=field_share)
        self.glyphs, self.text, self.shares, self.fonts, self.pen = glyphs, text, shares, fonts, pen
        self.max_length, self.field_share = max_length, field_share
        self.sizes: dict[Split, int] = {"train": num_train, "val": num_val, "test": num_test}
        self.alphabet = READER_ALPHABET
        self.input_shape = (1, CROP_HEIGHT, MAX_WIDTH)
        self.target_shape, self.varying_widths = (max_length,), True

    def prepare_data(self) -> None:
        """Download and decode what the sources need, if the cache does not hold it."""
        if self.shares.fonts:  # before the large download: these may have no address
            prepare_fonts(self.fonts)
        if self.shares.pen_words or self.shares.pen_characters:
            prepare_unipen(self.pen)
        download_text(self.text)
        download_glyphs(self._glyphs_used)

    @property
    def _glyphs_used(self) -> str:
        """Where glyphs come from: without a share, from what needs no download."""
        return self.glyphs if self.shares.glyphs else "strokes"

    def setup(self, stage: str | None = None) -> None:
        """Make the data sets of all splits; ``stage`` is ignored."""
        if self.datasets:
            return
        banks, documents = load_glyphs(self._glyphs_used, self.seed), load_documents(self.text, self.seed)
        self.datasets = {
            split: PaperLineDataset(
                split,
                banks[split],
                documents,
                shares=self.shares,
                num_lines=count,
                max_length=self.max_length,
                seed=self.seed,
                fonts=self.fonts,
                pen=self.pen,
                field_share=self.field_share,
            )
            for split, count in self.sizes.items()
        }
