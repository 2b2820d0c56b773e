"""Lines that people have labelled, cut out as they are read, with composed lines among them."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, NamedTuple

import cv2
import numpy as np
from torch.utils.data import DataLoader
from tqdm import tqdm

from text_recognizer.alphabet import PADDING, READER_ALPHABET, Alphabet
from text_recognizer.data.download import explain_damage, made_once, processed_folder
from text_recognizer.data.glyphs.fonts import FontSource
from text_recognizer.data.glyphs.unipen import PenSource
from text_recognizer.data.sets.data_module import DataModule
from text_recognizer.data.sets.labelled_words import Words
from text_recognizer.data.sets.paper_lines import MAX_WIDTH, WIDTH_STEP, InkShares, PaperLines
from text_recognizer.data.splits import SPLITS, Split
from text_recognizer.errors import UsageError, UserError, attempt, check_at_least, counted
from text_recognizer.imaging.crop import CROP_HEIGHT, CROPPED
from text_recognizer.imaging.library_output import told_to_the_user
from text_recognizer.labels.find import find_labels
from text_recognizer.labels.lines import LabelledLine, Labels, Part
from text_recognizer.labels.parts import deal
from text_recognizer.reading.finder import FINDER, finder
from text_recognizer.reading.model_file import LineModel

COLUMNS_PER_STEP = 4
"""Of the reader, which reads at most one character a step, and none between two that are the same."""
FEWEST_TO_CHOOSE = 4
"""Lines that must be held out for choosing to mean anything."""
FEW = 1_000
"""Up to so many lines of a training are also put together anew from their words; more have texts enough."""
NEW_SHARE = 0.6
"""Of labelled lines in a training of few."""
_SHARES = InkShares()
_BEND_SPACING = (24, 10)  # columns and rows between displacements that are drawn
_PIXELS, _ENDS, _WRONG = "pixels.bin", "ends.npy", "wrong.json"


class Crops:
    """Lines as the reader sees them, on disk: line ``i`` is uint8 (CROP_HEIGHT, W), ink 255; empty for blank paper."""

    def __init__(self, folder: Path) -> None:
        self.ends = np.load(folder / _ENDS)
        self.wrong: dict[str, str] = json.loads((folder / _WRONG).read_text(encoding="utf-8"))
        shape = (int(self.ends[-1]), CROP_HEIGHT)
        self._pixels = (
            np.memmap(folder / _PIXELS, np.uint8, "r", shape=shape) if shape[0] else np.zeros(shape, np.uint8)
        )

    def __len__(self) -> int:
        return len(self.ends) - 1

    def __getitem__(self, index: int) -> np.ndarray:
        return np.ascontiguousarray(self._pixels[self.ends[index] : self.ends[index + 1]].T)

    @property
    def widths(self) -> np.ndarray:
        """Columns of each line, int64 (N,)."""
        return np.diff(self.ends)


def cut_lines(lines: Sequence[LabelledLine]) -> Crops:
    """Cut lines out of their pictures as the reader does, once: what is cut is kept in the cache.

    Memory does not grow with the lines. A picture that cannot be read leaves an empty crop, and is named in ``wrong``.
    """
    path = made_once(processed_folder() / f"labelled-{_key(lines)}", lambda folder: _cut(lines, folder))
    with explain_damage(path):
        return Crops(path)


def _key(lines: Sequence[LabelledLine]) -> str:
    digest = hashlib.sha256(json.dumps(CROPPED).encode() + FINDER.read_bytes())
    for line in lines:
        state = line.picture.stat()
        digest.update(repr((line.name, str(line.picture.resolve()), state.st_size, state.st_mtime_ns)).encode())
        digest.update(repr(line.outline).encode())
    return digest.hexdigest()[:24]


@told_to_the_user()
def _cut(lines: Sequence[LabelledLine], folder: Path) -> None:
    ends, wrong = [0], {}
    with (folder / _PIXELS).open("wb") as file:
        for line in tqdm(lines, desc="cutting out lines", unit="line", disable=None):
            found = attempt(line.name, lambda line=line: finder().line(line.load()))  # type: ignore[misc]
            columns = 0
            if isinstance(found, UserError):
                wrong[line.name] = str(found)
            elif found is not None:
                columns = found.image.shape[1]
                file.write(np.ascontiguousarray(found.image.T).tobytes())
            ends.append(ends[-1] + columns)
    np.save(folder / _ENDS, np.array(ends, np.int64))
    (folder / _WRONG).write_text(json.dumps(wrong), encoding="utf-8")


def _counted(parts: dict[Part, list[int]]) -> str:
    return ", ".join(f"{part} {len(parts[part])}" for part in SPLITS)


def steps_of(text: str) -> int:
    """Steps of the reader that a text takes at least: one a character, and one between two that are the same."""
    return len(text) + sum(a == b for a, b in pairwise(text))


def varied(crop: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A crop as the same hand might have written it again: it leans, stands, bends and is inked a little otherwise."""
    height, width = crop.shape
    across, up = np.exp(rng.normal(0, (0.06, 0.04)))
    lean, lift = rng.normal(0, 0.08), rng.normal(0, 0.8)
    size = max(8, round(width * across)), height
    x, y = np.meshgrid(*(np.arange(count, dtype=np.float32) for count in size))
    middle = height / 2 - 0.5
    y = (y - middle - lift) / up
    x, y = (x + lean * y) / across + _bends(size, 1.5, rng), y + middle + _bends(size, 1.0, rng)
    moved = cv2.remap(
        crop, x.astype(np.float32), y.astype(np.float32), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    table = 255 * (np.arange(256) / 255) ** np.exp(rng.normal(0, 0.2))
    noisy = cv2.LUT(moved, table.astype(np.float32)) + rng.standard_normal(moved.shape, np.float32) * rng.uniform(0, 6)
    return np.asarray(np.clip(noisy, 0, 255).astype(np.uint8))


def _bends(size: tuple[int, int], deviation: float, rng: np.random.Generator) -> np.ndarray:
    """Smooth displacements in pixels, of this standard deviation, float32 (height, width) for (width, height).

    Simard et al., "Best practices for convolutional neural networks applied to visual document analysis", 2003.
    """
    width, height = (max(2, count // spacing) for count, spacing in zip(size, _BEND_SPACING, strict=True))
    return cv2.resize(rng.normal(0, deviation, (height, width)).astype(np.float32), size, interpolation=cv2.INTER_CUBIC)


class MixedLines(NamedTuple):
    """A batch of labelled and composed lines: what ``Lines`` holds, and ``composed``, bool (B,)."""

    images: np.ndarray
    targets: np.ndarray
    widths: np.ndarray
    lengths: np.ndarray
    boxes: np.ndarray
    composed: np.ndarray


class LabelledLineDataset:
    """Labelled lines of one split, and after them composed ones.

    Attributes:
        words: What labelled lines that vary are also put together from; None until that is known.

    Args:
        crops: All labelled lines.
        numbers: Which of them belong to the split.
        texts: Of all labelled lines.
        composed: Where composed lines come from.
        num_composed: How many of them an epoch has.
        max_length: Length of the targets.
        varies: Whether labelled lines differ a little from epoch to epoch; then composed ones are new each epoch.
        seed: Seed of everything random.
        alphabet: Of the targets.
    """

    varying_widths = True

    def __init__(
        self,
        crops: Crops,
        numbers: Sequence[int],
        texts: Sequence[str],
        *,
        composed: PaperLines | None,
        num_composed: int,
        max_length: int,
        varies: bool,
        seed: int,
        alphabet: Alphabet,
    ) -> None:
        self.alphabet = alphabet
        self.crops, self.numbers, self.texts = crops, np.array(numbers, np.int64), texts
        self.composed, self.num_composed = composed, num_composed
        self.max_length, self.fresh_each_epoch, self.seed = max_length, varies, seed
        self.words: Words | None = None

    def __len__(self) -> int:
        return len(self.numbers) + self.num_composed

    def widths(self, indices: np.ndarray) -> np.ndarray:
        """About the columns that lines take up, int64 (B,)."""
        own = self.crops.widths
        places = indices % len(self)
        composed = [k for k, place in enumerate(places) if place >= len(self.numbers)]
        widths = np.array([own[self.numbers[place]] if place < len(self.numbers) else 0 for place in places], np.int64)
        if composed:
            assert self.composed is not None
            widths[composed] = self.composed.datasets["train"].widths(indices[composed])
        return widths

    def line(self, index: int) -> tuple[np.ndarray, str]:
        """Line ``index``: picture uint8 (CROP_HEIGHT, W), ink 255, and text."""
        place = index % len(self)
        if place >= len(self.numbers):
            assert self.composed is not None
            picture, text, _ = self.composed.datasets["train"].line(index)  # type: ignore[attr-defined]
            return picture, text
        number = int(self.numbers[place])
        whole = self.crops[number], self.texts[number]
        if not self.fresh_each_epoch:
            return whole
        rng = np.random.default_rng((self.seed, index))
        new = self.words.line_like(number, self.max_length, rng) if self.words and rng.random() < NEW_SHARE else None
        crop, text = new or whole
        return varied(crop, rng), text

    def batch(self, indices: np.ndarray) -> MixedLines:
        """Lines, padded with 0 to a common width in steps of ``WIDTH_STEP``; nobody knows their boxes, which are 0."""
        lines = [self.line(int(index)) for index in indices]
        widths = np.array([picture.shape[1] for picture, _ in lines], np.int64)
        images = np.zeros((len(lines), CROP_HEIGHT, -(-int(widths.max()) // WIDTH_STEP) * WIDTH_STEP), np.uint8)
        targets = np.full((len(lines), self.max_length), self.alphabet.index(PADDING), np.int64)
        for row, (picture, text) in enumerate(lines):
            images[row, :, : picture.shape[1]] = picture
            targets[row, : len(text)] = self.alphabet.encode(text)
        lengths = np.array([len(text) for _, text in lines], np.int64)
        boxes = np.zeros((len(lines), self.max_length, 2), np.int32)
        return MixedLines(images, targets, widths, lengths, boxes, indices % len(self) >= len(self.numbers))


class LabelledLines(DataModule):
    """Your own labelled lines: tables, .gt.txt, imagefolder, PaddleOCR, PAGE XML, ALTO or IAM; the format is detected.

    Lines are cut out as for reading. The labels name the split of each line, or else whole writers, pages or files are
    split. Composed lines are mixed into the training, so that the reader does not forget other writing. Up to 1,000
    lines of a training are also put together anew, from words of one writer or page.

    Args:
        path: A folder of labelled lines, or a file of labels.
        batch_size: Lines per batch.
        num_workers: Processes that prepare batches; 0 prepares them in the main process.
        seed: Seed of everything random, including the split.
        composed: Share of composed lines in the training, from 0 to below 1.
        glyphs: Source of single characters for composed lines, as for EMNISTLines.
        text: Source of texts for composed lines, as for EMNISTLines.
        shares: Sources of ink for composed lines, as for PaperLines.
        fonts: Which fonts, as for PaperLines.
        pen: Which pen strokes, as for PaperLines.
        max_length: Length of the longest text; lines with longer texts are left out.
        alphabet: The characters to read: ``reader``, those that the reader knows; ``from-data``, also those that only
            the labels have, for which the reader gets further outputs.

    Attributes:
        others: Where composed lines come from.
        labels: What was found, once ``setup`` has run.
        numbers: The numbers of the lines of each split among those.
        how: How they were dealt to the splits, in words.
        new: The characters of the labels that the reader lacks and is to learn.

    Raises:
        UsageError: If the share is out of range.
    """

    has_boxes = False

    def __init__(
        self,
        *,
        path: str,
        batch_size: int = 24,
        num_workers: int = 0,
        seed: int = 42,
        composed: float = 0.5,
        glyphs: str = "strokes",
        text: str = "builtin",
        shares: InkShares = _SHARES,
        fonts: FontSource = "builtin",
        pen: PenSource = "builtin",
        max_length: int = 128,
        alphabet: Literal["reader", "from-data"] = "reader",
    ) -> None:
        super().__init__(batch_size=batch_size, num_workers=num_workers, seed=seed)
        check_at_least(1, max_length=max_length)
        if not 0 <= composed < 1:
            raise UsageError(f"--composed is {composed}, but must be at least 0 and below 1.")
        self.path, self.composed, self.max_length = path, composed, max_length
        self.alphabet: Alphabet = READER_ALPHABET
        self.widens, self.new = alphabet == "from-data", ""
        self.input_shape = (1, CROP_HEIGHT, MAX_WIDTH)
        self.target_shape, self.varying_widths = (max_length,), True
        self.others = PaperLines(
            glyphs=glyphs,
            text=text,
            shares=shares,
            fonts=fonts,
            pen=pen,
            seed=seed,
            max_length=min(56, max_length),
        )
        self.labels: Labels | None = None
        self.numbers: dict[Split, list[int]] = {}
        self.how = ""

    def read_with(self, known: Alphabet) -> None:
        """Take the alphabet of a reader, which begins with the present one, and widen it if that is asked for."""
        self.alphabet = known
        if self.widens:
            texts = {character for line in find_labels(self.path).lines for character in line.text}
            self.new = "".join(sorted(one for one in texts - set(known.characters) if one.isprintable()))
            self.alphabet = Alphabet((*known, *self.new))

    def prepare_data(self) -> None:
        """Cut the lines out, and prepare what composed lines need, if the cache does not hold it."""
        cut_lines(find_labels(self.path).lines)
        if self.composed:
            self.others.prepare_data()

    def setup(self, stage: str | None = None) -> None:
        """Make the data sets of all splits; ``stage`` is ignored.

        Raises:
            UserError: If no line is left to train on, or none to validate.
        """
        if self.datasets:
            return
        if self.widens and not self.new:
            self.read_with(self.alphabet)
        self.labels = find_labels(self.path)
        crops = cut_lines(self.labels.lines)
        usable = self._usable(self.labels, crops)
        parts, self.how = self._dealt(self.labels.lines, set(usable))
        if not parts["train"] or not parts["val"]:
            raise UserError(
                f"{self.path}: {len(usable)} lines can be used, {_counted(parts)} ({self.how}): too few to train and "
                "validate. "
                f"Label more. {' '.join(self.labels.faults)}"
            )
        if self.composed:
            self.others.setup()
        self.numbers = {split: parts[split] for split in SPLITS}
        self.datasets = {split: self._dataset(split, crops, numbers) for split, numbers in self.numbers.items()}

    def train_dataloader(self) -> DataLoader[Any]:
        """As of every data module; before it, the words of few lines are found."""
        dataset: Any = self.datasets["train"]
        if dataset.words is None and len(dataset.numbers) <= FEW:
            assert self.labels is not None
            dataset.words = Words(self.labels.lines, dataset.crops, dataset.numbers.tolist(), LineModel())
        return super().train_dataloader()

    def inputs(self) -> set[Path]:
        """The pictures of all lines."""
        return {line.picture for line in self.labels.lines} if self.labels else set()

    def samples(self, count: int) -> MixedLines:
        """The first lines that can be learned, as they were found."""
        dataset: Any = self.datasets["train"]
        numbers = sorted(set().union(*self.numbers.values()))[:count]
        return self._dataset("test", dataset.crops, numbers).batch(np.arange(len(numbers)))

    def _dealt(self, lines: Sequence[LabelledLine], usable: set[int]) -> tuple[dict[Part, list[int]], str]:
        """Those that are usable of the parts as :func:`deal` makes them, whatever is usable.

        Where too few lines would choose, those that train choose too.
        """
        parts, how = deal(lines, self.seed)
        parts = {part: [number for number in numbers if number in usable] for part, numbers in parts.items()}
        if len(parts["val"]) not in range(1, FEWEST_TO_CHOOSE) or any(line.part == "val" for line in lines):
            return parts, how
        both = sorted(parts["train"] + parts["val"])
        return parts | {"train": both, "val": both}, f"{how}; too few to hold some out, so those that train also choose"

    def _dataset(self, split: Split, crops: Crops, numbers: Sequence[int]) -> LabelledLineDataset:
        assert self.labels is not None
        trains = split == "train"
        return LabelledLineDataset(
            crops,
            numbers,
            [line.text for line in self.labels.lines],
            composed=self.others if self.composed else None,
            num_composed=round(len(numbers) * self.composed / (1 - self.composed)) if trains else 0,
            max_length=self.max_length,
            varies=trains,
            seed=self.seed,
            alphabet=self.alphabet,
        )

    def _usable(self, labels: Labels, crops: Crops) -> list[int]:
        """The numbers of the lines that can be learned; all others are among the faults."""
        known = set(self.alphabet.characters)
        counts = Counter(one for line in labels.lines for one in line.text)
        for what, those in (("does not know", counts.keys() - known), ("did not know and learns", set(self.new))):
            if those:
                listed = ", ".join(f"{one!r} {count}" for one, count in counts.most_common() if one in those)
                labels.faults.append(f"Characters that the reader {what}: {listed}.")
        reasons: dict[str, list[str]] = {}
        usable = []
        for number, (line, width) in enumerate(zip(labels.lines, crops.widths.tolist(), strict=True)):
            reason = crops.wrong.get(line.name) or self._why_not(line.text, width, known)
            if reason is None:
                usable.append(number)
            else:
                reasons.setdefault(reason, []).append(line.name)
        for reason, names in reasons.items():
            labels.blame(f"Left out: {reason.removesuffix('.')}", names)
        return usable

    def _why_not(self, text: str, width: int, known: set[str]) -> str | None:
        if not known.issuperset(text):
            return "the text has characters that the reader does not know"
        if not width:
            return "no writing is found in the picture"
        if len(text) > self.max_length:
            return f"the text is longer than --max_length, {self.max_length}"
        if steps_of(text) > -(-width // COLUMNS_PER_STEP):
            return "the text is too long for the writing in the picture"
        return None

    def __repr__(self) -> str:
        if self.labels is None:
            return super().__repr__()
        faults = "".join(f"\n  {fault}" for fault in self.labels.faults)
        found = f"{counted(len(self.labels.lines), 'labelled line')} in {self.path}: {self.labels.form}, {self.how}"
        return f"{super().__repr__()}\n  {found}{faults}"

    __str__ = __repr__
