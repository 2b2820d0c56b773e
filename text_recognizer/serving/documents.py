"""Documents over HTTP: the pages of each file, read one after the other, in the formats of the command line."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing

import cv2
from starlette.exceptions import HTTPException
from starlette.responses import Response

from text_recognizer.documents.corrected import correct
from text_recognizer.documents.formats import TRAITS, Format, written
from text_recognizer.documents.layout import ReadPage
from text_recognizer.documents.reader import DocumentReader, Loaded, Results, lines_after
from text_recognizer.errors import UsageError, UserError
from text_recognizer.imaging.pages import Page, page_numbers, pages_of
from text_recognizer.reading.recognizer import TextRecognizer
from text_recognizer.serving.batching import Batcher, Spent
from text_recognizer.serving.decoding import Decoding
from text_recognizer.serving.limits import MAX_PIXELS, Upload
from text_recognizer.serving.metrics import Metrics
from text_recognizer.serving.schema import Options

MOST_PAGES = 64
"""Of one request."""
MOST_SECONDS = 300.0
"""Of one request."""
MOST_KEPT_PIXELS = 120_000_000
"""Of the pages of one PDF that is written."""
MOST_ARCS = 20_000
"""Of the automaton of what lines may hold: a line takes a tenth of a second then."""
_QUALITY = 90  # of pages as JPEG
_SECONDS_TO_WAIT = 30  # for one of the places
_AT_ONCE = 2  # requests, each of which may keep the pages of a PDF


class Documents:
    """Reads documents.

    Args:
        batcher: Reads their lines.
        decoding: Of their pages.
        metrics: Counts their pages.
    """

    def __init__(self, batcher: Batcher, decoding: Decoding, metrics: Metrics) -> None:
        self._batcher, self._decoding, self._metrics = batcher, decoding, metrics
        self._places = asyncio.Semaphore(_AT_ONCE)

    async def answer(
        self, recognizer: TextRecognizer, uploads: Sequence[Upload], options: Options, form: Format
    ) -> Response:
        """The pages of all files in the format.

        Raises:
            HTTPException: 422 if no page can be read, or one cannot and the format has no place to say so, or they are
                more than the format holds or a request may have; 503 if others are read for too long.
            UserError: If a line is corrected that is not there.
        """
        reader = DocumentReader(
            recognizer,
            "page" if options.lines else "auto",
            turn=options.turn,
            numbers=page_numbers(options.pages),
            max_pixels=MAX_PIXELS,
        )
        async with self._place():
            pages: list[ReadPage] = []
            started = time.monotonic()
            for upload in uploads:
                await self._read(reader, upload, pages, started, keep=form == "pdf")
            _check(form, pages, len(uploads))
            correct(pages, {int(number): text for number, _, text in (one.partition(":") for one in options.corrected)})
            several = len(uploads) > 1
            data = await self._decoding.in_thread(
                written, form, pages, options.alternatives, several, options.tables, options.prepared
            )
        return Response(data, media_type=TRAITS[form].media_type)

    async def picture(self, upload: Upload, number: int) -> Response:
        """A page of a file as a JPEG.

        Raises:
            HTTPException: 422 if there is no such page, or it cannot be shown.
        """
        async with self._decoding.place(upload.data) as place:
            page, data = await place.run(_jpeg_of, upload, number)
        if isinstance(page.grey, UserError):
            raise HTTPException(422, str(page.grey))
        return Response(data, media_type="image/jpeg", headers={"Page-Count": str(page.count)})

    @asynccontextmanager
    async def _place(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(_SECONDS_TO_WAIT):
                await self._places.acquire()
        except TimeoutError:
            raise HTTPException(
                503,
                f"This document has waited for {_SECONDS_TO_WAIT} seconds while others are read. Try again in ten.",
                {"Retry-After": "10"},
            ) from None
        try:
            yield
        finally:
            self._places.release()

    async def _read(
        self, reader: DocumentReader, upload: Upload, pages: list[ReadPage], started: float, keep: bool
    ) -> None:
        """Add the pages of a file, each with its picture only if that is to be kept."""
        loading = reader.load(upload.name, upload.data)
        pixels = await self._decoding.pixels(upload.data)
        while True:
            async with self._decoding.place(upload.data, pixels) as place:
                loaded = await place.run(next, loading, None)
                if loaded is None:
                    return
                _check_limits(loaded.page, pages, time.monotonic() - started)
                await self._read_lines(reader, loaded)
            page: ReadPage = loaded.page
            pages.append(page)
            self._metrics.readings.labels("refused" if page.error else "read").inc()
            if not keep:
                page.grey = None

    async def _read_lines(self, reader: DocumentReader, loaded: Loaded) -> None:
        steps, spent = reader.steps(loaded), Spent()
        results: Results | None = None
        while (lines := await self._decoding.in_thread(lines_after, steps, results)) is not None:
            results = await self._batcher.read(reader.recognizer, lines, spent)


def _jpeg_of(upload: Upload, number: int) -> tuple[Page, bytes]:
    with closing(pages_of(upload.data, upload.name, numbers=[number], max_pixels=MAX_PIXELS)) as pages:
        page = next(pages)
    data = b""
    if not isinstance(page.grey, UserError):
        data = cv2.imencode(".jpg", page.grey, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])[1].tobytes()
    return page, data


def _check_limits(page: ReadPage, pages: Sequence[ReadPage], seconds: float) -> None:
    """Whether a page may be read after others."""
    if len(pages) == MOST_PAGES:
        raise HTTPException(422, f"{page.name}: more than {MOST_PAGES} pages in one request. Choose some: pages=1-10")
    if sum(one.grey.size for one in pages if one.grey is not None) > MOST_KEPT_PIXELS:
        million = MOST_KEPT_PIXELS // 1_000_000
        raise HTTPException(422, f"{page.name}: more than {million} million pixels in one PDF. Choose fewer pages.")
    if seconds > MOST_SECONDS:
        raise HTTPException(422, f"{page.name}: reached after {MOST_SECONDS:.0f} seconds. Send fewer pages at once.")


def _check(form: Format, pages: Sequence[ReadPage], files: int) -> None:
    errors = [page.error for page in pages if page.error is not None]
    if errors and (len(errors) == len(pages) or form not in ("json", "jsonl")):
        more = "" if len(errors) == len(pages) else " The others are read with format=json, which says what is wrong."
        raise HTTPException(422, " ".join(map(str, errors)) + more)
    holds = TRAITS[form].holds
    if (holds == "file" and files > 1) or (holds == "page" and len(pages) > 1):
        raise HTTPException(
            422, f"format={form} holds one {holds}, but {len(pages)} pages were sent. Send one at a time."
        )


def expecting(recognizer: TextRecognizer, options: Options) -> TextRecognizer:
    """The recognizer, or one with the same model that reads what the options say that lines hold.

    Raises:
        UsageError: If that makes no sense, or takes more than a server gives.
    """
    texts = (options.allow, options.pattern, options.words)
    if texts == (None, None, None) and not (options.alternatives or options.date):
        return recognizer
    other = recognizer.expecting(
        options.alternatives, allow=options.allow, pattern=options.pattern, words=options.words, date=options.date
    )
    if other.arcs > MOST_ARCS:
        raise UsageError("So many texts are possible that a server does not follow them. Allow fewer.")
    return other
