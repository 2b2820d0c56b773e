"""Writers: who puts a text into ink. Each draws its ink from (seed, index) through the generator it is given."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from text_recognizer.alphabet import ALPHABET
from text_recognizer.data.glyphs.bank import GlyphBank
from text_recognizer.data.glyphs.unipen import PenWriting
from text_recognizer.data.synthesis.compose import LineStyle, compose_lines, encode_texts
from text_recognizer.data.synthesis.handwriting import ZONES
from text_recognizer.data.synthesis.ink import RASTER_BAND, Ink, RasterInk, StrokeInk, bend, character_boxes

_OTHER_ZONES = {
    "$£€§": (0, 1.1, 0, -0.1, 0, 2),
    "%@": (0, 1, 0, 0, 0, 2.5),
    "=": (0.65, 0, 0, 0.25, 0, 1),
    "[]{}|": (0, 1.1, 0, -0.3, 0, 0.7),
    "<>": (0.9, 0, 0, 0, 0, 1.2),
    "_": (-0.1, 0, 0, -0.15, 0, 1.2),
    "^": (0, 1.1, 0, 0.9, 0, 0.8),
    "~": (0.6, 0, 0, 0.4, 0, 1),
    "`°": (0, 1.1, 0, 0.9, 0, 0.5),
    "\\": (0, 1.05, 0, -0.15, 0, 1.2),
}
SMALL_MARK = 0.45
"""Height of dots, commas, dashes and quotes, in band heights: their size varies more than that of letters."""
_MARKS, _ROOM_FOR_MARK = frozenset(".,:;'\"`!-_~=^°"), (0.2, 0.5)
"""Least that is left on each side of these, in band heights: a broad pen would hide them in their neighbour."""
_SPACED_SHARE, _WIDEST_TRACKING = 0.15, 1.1
_ZONE_OF = {c: zone for table in (ZONES, _OTHER_ZONES) for characters, zone in table.items() for c in characters}


class PenWords:
    """Words and texts as hundreds of people wrote them (UNIPEN).

    Args:
        writing: All of UNIPEN.
        segments: int64 (n,), the split's segments.
        characters: Only pieces of these characters are used.
    """

    def __init__(self, writing: PenWriting, segments: np.ndarray, characters: frozenset[str]) -> None:
        self.writing = writing
        usable = [i for i in segments if writing.levels[i] != "character" and characters.issuperset(writing.labels[i])]
        self.texts = np.array([i for i in usable if writing.levels[i] == "text"])
        words = np.array([i for i in usable if writing.levels[i] == "word"])
        self.words_of: dict[int, np.ndarray] = {
            int(writer): words[writing.writers[words] == writer] for writer in np.unique(writing.writers[words])
        }
        self.writers = list(self.words_of)

    def choose(self, rng: np.random.Generator, max_chars: int) -> tuple[str, tuple[int, ...]]:
        """A text as it was written, or words of one writer for one line: what it says, and the segments."""
        for _ in range(20):
            if rng.random() < 0.4:
                number = int(self.texts[rng.integers(len(self.texts))])
                text = str(self.writing.labels[number])
                if len(text) <= max_chars:
                    return text, (number,)
                continue
            words = self.words_of[self.writers[rng.integers(len(self.writers))]]
            pieces: list[int] = []
            text = ""
            for number in rng.permutation(len(words))[: int(rng.integers(1, 7))]:
                longer = f"{text} {self.writing.labels[words[number]]}".strip()
                if len(longer) > max_chars:
                    break
                text = longer
                pieces.append(int(words[number]))
            if text:
                return text, tuple(pieces)
        shortest = min(self.words_of[self.writers[0]], key=lambda i: len(self.writing.labels[i]))
        return str(self.writing.labels[shortest]), (int(shortest),)

    def write(self, pieces: Sequence[int], rng: np.random.Generator) -> Ink:
        """Segments of one writer on one line."""
        usual = float(np.median(self.writing.heights[list(pieces)]))
        words = [self.writing.strokes_of(number) for number in pieces]
        within = np.median([widest_blank(word) for word in words])
        gap = max(rng.uniform(0.35, 1.4) if rng.random() < 0.9 else rng.uniform(1.4, 4.0), 0.25 + 1.5 * within)
        x, text, strokes = 0.0, "", []
        boxes: list[np.ndarray] = []
        for number, as_written in zip(pieces, words, strict=True):
            label = str(self.writing.labels[number])
            if text:
                space = gap * rng.uniform(0.8, 1.3)
                boxes.append(np.array([[x, x + space]]))
                x += space
                text += " "
            scale = float(np.clip(self.writing.heights[number] / usual, 0.8, 1.25)) ** 0.5
            place = np.array([x, rng.normal(0, 0.05)], np.float32)
            word = [stroke * np.float32(scale) + place for stroke in as_written]
            right = max(float(stroke[:, 0].max()) for stroke in word)
            boxes.append(character_boxes(label, x, right))
            strokes += word
            text += label
            x = right
        return StrokeInk.from_strokes(text, np.concatenate(boxes).astype(np.float32), varied(strokes, rng))


def widest_blank(strokes: list[np.ndarray]) -> float:
    """The widest stretch along the line that no stroke covers."""
    bounds = np.array(sorted((float(stroke[:, 0].min()), float(stroke[:, 0].max())) for stroke in strokes))
    return float(np.max(bounds[1:, 0] - np.maximum.accumulate(bounds[:-1, 1]), initial=0.0))


class PenCharacters:
    """Any text of single characters of one writer of UNIPEN, set as that hand might have."""

    def __init__(self, writing: PenWriting, segments: np.ndarray) -> None:
        self.writing = writing
        self.glyphs: dict[int, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
        self.by_character: dict[str, list[int]] = defaultdict(list)
        for i in segments:
            label = str(writing.labels[i])
            if writing.levels[i] == "character" and label in _ZONE_OF:
                self.glyphs[int(writing.writers[i])][label].append(int(i))
                self.by_character[label].append(int(i))
        self.writers_with: dict[str, set[int]] = {
            label: {int(writing.writers[i]) for i in numbers} for label, numbers in self.by_character.items()
        }
        self.characters = frozenset(self.by_character) | {" "}

    def write(self, text: str, rng: np.random.Generator) -> Ink | None:
        """The text in ink of one writer where one has all its characters, else of the one who has most."""
        needed = set(text) - {" "}
        if not needed or not needed <= self.characters:
            return None
        candidates = set.intersection(*(self.writers_with[c] for c in needed))
        if not candidates:
            rarest = min(needed, key=lambda c: len(self.writers_with[c]))
            pool = sorted(self.writers_with[rarest])
            candidates = {max(pool, key=lambda w: (sum(c in self.glyphs[w] for c in needed), rng.random()))}
        ordered = sorted(candidates)
        glyphs = self.glyphs[ordered[rng.integers(len(ordered))]]
        return self._set(text, glyphs, rng)

    def _set(self, text: str, glyphs: dict[str, list[int]], rng: np.random.Generator) -> Ink:
        capital, ascender, descender = rng.uniform(1.3, 2.1), rng.uniform(1.4, 2.3), rng.uniform(0.4, 1.1)
        track = _tracking(rng, (-0.02, 0.35))
        gap = rng.uniform(0.4, 1.4) + track / 2
        jitter, ink = rng.uniform(0, 0.07), []
        boxes = np.zeros((len(text), 2), np.float32)
        x = 0.0
        few = {
            c: [numbers[k] for k in rng.integers(len(numbers), size=2)] for c, numbers in glyphs.items() if c in text
        }
        for position, character in enumerate(text):
            if character == " ":
                space = gap * rng.uniform(0.8, 1.3)
                boxes[position] = x, x + space
                x += space
                continue
            numbers = few.get(character) or self.by_character[character]
            strokes = self.writing.strokes_of(numbers[int(rng.integers(len(numbers)))])
            points = np.concatenate(strokes)
            low, high = points.min(axis=0), points.max(axis=0)
            shares = _ZONE_OF[character]
            top = shares[0] + shares[1] * capital + shares[2] * ascender
            bottom = shares[3] - shares[4] * descender
            extent = np.maximum(high - low, 1e-3)
            vary = (0.93, 1.07) if top - bottom > SMALL_MARK else (0.75, 1.6)
            scale = min((top - bottom) / max(extent[1], 0.12 * extent[0]), shares[5] / extent[0]) * rng.uniform(*vary)
            middle = -(top + bottom) / 2 + rng.normal(0, jitter)
            offset = np.array([x - low[0] * scale, middle - (low[1] + high[1]) / 2 * scale], np.float32)
            ink += [stroke * np.float32(scale) + offset for stroke in strokes]
            boxes[position] = x, x + extent[0] * scale
            least = 0.06 if _MARKS.isdisjoint(text[position : position + 2]) else rng.uniform(*_ROOM_FOR_MARK)
            x += float(extent[0] * scale) + max(least, track + 0.16 + rng.normal(0, 0.06))
        return StrokeInk.from_strokes(text, boxes, varied(ink, rng))


def _tracking(rng: np.random.Generator, usual: tuple[float, float]) -> float:
    """What is added between letters, in band heights: some people space them as far apart as others do words."""
    return float(rng.uniform(usual[1], _WIDEST_TRACKING) if rng.random() < _SPACED_SHARE else rng.uniform(*usual))


def varied(strokes: list[np.ndarray], rng: np.random.Generator) -> list[np.ndarray]:
    """The same writing by a slightly different hand: waving along the line, shaped otherwise."""
    waves = rng.normal(0, (0.05, 0.05, 0.03, 0.03)).astype(np.float32)
    lengths = rng.uniform((3, 3, 0.8, 0.8), (14, 14, 2.5, 2.5)).astype(np.float32)
    phases = rng.uniform(0, 2 * np.pi, 4).astype(np.float32)

    def vary(stroke: np.ndarray) -> np.ndarray:
        x, y = stroke[:, 0], stroke[:, 1]
        moved = np.empty_like(stroke)
        moved[:, 0] = x + waves[2] * np.sin(y / lengths[2] * 6.28 + phases[2])
        moved[:, 1] = (
            y
            + waves[0] * np.sin(x / lengths[0] * 6.28 + phases[0])
            + waves[3] * np.sin(x / lengths[3] * 6.28 + phases[3])
        )
        return moved

    return [vary(stroke) for stroke in strokes]


class FontWriter:
    """Text in handwriting fonts, shaped so that joined scripts join.

    Args:
        paths: TrueType files.
        joined: Whether the characters of each font touch, one per path.
        capitals: Whether each font draws small letters as capitals. It then writes capitals, and the ink says so.
        weights: How often each font is drawn.
    """

    def __init__(
        self, paths: Sequence[Path], joined: Sequence[bool], capitals: Sequence[bool], weights: Sequence[float]
    ) -> None:
        from fontTools.ttLib import TTFont  # slow to import

        self.paths, self.joined, self.capitals = list(paths), list(joined), list(capitals)
        self.coverage = [frozenset(map(chr, TTFont(path, lazy=True).getBestCmap())) | {" "} for path in self.paths]
        self.shares = np.array(weights) / sum(weights)
        self._fonts: dict[tuple[int, int], ImageFont.FreeTypeFont] = {}
        self.x_heights = [self._x_height(k) for k in range(len(self.paths))]

    def _font(self, number: int, size: int) -> ImageFont.FreeTypeFont:
        if (number, size) not in self._fonts:
            self._fonts[number, size] = ImageFont.truetype(
                str(self.paths[number]), size, layout_engine=ImageFont.Layout.RAQM
            )
        return self._fonts[number, size]

    def _x_height(self, number: int) -> float:
        """Height of an x, or of most small letters where there is none, as a share of the font's size."""
        letters = ["x"] if "x" in self.coverage[number] else [one for one in self.coverage[number] if one.islower()]
        boxes = [self._font(number, 96).getbbox(letter) for letter in letters or ["x"]]
        return max(0.12, float(np.median([box[3] - box[1] for box in boxes])) / 96)

    def write(self, text: str, rng: np.random.Generator) -> Ink | None:
        """The text in one of the fonts that have its characters; None if none was found."""
        if not text.strip():
            return None
        for number in rng.choice(len(self.paths), 12, p=self.shares).tolist():
            drawn = text.upper() if self.capitals[number] else text
            if self.coverage[number].issuperset(drawn):
                return self._set(drawn, number, rng)
        return None

    def _set(self, text: str, number: int, rng: np.random.Generator) -> Ink | None:
        size = min(100, round(RASTER_BAND / self.x_heights[number]) // 4 * 4)
        font = self._font(number, size)
        unit = size * self.x_heights[number]
        gap, jitter = rng.uniform(0.5, 1.5) * unit, rng.uniform(0, 0.05) * unit
        track = _tracking(rng, (-0.04, 0.3)) * unit if not self.joined[number] and rng.random() < 0.5 else None
        pieces, boxes, x = [], np.zeros((len(text), 2), np.float32), 1.5 * unit
        position = 0
        for word in text.split(" "):
            if position:
                space = gap * rng.uniform(0.8, 1.25)
                boxes[position - 1] = x, x + space
                x += space
            for part in word if track is not None else [word]:
                pieces.append((x, rng.normal(0, 1) * jitter, part))
                edges = [x + font.getlength(part[:k]) for k in range(len(part) + 1)]
                boxes[position : position + len(part)] = np.stack([edges[:-1], edges[1:]], axis=1)
                position += len(part)
                x = edges[-1] + (0 if track is None else track * rng.uniform(0.7, 1.3))
            position += 1
        if x > 2600:
            return None
        height, base = round(5.2 * unit), 3.1 * unit
        canvas = Image.new("L", (round(x + 1.5 * unit), height), 0)
        drawing = ImageDraw.Draw(canvas)
        for left, rise, part in pieces:
            drawing.text((left, base + rise), part, font=font, fill=255, anchor="ls")
        picture = _with_stroke_width(np.asarray(canvas), rng)
        if rng.random() < 0.8:
            picture = bend(picture, rng, rng.uniform(0, 0.07) * unit, rng.uniform(0.6, 2.5) * unit)
        return RasterInk.from_picture(text, boxes, picture)


def _with_stroke_width(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    draw = rng.random()
    if draw < 0.3:
        size = int(rng.integers(2, 5))
        return cv2.dilate(picture, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size)))
    if draw < 0.45:
        thinner = cv2.erode(picture, np.ones((2, 2), np.uint8))
        if int(thinner.sum()) > 0.45 * int(picture.sum()):
            return thinner
    return picture


class GlyphWriter:
    """Text of single pictures of characters: EMNIST or pen strokes, in cells or set as a hand does."""

    characters = frozenset(ALPHABET.characters)

    def __init__(self, bank: GlyphBank, layouts: Sequence[LineStyle]) -> None:
        self.bank, self.layouts = bank, list(layouts)

    def write(self, text: str, rng: np.random.Generator) -> Ink | None:
        """The text in one of the layouts that can hold it: in cells, a comma would be as tall as a 1."""
        is_plain = all(character.isalnum() or character == " " for character in text)
        layouts = [style for style in self.layouts if is_plain or not style.has_cells_only]
        if not text.strip() or not self.characters.issuperset(text) or not layouts:
            return None
        style = layouts[int(rng.integers(len(layouts)))]
        codes, lengths = encode_texts([text])
        index = rng.integers(2**62, size=1)
        lines = compose_lines(self.bank, codes, lengths, style, seed=0, indices=index)
        width = int(lines.widths[0])
        return RasterInk.from_picture(text, lines.boxes[0].astype(np.float32), lines.images[0, :, :width])
