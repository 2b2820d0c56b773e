"""The reader: picture in; text, confidence and characters out."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from os import PathLike
from pathlib import Path
from typing import Any, Literal, Unpack, get_args, overload

import numpy as np

from text_recognizer.errors import UsageError, UserError, attempt
from text_recognizer.imaging.normalization import (
    NORMALIZATION,
    X_HEIGHT,
    NormalizedLine,
    normalize,
    use_one_thread_per_line,
)
from text_recognizer.imaging.pictures import Picture, load_picture
from text_recognizer.reading.decoder import Decoded, DecodedCharacter, alternatives, decode_beam, decode_greedy
from text_recognizer.reading.fields.decoder import decode_path, decode_text
from text_recognizer.reading.fields.expected import Expected, Known
from text_recognizer.reading.finder import finder
from text_recognizer.reading.language import LanguageModel, english
from text_recognizer.reading.model_file import LineModel
from text_recognizer.reading.ngrams import read_language

Decoder = Literal["beam", "greedy"]

_CUT_REACH = 0.35  # of the way from one character to the next, on both sides of halfway
_OFF_HALFWAY = 8.0  # ink that a column farther from halfway must save
_BATCH_COLUMNS = 6000
_BATCH_LINES = 6


@dataclass(frozen=True)
class Character:
    """A character that was read.

    Attributes:
        character: The character.
        confidence: Calibrated probability that it is right.
        x0: Where it begins in the picture, in pixels.
        x1: Where it ends in the picture, in pixels.
        alternatives: What else could stand there, with calibrated probabilities, the likelier first.
    """

    character: str
    confidence: float
    x0: float
    x1: float
    alternatives: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, eq=False)
class Reading:
    """What a picture of a line says.

    Attributes:
        text: The text; empty for blank paper.
        confidence: Calibrated estimate of the share of its characters that are right, from 0 to 1, whatever the
            length of the line; 0 for blank paper.
        characters: The characters of the text.
        prepared: The line as the model saw it; None for blank paper.
        alternatives: Other texts that the beam weighed, each with its share of what all weigh, the likelier first.
        unmatched: Whether the line is too short for any text that was expected. Its text is empty then, its confidence
            0.
    """

    text: str
    confidence: float
    characters: tuple[Character, ...] = ()
    prepared: NormalizedLine | None = None
    alternatives: tuple[tuple[str, float], ...] = ()
    unmatched: bool = False

    def to_json(self) -> dict[str, Any]:
        """Text, confidence and characters as plain values, rounded for reading; and ``unmatched`` where it is true."""
        return ({"unmatched": True} if self.unmatched else {}) | {
            "text": self.text,
            "confidence": round(self.confidence, 4),
            "characters": [
                {
                    "character": character.character,
                    "confidence": round(character.confidence, 4),
                    "x0": round(character.x0, 1),
                    "x1": round(character.x1, 1),
                }
                for character in self.characters
            ],
        }


BLANK_PAPER = Reading("", 0.0)


class TextRecognizer:
    """Reads pictures of handwritten lines.

    Args:
        model: An ONNX file made by ``text-recognizer export``, or one that is loaded; by default the one that ships.
        decoder: ``beam`` uses a language model where the picture is ambiguous; ``greedy`` does not.
        threads: Batches of lines read at the same time.
        alternatives: How many other readings of each line and character to name, at most.
        language: What texts are like: a text file from which the beam learns it, or a model; by default English.
        expected: ``allow``, ``pattern``, ``words`` or ``date``, as ``Expected.of`` takes them: all that a line may say.

    Raises:
        UserError: If the model file is missing or not a model of this package.
        UsageError: If there is no such decoder, or fewer than 1 thread, or what is expected makes no sense.
    """

    def __init__(
        self,
        model: str | PathLike[str] | LineModel | None = None,
        decoder: Decoder = "beam",
        threads: int = 2,
        *,
        alternatives: int = 0,
        language: str | PathLike[str] | LanguageModel | None = None,
        **expected: Unpack[Known],
    ) -> None:
        if threads < 1:
            raise UsageError(f"threads is {threads}, but reading takes at least 1.")
        if decoder not in get_args(Decoder):
            raise UsageError(f"decoder is {decoder!r}, but must be one of {', '.join(get_args(Decoder))}.")
        if decoder == "greedy" and language is not None:
            raise UsageError(
                "A language is given, but decoder is 'greedy', which asks none. Take the beam, or leave it out."
            )
        use_one_thread_per_line()
        self._model = model if isinstance(model, LineModel) else LineModel(Path(model) if model else None)
        self._threads, self._alternatives = threads, alternatives
        self._decoder = decoder
        if isinstance(language, str | PathLike):
            language = read_language(language, self._model.metadata.alphabet)
        self._language = language
        self._expect(Expected.of(**expected))
        metadata = self._model.metadata
        self._confidence = metadata.greedy if decoder == "greedy" else metadata.beam

    def expecting(self, alternatives: int | None = None, **expected: Unpack[Known]) -> TextRecognizer:
        """A recognizer with the same model whose lines say what is expected, and nothing else.

        Args:
            alternatives: How many other readings to name; by default as many as this one names.
            expected: ``allow``, ``pattern``, ``words`` or ``date``, as ``Expected.of`` takes them; without any, all
                texts are possible.

        Raises:
            UsageError: If what is expected makes no sense.
        """
        other = copy.copy(self)
        other._alternatives = self._alternatives if alternatives is None else alternatives
        other._expect(Expected.of(**expected))
        return other

    @property
    def arcs(self) -> int:
        """How much work it is to keep to what is expected: arcs of its automaton, 0 if nothing is expected."""
        return 0 if self._automaton is None else len(self._automaton.tokens)

    def _expect(self, expected: Expected) -> None:
        self._expected = expected
        self._automaton = expected.automaton(self._model.metadata.alphabet) if expected else None
        self._decode = self._decoding()

    @overload
    def read(self, picture: Picture, **expected: Unpack[Known]) -> Reading: ...

    @overload
    def read(
        self, picture: list[Picture] | list[str] | list[np.ndarray], **expected: Unpack[Known]
    ) -> list[Reading]: ...

    def read(self, picture: Any, **expected: Unpack[Known]) -> Reading | list[Reading]:
        """Read a picture of one line, or a list of such pictures.

        Args:
            picture: A path, ``-`` (standard input), the bytes of a picture file, a PIL image, an array (uint8, uint16,
                bool or floats from 0 to 1, of shape (h, w), (h, w, 3) or (h, w, 4)), or a list of these.
            expected: As :meth:`expecting` takes it, for these pictures.

        Returns:
            The reading, or the list of readings.

        Raises:
            UserError: If something is no picture or too large; the message names it. Of a list it is a
                :class:`SomeUnread`, which holds the readings of the others.
        """
        if expected:
            same: Reading | list[Reading] = self.expecting(**expected).read(picture)
            return same
        results = self.read_each(picture if isinstance(picture, list) else [picture])
        readings = [result for result in results if isinstance(result, Reading)]
        if isinstance(picture, list):
            if len(readings) < len(results):
                raise SomeUnread(results)
            return readings
        for result in results:
            if isinstance(result, UserError):
                raise result
        return readings[0]

    def read_each(self, pictures: Sequence[Picture]) -> list[Reading | UserError]:
        """Read pictures, each for itself: in place of the reading of one that cannot be read stands what is wrong."""
        with ThreadPoolExecutor(self._threads) as pool:
            spread: Callable[..., Any] = pool.map if len(pictures) > 1 else map
            lines = list(spread(self._line, range(1, len(pictures) + 1), pictures))
        return self.read_normalized(lines)

    def _line(self, number: int, picture: Picture) -> NormalizedLine | UserError | None:
        """The line of a picture, or what is wrong with the picture."""
        name = str(picture) if isinstance(picture, str | PathLike) else f"picture {number}"
        return attempt(name, lambda: self.lines(load_picture(picture, name), split=False)[0])

    def read_pages(self, pages: Sequence[np.ndarray], *, split: bool) -> list[list[Reading]]:
        """Read loaded pictures, each uint8 (h, w): each as one line, or split into its lines, in reading order.

        Raises:
            SomeUnread: If a page cannot be read; its results are the readings of each of the others.
        """
        results = [
            attempt(f"page {number}", partial(self._read_page, page, split)) for number, page in enumerate(pages, 1)
        ]
        if any(isinstance(result, UserError) for result in results):
            raise SomeUnread(results)
        return [result for result in results if not isinstance(result, UserError)]

    def _read_page(self, page: np.ndarray, split: bool) -> list[Reading]:
        readings = []
        for result in self.read_normalized(self.lines(page, split=split)):
            if isinstance(result, UserError):
                raise result
            readings.append(result)
        return readings

    def lines(self, picture: np.ndarray, *, split: bool) -> list[NormalizedLine | None]:
        """What the model is to read of a loaded picture, uint8 (h, w).

        Args:
            picture: Grey.
            split: Whether it is a page, of which all lines are found, in reading order; otherwise it is one line.

        Returns:
            The lines as the model reads them; None for blank paper where ``split`` is false.
        """
        if not split:
            return [normalize(picture) if self._reads_normalized else finder().line(picture)]
        lines = finder().page(picture)
        return [line.within(normalize(255 - line.image)) for line in lines] if self._reads_normalized else [*lines]

    @property
    def _reads_normalized(self) -> bool:
        return self._model.metadata.preparation == NORMALIZATION

    def read_normalized(self, lines: Sequence[NormalizedLine | UserError | None]) -> list[Reading | UserError]:
        """Read prepared lines in batches of similar width.

        Args:
            lines: The lines; None for blank paper. What is wrong with a picture stays in its place.

        Returns:
            For each its reading, or what is wrong with it.
        """
        results: list[Reading | UserError] = [line if isinstance(line, UserError) else BLANK_PAPER for line in lines]
        batches = _batches([line.image.shape[1] if isinstance(line, NormalizedLine) else 0 for line in lines])
        with ThreadPoolExecutor(self._threads) as pool:
            spread: Callable[..., Any] = pool.map if len(batches) > 1 else map
            read = spread(self._read_apart, [[lines[index] for index in batch] for batch in batches])
            for batch, found in zip(batches, read, strict=True):
                for index, result in zip(batch, found, strict=True):
                    results[index] = result
        return results

    def _read_apart(self, lines: list[NormalizedLine]) -> list[Reading | UserError]:
        """Read a batch; if it fails, its lines one by one, so that only those that fail are lost."""
        together = attempt("the batch", lambda: self._read_batch(lines))
        if not isinstance(together, UserError):
            return [*together]
        return [attempt("the line", lambda line=line: self._read_batch([line])[0]) for line in lines]  # type: ignore[misc]

    def _read_batch(self, lines: list[NormalizedLine]) -> list[Reading]:
        log_probs = self._model.log_probabilities([line.image for line in lines])
        return [self._reading(line, own) for line, own in zip(lines, log_probs, strict=True)]

    def _decoding(self) -> Callable[[np.ndarray], Decoded | None]:
        alphabet = self._model.metadata.alphabet
        automaton = self._automaton
        if automaton is None:
            if self._decoder == "greedy":
                return lambda log_probs: decode_greedy(log_probs, alphabet)
            return lambda log_probs: decode_beam(log_probs, alphabet, self._language or english())
        if self._decoder == "greedy":
            return lambda log_probs: decode_path(log_probs, alphabet, automaton)
        language = self._language or (None if self._expected.words else english())
        return lambda log_probs: decode_text(log_probs, alphabet, automaton, language)

    def _reading(self, line: NormalizedLine, log_probs: np.ndarray) -> Reading:
        decoded = self._decode(log_probs)
        if decoded is None:
            return Reading("", 0.0, (), line, unmatched=True)
        text = decoded.text if self._expected else decoded.text.strip()
        if not text:
            return Reading("", 0.0, (), line)
        skip = 0 if self._expected else len(decoded.text) - len(decoded.text.lstrip())
        characters = self._characters(line, log_probs, decoded.characters[skip : skip + len(text)])
        confidence = self._confidence.of_line([one.confidence for one in characters])
        return Reading(text, confidence, characters, line, _other_texts(text, decoded.others, self._alternatives))

    def _possible(self, decoded: Sequence[DecodedCharacter]) -> Callable[[int, int], bool]:
        """Whether a token may stand at a place of what was decoded."""
        automaton = self._automaton
        if automaton is None:
            return lambda place, token: True
        tokens = [self._model.metadata.alphabet.index(one.character) for one in decoded]
        return lambda place, token: automaton.accepts([*tokens[:place], token, *tokens[place + 1 :]])

    def _characters(
        self, line: NormalizedLine, log_probs: np.ndarray, decoded: Sequence[DecodedCharacter]
    ) -> tuple[Character, ...]:
        stride, alphabet = self._model.metadata.stride, self._model.metadata.alphabet
        centres = np.array([(one.first + one.last + 1) / 2 * stride for one in decoded])
        extents = line.to_picture(_extents(centres, line.image))
        rivals = alternatives(log_probs, alphabet, decoded, self._alternatives, self._possible(decoded))
        calibrated = self._confidence.character
        return tuple(
            Character(
                one.character,
                calibrated(one.probability),
                float(x0),
                float(x1),
                tuple((token, calibrated(probability)) for token, probability in others),
            )
            for one, (x0, x1), others in zip(decoded, extents, rivals, strict=True)
        )


class SomeUnread(UserError):
    """Some pictures of a list cannot be read.

    Attributes:
        results: For each picture its reading, or of pages the readings of its lines, or the :class:`UserError` that
            says what is wrong with it.
    """

    def __init__(self, results: Sequence[Reading | list[Reading] | UserError]) -> None:
        self.results = results
        wrong = [str(result) for result in results if isinstance(result, UserError)]
        super().__init__(f"{len(wrong)} of {len(results)} pictures cannot be read:\n" + "\n".join(wrong))


def _other_texts(text: str, others: Sequence[tuple[str, float]], count: int) -> tuple[tuple[str, float], ...]:
    """At most ``count`` texts that are others once the space around them is gone, each with its share."""
    shares: dict[str, float] = {}
    for other, share in others:
        shares[other.strip()] = shares.get(other.strip(), 0.0) + share
    return tuple((other, share) for other, share in shares.items() if other != text)[:count]


def _batches(widths: Sequence[int]) -> list[list[int]]:
    """Indices of lines in batches of similar width; lines of width 0 are left out."""
    batches: list[list[int]] = []
    for index in sorted((i for i, width in enumerate(widths) if width), key=lambda i: widths[i]):
        batch = batches[-1] if batches else []
        fits = batch and len(batch) < _BATCH_LINES and (len(batch) + 1) * widths[index] <= _BATCH_COLUMNS
        if fits and widths[index] <= 1.25 * widths[batch[0]]:
            batch.append(index)
        else:
            batches.append([index])
    return batches


def _extents(centres: np.ndarray, image: np.ndarray) -> np.ndarray:
    """From where to where each character reaches, (n, 2): to where there is least ink between it and its neighbours."""
    between = _cuts(centres, image)
    starts = np.maximum(np.insert(between, 0, 0), centres - X_HEIGHT)
    ends = np.minimum(np.append(between, image.shape[1]), centres + X_HEIGHT)
    inked = image.max(0) > 64
    extents = []
    for start, end in zip(np.floor(starts).astype(int), np.ceil(ends).astype(int), strict=True):
        ink = np.flatnonzero(inked[start:end])
        extents.append((start + ink[0], start + ink[-1] + 1) if ink.size else (start, end))
    return np.array(extents, np.float64)


def _cuts(centres: np.ndarray, image: np.ndarray) -> np.ndarray:
    """Between each character and the next, the column with least ink, the nearer to halfway the better, (n - 1,)."""
    ink = image.sum(0, dtype=np.float64)
    cuts = []
    for before, after in pairwise(centres):
        halfway, reach = (before + after) / 2, _CUT_REACH * (after - before)
        first, last = max(int(halfway - reach), 0), min(int(np.ceil(halfway + reach)), image.shape[1] - 1)
        columns = np.arange(first, last + 1)
        cuts.append(columns[np.argmin(ink[columns] + _OFF_HALFWAY * np.abs(columns + 0.5 - halfway))] + 0.5)
    return np.array(cuts, np.float64)
