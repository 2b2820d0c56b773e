"""Threads and memory in which pictures, pages and JSON are decoded."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from text_recognizer.imaging.pages import is_pdf
from text_recognizer.imaging.pictures import is_photograph, pixels_of
from text_recognizer.processors import usable_cores
from text_recognizer.serving.limits import BYTES_PER_PIXEL, MAX_PIXELS, RequestLimiter, Room, Taken

APART_AT_ONCE = 2
"""Files that other processes decode: each may keep a thread waiting for a minute."""
BYTES_OF_JSON = 56
"""What a byte of JSON takes at most as objects, in lists of lists; tests/serving/test_limits.py measures it."""
_PDF_PIXELS = 12_000_000  # of a page that is rendered
T = TypeVar("T")


class Decoding:
    """Decodes in threads, with memory that all requests share.

    Files that are decoded in other processes have threads of their own, so that all others are decoded meanwhile.
    """

    def __init__(self) -> None:
        self._room = Room(MAX_PIXELS * BYTES_PER_PIXEL)
        self._threads = ThreadPoolExecutor(usable_cores(), "decode")
        self._threads_apart = ThreadPoolExecutor(APART_AT_ONCE, "apart")
        self._places_apart = asyncio.Semaphore(APART_AT_ONCE)

    async def in_thread(self, work: Callable[..., T], *arguments: Any) -> T:
        """What ``work`` gives, called outside of the event loop."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, work, *arguments)

    async def parsed(self, body: bytes, parse: Callable[[bytes], T]) -> T:
        """What ``parse`` makes of JSON."""
        async with self._room.taken(len(body) * BYTES_OF_JSON):
            return await self.in_thread(parse, body)

    async def pixels(self, data: bytes) -> int:
        """How many pixels the largest page of a file takes room for."""
        return await self.in_thread(pixels_of, data) or (_PDF_PIXELS if is_pdf(data) else 0)

    @asynccontextmanager
    async def place(self, data: bytes, pixels: int | None = None) -> AsyncIterator[Place]:
        """Threads and room to decode a file, or a page of it, while the block runs.

        Args:
            data: The file.
            pixels: What :meth:`pixels` gives for it, where that is known already.
        """
        pixels = await self.pixels(data) if pixels is None else pixels
        apart = is_pdf(data) or is_photograph(data)
        threads = self._threads_apart if apart else self._threads
        place = self._places_apart if apart else nullcontext()  # waited for before room is taken from others
        async with place, self._room.taken(min(pixels, MAX_PIXELS) * BYTES_PER_PIXEL) as taken:
            yield Place(threads, self._room, taken)

    def close(self) -> None:
        """End the threads, without what still waits for them."""
        for threads in (self._threads, self._threads_apart):
            threads.shutdown(cancel_futures=True)


@dataclass(frozen=True)
class Place:
    """Where a file is decoded."""

    _threads: ThreadPoolExecutor
    _room: Room
    _taken: Taken

    async def run(self, work: Callable[..., T], *arguments: Any) -> T:
        """What ``work`` gives, which decodes the file."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, work, *arguments)

    async def shrink(self, size: int) -> None:
        """Give back the room above ``size`` bytes."""
        await self._room.shrink(self._taken, size)


class Limits(Protocol):
    """What limits requests: those that are admitted, and the room to decode what they hold."""

    limiter: RequestLimiter
    decoding: Decoding
