"""Files in, pages that are read out: each is one line or more, and turned until it reads well."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeVar

import numpy as np

from text_recognizer.documents.layout import Kind, ReadPage
from text_recognizer.errors import UserError, attempt, naming, printable
from text_recognizer.imaging.normalization import HEIGHT, NormalizedLine
from text_recognizer.imaging.pages import RESOLUTION, Page, pages_of
from text_recognizer.imaging.pictures import MAX_PIXELS, Picture
from text_recognizer.reading.recognizer import Reading, TextRecognizer

T = TypeVar("T")
Layout = Literal["auto", "line", "page"]
Lines = Sequence[NormalizedLine | None]
"""What the model is to read; None for blank paper."""
Results = Sequence[Reading | UserError]
"""Of each line its reading, or what is wrong with it."""
Steps = Generator[Lines, Results, T]
"""Gives lines to be read, and is sent their results."""

AT_ONCE = 64
"""Pages that are read together, so that batches fill."""
DOUBTFUL = 0.7
"""A confidence below which a page is called doubtful."""
_PERHAPS_UPSIDE_DOWN = 0.9
"""A confidence below which a page is tried upside down too: writing that is turned by half often looks like some."""
_PIXELS_AT_ONCE = 20_000_000
_LONG = 12.0  # widths in heights of pictures that are surely one line
_SHEET = 2.5  # widths in heights of pictures that, less wide, may be a page of large writing
_HIGH = 2.5  # heights of a prepared line, from which on a picture may hold more than one
_DOUBT_LEFT = 0.8  # share of its doubt that a page may keep where it is turned
_LEAST_TURNED = 0.7  # confidence of a turned page of which nothing was read as it lay
_TRIED_LINES = 6  # of a turned page
_FEWEST_TURNED = 12  # characters of a turned page: few look like others upside down, and say nothing


@dataclass(eq=False)
class Loaded:
    """A page on its way to be read.

    Attributes:
        page: Without readings yet.
        lines: What the model is to read of it.
    """

    page: ReadPage
    lines: Lines = field(default_factory=list)


def lines_after(steps: Steps[None], results: Results | None) -> Lines | None:
    """The lines to be read after those of which these are the results, None if they were the last.

    Args:
        results: None at the first step.
    """
    try:
        return next(steps) if results is None else steps.send(results)
    except StopIteration:
        return None


class DocumentReader:
    """Reads the pages of files.

    Args:
        recognizer: Reads the lines.
        layout: ``line`` or ``page`` if all pictures are that; with ``auto`` each is looked at.
        turn: Whether a page that reads badly is read as it reads best, turned by quarters; otherwise as it lies.
        numbers: The pages of each file that are wanted, from 1; None for all.
        resolution: Dots per inch at which PDFs are rendered.
        max_pixels: Of a page.
    """

    def __init__(
        self,
        recognizer: TextRecognizer,
        layout: Layout = "auto",
        *,
        turn: bool = True,
        numbers: list[int] | None = None,
        resolution: int = RESOLUTION,
        max_pixels: int = MAX_PIXELS,
    ) -> None:
        self.recognizer = recognizer
        self._layout, self._turn = layout, turn
        self._numbers, self._resolution, self._max_pixels = numbers, resolution, max_pixels

    def read(self, pictures: Iterable[tuple[str, Picture | UserError]]) -> Iterator[list[ReadPage]]:
        """The pages of files, in order, so many at once that batches fill and memory does not.

        Args:
            pictures: What to call each file, and the file as :func:`~text_recognizer.imaging.pages.pages_of` takes it,
                or why it cannot be read.
        """
        for group in self._in_groups(pictures):
            results = iter(self.recognizer.read_normalized([line for one in group for line in one.lines]))
            for one in group:
                self._finish(one, [next(results) for _ in one.lines])
            yield [one.page for one in group]

    def _finish(self, loaded: Loaded, results: Results) -> None:
        steps = self.steps(loaded)
        next(steps)
        while (lines := lines_after(steps, results)) is not None:
            results = self.recognizer.read_normalized(lines)

    def _in_groups(self, pictures: Iterable[tuple[str, Picture | UserError]]) -> Iterator[list[Loaded]]:
        group: list[Loaded] = []
        pixels = 0
        for file, picture in pictures:
            for loaded in self.load(file, picture):
                group.append(loaded)
                pixels += loaded.page.width * loaded.page.height
                if len(group) == AT_ONCE or pixels > _PIXELS_AT_ONCE:
                    yield group
                    group, pixels = [], 0
        if group:
            yield group

    def load(self, file: str, picture: Picture | UserError) -> Iterator[Loaded]:
        """The pages of a file, each decoded and its lines found when its turn comes. Nothing is raised."""
        file = printable(file)
        page = ReadPage(file)
        if isinstance(picture, UserError):
            page.error = picture
            yield Loaded(page)
            return
        wanted = pages_of(
            picture,
            page.name,
            numbers=self._numbers,
            resolution=self._resolution,
            max_pixels=self._max_pixels,
            doubts=page.doubts,
        )
        while True:
            found = attempt(page.name, lambda: next(wanted, None))
            if found is None:
                return
            if isinstance(found, UserError):
                page.error = found
                yield Loaded(page)
                return
            page.number, page.count = found.number, found.count
            yield self._prepared(page, found)
            page = ReadPage(file, count=found.count)

    def _prepared(self, page: ReadPage, found: Page) -> Loaded:
        if isinstance(found.grey, UserError):
            page.error = found.grey
            return Loaded(page)
        grey = found.grey
        page.grey, page.resolution = grey, found.resolution
        page.height, page.width = grey.shape

        def prepare() -> tuple[Kind, Lines]:
            with naming(page.name):
                return self._lines(grey)

        prepared = attempt(page.name, prepare)
        if isinstance(prepared, UserError):
            page.error = prepared
            return Loaded(page)
        page.kind = prepared[0]
        return Loaded(page, prepared[1])

    def _lines(self, grey: np.ndarray) -> tuple[Kind, Lines]:
        """What a picture is, and its lines."""
        if self._layout == "page":
            return "page", self.recognizer.lines(grey, split=True)
        height, width = grey.shape
        [line] = self.recognizer.lines(grey, split=False)
        low = line is not None and height * line.scale < _HIGH * HEIGHT and width > _SHEET * height
        if self._layout == "line" or width > _LONG * height or low:
            return "line", [line]
        lines = self.recognizer.lines(grey, split=True)
        if len(lines) > 1:
            return "page", lines
        return "line", lines if line is None and lines else [line]

    def steps(self, loaded: Loaded) -> Steps[None]:
        """Read a page: its lines; if they read badly, some of it turned, if it may be, and then all as it reads best.

        What was read is in the page after the last step.
        """
        page = loaded.page
        for result in (yield loaded.lines):
            if isinstance(result, UserError):
                page.error = UserError(f"{page.name}: {result}")
                return
            page.readings.append(result)
        if page.grey is not None and not page.error:
            if self._turn:
                yield from self._turn_upright(page)
            page.doubts += self._doubts(page)

    def _turn_upright(self, page: ReadPage) -> Steps[None]:
        """Read a page that reads badly as it reads best: as it lies, or turned by quarters, if that is much better."""
        assert page.grey is not None
        confidence = page.confidence
        if not page.written:
            best = _LEAST_TURNED
        elif confidence < _PERHAPS_UPSIDE_DOWN:
            best = 1 - _DOUBT_LEFT * (1 - confidence)
        else:
            return
        turn = 0
        for quarters in (1, 2, 3) if confidence < DOUBTFUL else (2,):
            tried = yield from self._tried(np.rot90(page.grey, -quarters))
            if tried > best:
                best, turn = tried, quarters
        if not turn:
            return
        turned = self._prepared(ReadPage(page.file), Page(1, 1, np.ascontiguousarray(np.rot90(page.grey, -turn))))
        readings = yield turned.lines
        if turned.page.error is None and not any(isinstance(one, UserError) for one in readings):
            page.readings = [one for one in readings if isinstance(one, Reading)]
            page.grey, page.kind, page.turned = turned.page.grey, turned.page.kind, 90 * turn
            page.width, page.height = turned.page.width, turned.page.height

    def _tried(self, grey: np.ndarray) -> Steps[float]:
        """How confidently the longest lines of a page are read; 0 if they hold too little to tell."""
        lines = attempt("the page", lambda: self._lines(np.ascontiguousarray(grey))[1])
        if isinstance(lines, UserError):
            return 0.0
        longest = sorted((line for line in lines if line), key=lambda line: -line.image.shape[1])[:_TRIED_LINES]
        results = yield longest
        page = ReadPage("", readings=[one for one in results if isinstance(one, Reading)])
        return page.confidence if len(page.text) >= _FEWEST_TURNED else 0.0

    def _doubts(self, page: ReadPage) -> list[str]:
        if any(reading.unmatched for reading in page.readings):
            return ["no text that was asked for fits into so short a line."]
        if not page.written:
            return ["no writing was found."]
        doubts = [f"read turned by {page.turned} degrees clockwise."] if page.turned else []
        if self._layout == "line" and (count := self._lines_in(page)) > 1:
            return [*doubts, f"looks like {count} lines, of which one was read. Read all with --lines."]
        if page.confidence < DOUBTFUL:
            one = ", and plain writing on plain paper?" if page.kind == "page" else ", and one line?"
            doubts.append(f"doubtful: its confidence is {page.confidence:.2f}. Is it level, upright{one}")
        return doubts

    def _lines_in(self, page: ReadPage) -> int:
        """How many lines a picture has that was read as one: 1 if it is about as high as that line."""
        prepared = page.written[0].prepared
        if page.grey is None or prepared is None or page.height * prepared.scale < _HIGH * HEIGHT:
            return 1
        grey = page.grey
        lines = attempt("the picture", lambda: self.recognizer.lines(grey, split=True))
        return 1 if isinstance(lines, UserError) else len(lines)
