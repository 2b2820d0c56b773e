"""Text lines composed of single characters, as many as wanted."""

from __future__ import annotations

import numpy as np

from text_recognizer.alphabet import ALPHABET, END, PADDING, START
from text_recognizer.data.download import data_file
from text_recognizer.data.glyphs.bank import GLYPH_SIZE, GlyphBank
from text_recognizer.data.glyphs.sources import download_glyphs, load_glyphs
from text_recognizer.data.rng import uniforms
from text_recognizer.data.sets.data_module import DataModule
from text_recognizer.data.splits import SPLITS, Split
from text_recognizer.data.synthesis.compose import Layout, Lines, LineStyle, compose_lines, line_widths
from text_recognizer.data.synthesis.degradations import degrade
from text_recognizer.data.text.mix import AS_IT_STANDS, Corpus, TextMix, draw_texts, split_documents
from text_recognizer.data.text.sources import download_text, load_documents
from text_recognizer.errors import UsageError, check_share
from text_recognizer.imaging.normalization import HEIGHT, normalize_lines

MIN_LENGTH = 3
WIDTH_STEP = 16
_DEGRADED_STREAM = 5


def normal_form(lines: Lines) -> Lines:
    """Lines as the reader sees them: :func:`normalize_lines` of each, boxes too.

    A line that degradation left without writing has an empty text.

    Returns:
        The lines on pictures of ``HEIGHT`` rows, as many columns as the widest line needs, in steps of ``WIDTH_STEP``.
    """
    prepared = normalize_lines(lines.images, lines.widths)
    written = np.array([line is not None for line in prepared])
    widths = np.array([0 if line is None else line.image.shape[1] for line in prepared], np.int64)
    width = -(-max(int(widths.max()), 1) // WIDTH_STEP) * WIDTH_STEP
    images = np.zeros((len(widths), HEIGHT, width), np.uint8)
    boxes = np.zeros_like(lines.boxes)
    for row, line in enumerate(prepared):
        if line is not None:
            images[row, :, : widths[row]] = line.image
            placed = np.clip(np.rint(line.from_picture(lines.boxes[row])), 0, widths[row])
            boxes[row] = np.where(lines.boxes[row, :, 1:] > 0, placed, 0)
    targets = np.where(written[:, None], lines.targets, ALPHABET.index(PADDING))
    return Lines(images, targets, widths, lines.lengths * written, boxes)


def sources_at_hand() -> dict[str, str]:
    """``glyphs`` and ``text`` of :class:`EMNISTLines` that need no download now.

    EMNIST and Brown where a mirror that is a folder, or the cache, holds them; else what is built in.
    """
    emnist, brown = data_file("emnist", "gzip.zip"), data_file("brown", "brown.zip")
    return {
        "glyphs": "emnist" if emnist.is_at_hand else "strokes",
        "text": "brown" if brown.is_at_hand else "builtin",
    }


class LineDataset:
    """Lines of one split, composed when they are asked for.

    Args:
        bank: The split's glyphs.
        corpus: The split's documents.
        split: Which texts may be used.
        num_lines: Lines of an epoch.
        max_length: Length of the targets, at least 3; a text has at most two characters less.
        style: How the lines look.
        text_mix: What is made of the text.
        with_start_end_tokens: Put ``<S>`` before and ``<E>`` after each text.
        fresh_each_epoch: New lines each epoch.
        degraded_share: Share of the lines that look as paper, pen and camera leave them.
        prepared: Bring lines to the normal form in which they are read.
        seed: Seed of everything random.
    """

    def __init__(
        self,
        bank: GlyphBank,
        corpus: Corpus,
        split: Split,
        *,
        num_lines: int,
        max_length: int,
        style: LineStyle,
        text_mix: TextMix,
        with_start_end_tokens: bool = False,
        fresh_each_epoch: bool = False,
        degraded_share: float = 0.0,
        prepared: bool = False,
        seed: int = 42,
    ) -> None:
        self.bank, self.corpus, self.split, self.num_lines = bank, corpus, split, num_lines
        self.max_length, self.style, self.text_mix = max_length, style, text_mix
        self.with_start_end_tokens, self.fresh_each_epoch = with_start_end_tokens, fresh_each_epoch
        self.degraded_share, self.prepared = degraded_share, prepared
        self.varying_widths = prepared or not style.has_cells_only
        self.seed = (len(SPLITS) * seed + SPLITS.index(split)) % 2**63

    def __len__(self) -> int:
        return self.num_lines

    def texts(self, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Texts of lines as ``codes`` uint8 (B, max_length - 2), padded with ``<P>``, and ``lengths`` int64 (B,)."""
        max_chars = self.max_length - 2
        return draw_texts(
            self.corpus, self.split, max_chars=max_chars, seed=self.seed, indices=indices, mix=self.text_mix
        )

    def widths(self, indices: np.ndarray) -> np.ndarray:
        """About the columns that lines take up, int64 (B,)."""
        codes, lengths = self.texts(indices)
        widths = line_widths(self.bank, codes, lengths, self.style, seed=self.seed, indices=indices)
        return widths // 2 + 8 * lengths if self.prepared else widths  # whatever the size of the writing was

    def batch(self, indices: np.ndarray) -> Lines:
        """Lines, with targets and boxes of ``max_length``.

        Raises:
            UserError: If the split has (nearly) no usable text or no glyph of a character.
        """
        width = GLYPH_SIZE * self.max_length
        lines = compose_lines(self.bank, *self.texts(indices), self.style, seed=self.seed, indices=indices, width=width)
        if self.degraded_share:
            lines = self._degraded(lines, indices)
        return self._framed(normal_form(lines) if self.prepared else lines)

    def _degraded(self, lines: Lines, indices: np.ndarray) -> Lines:
        chosen = np.flatnonzero(uniforms(self.seed, _DEGRADED_STREAM, indices) < self.degraded_share)
        widths, numbers = lines.widths[chosen], np.asarray(indices)[chosen]
        lines.images[chosen] = degrade(lines.images[chosen], widths, seed=self.seed, indices=numbers)
        return lines

    def _framed(self, lines: Lines) -> Lines:
        batch, longest = lines.targets.shape
        targets = np.full((batch, self.max_length), ALPHABET.index(PADDING), np.int64)
        boxes = np.zeros((batch, self.max_length, 2), np.int32)
        first = int(self.with_start_end_tokens)
        targets[:, first : first + longest], boxes[:, first : first + longest] = lines.targets, lines.boxes
        lengths = lines.lengths
        if self.with_start_end_tokens:
            targets[:, 0] = ALPHABET.index(START)
            targets[np.arange(batch), lengths + 1] = ALPHABET.index(END)
            lengths = lengths + 2
        return lines._replace(targets=targets, boxes=boxes, lengths=lengths)


class EMNISTLines(DataModule):
    """Text lines composed from EMNIST characters or other glyphs, and any text.

    Every occurrence of a character has a fresh glyph. The splits share no glyphs and no texts.

    Args:
        max_length: Length of the targets; a text has at most two characters less, as in the lab.
        min_overlap: The smallest share of a character's cell that the next one may cover.
        max_overlap: The largest such share. In the layout overlap, each line has one overlap between the two.
        num_train: Lines for training.
        num_val: Lines for validation.
        num_test: Lines for testing.
        with_start_end_tokens: Put <S> before and <E> after each text in the targets.
        layout: exact (all overlaps are min_overlap), overlap (one overlap per line), uneven (one per gap),
            handwriting (letters as people write them), or mixed (half handwriting, a quarter each overlap and uneven).
        glyphs: Source of characters: emnist, strokes, or an .npz file.
        text: Source of texts: brown, builtin, or a text file; or several of these, separated by commas.
        text_mix: Weights of the kinds of text.
        fresh_lines: Train on new lines each epoch; the lab has the same lines each epoch.
        degraded_share: Share of the lines that are degraded as paper, pen and camera do.
        prepared: Normalize lines to 40 rows and one x-height.
        batch_size: Examples per batch.
        num_workers: Processes that prepare batches; 0 prepares them in the main process.
        seed: Seed of everything random: splits, composed lines, order.

    Raises:
        UsageError: If a value is impossible.
    """

    def __init__(
        self,
        *,
        max_length: int = 32,
        min_overlap: float = 0.0,
        max_overlap: float = 0.33,
        num_train: int = 10000,
        num_val: int = 2000,
        num_test: int = 2000,
        with_start_end_tokens: bool = False,
        layout: Layout = "overlap",
        glyphs: str = "emnist",
        text: str = "brown",
        text_mix: TextMix = AS_IT_STANDS,
        fresh_lines: bool = False,
        degraded_share: float = 0.0,
        prepared: bool = False,
        batch_size: int = 128,
        num_workers: int = 0,
        seed: int = 42,
    ) -> None:
        super().__init__(batch_size=batch_size, num_workers=num_workers, seed=seed)
        if max_length < MIN_LENGTH:
            raise UsageError(
                f"--max_length is {max_length}, but texts have at most two characters less: give {MIN_LENGTH} or more."
            )
        self.num_lines: dict[Split, int] = {"train": num_train, "val": num_val, "test": num_test}
        for split, count in self.num_lines.items():
            if count < 1:
                raise UsageError(f"--num_{split} is {count}, but a split has at least 1 line.")
        check_share(degraded_share=degraded_share)
        self.degraded_share, self.prepared = degraded_share, prepared
        self.max_length, self.with_start_end_tokens, self.fresh_lines = max_length, with_start_end_tokens, fresh_lines
        self.style = LineStyle(layout, min_overlap, max_overlap)
        self.glyphs, self.text, self.text_mix = glyphs, text, text_mix
        self.alphabet = ALPHABET
        self.input_shape = (1, HEIGHT if prepared else self.style.height, GLYPH_SIZE * max_length)
        self.target_shape = (max_length,)
        self.varying_widths = prepared or not self.style.has_cells_only

    def prepare_data(self) -> None:
        """Download what glyphs and text need."""
        download_glyphs(self.glyphs)
        download_text(self.text)

    def setup(self, stage: str | None = None) -> None:
        """Load glyphs and text of all splits; ``stage`` is ignored.

        Raises:
            UserError: If a source cannot be had, or has too little for a split.
        """
        if self.datasets:
            return
        banks = load_glyphs(self.glyphs, self.seed)
        corpora = split_documents(load_documents(self.text, self.seed), self.seed)
        self.datasets = {
            split: LineDataset(
                banks[split],
                corpora[split],
                split,
                num_lines=self.num_lines[split],
                max_length=self.max_length,
                style=self.style,
                text_mix=self.text_mix,
                with_start_end_tokens=self.with_start_end_tokens,
                fresh_each_epoch=self.fresh_lines and split == "train",
                degraded_share=self.degraded_share,
                prepared=self.prepared,
                seed=self.seed,
            )
            for split in SPLITS
        }
        for dataset in self.datasets.values():
            dataset.batch(np.arange(1))
