"""What a server takes in: so many requests at once, so many bytes of each and of all, and room to decode them."""

from __future__ import annotations

import asyncio
import ctypes
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass

from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

MAX_UPLOAD_MB = 16
MAX_QUEUE = 256
MAX_PICTURES = 64
MAX_PIXELS = 30_000_000
"""Of a picture or a page."""
BYTES_PER_PIXEL = 24
"""What decoding a picture and finding its lines takes at most, tests/faults/test_memory.py measures it."""
LEAST_BYTES_A_SECOND = 16_000
"""That clients send of a request, and take of an answer."""
_MOST_BYTES_OF_FIELD = 2048
_MEGABYTE = 1 << 20
_MEGABYTES_OF_ALL = 256
_SECONDS_TO_SEND = 60
_SECONDS_OF_GRACE = 10
_LEAST_ROOM = 1 << 16
_M_MMAP_THRESHOLD = -3  # of glibc's malloc.h
_LARGE_BLOCK = 4 << 20


def return_freed_memory() -> None:
    """Let this process give large blocks back to the system as soon as they are freed, where its C library is glibc.

    By default glibc raises the size from which it does so with each block that is freed, up to 32 MB: the pixels of
    pictures then stay in the process, in pieces that others do not fit into.
    """
    with suppress(AttributeError, OSError, TypeError):  # another C library
        ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, _LARGE_BLOCK)


@dataclass(frozen=True)
class Upload:
    """A picture as it was sent.

    Attributes:
        name: What the client calls it: printable, without folders, at most 200 characters.
        data: The bytes of the file.
    """

    name: str
    data: bytes


@dataclass(frozen=True)
class Sent:
    """What a request holds.

    Attributes:
        uploads: The pictures.
        fields: Names and texts of what else is in its form.
    """

    uploads: list[Upload]
    fields: list[tuple[str, str]]


class RequestLimiter:
    """Admits requests and receives their pictures, within limits.

    A request takes a place once it has arrived: who sends slowly keeps no one else from being read.

    Args:
        max_upload_mb: Megabytes of one request.
        max_queue: Requests that may wait or be read at the same time.
    """

    def __init__(self, max_upload_mb: int, max_queue: int) -> None:
        self.max_upload_mb = max_upload_mb
        self._max_queue = max_queue
        self._max_bytes = max(_MEGABYTES_OF_ALL, max_upload_mb) * _MEGABYTE
        self._requests = 0
        self._bytes = 0

    @contextmanager
    def admit(self) -> Iterator[Admission]:
        """Takes in one request, while the block runs.

        Raises:
            HTTPException: 503 if all places are taken.
        """
        self._check_places()
        admission = Admission(self)
        try:
            yield admission
        finally:
            self._requests -= admission.has_place
            self._bytes -= admission.bytes

    def take_place(self, admission: Admission) -> None:
        """A place for a request that has arrived.

        Raises:
            HTTPException: 503 if all places are taken.
        """
        self._check_places()
        self._requests += 1
        admission.has_place = True

    def _check_places(self) -> None:
        if self._requests >= self._max_queue:
            raise _busy()

    def count(self, size: int) -> None:
        """Take in ``size`` more bytes.

        Raises:
            HTTPException: 503 if that is more than fits.
        """
        if self._bytes + size > self._max_bytes:
            raise _busy()
        self._bytes += size


class Admission:
    """A request that was admitted. Its bytes take room until it is done."""

    def __init__(self, limiter: RequestLimiter) -> None:
        self.bytes = 0
        self.has_place = False
        self._limiter = limiter

    async def sent(self, request: Request, most_fields: int = 0) -> Sent:
        """Receive the pictures: the files of a multipart form, or the body itself, whatever it calls itself.

        Args:
            request: Which holds them.
            most_fields: Of the form, beside its files.

        Raises:
            HTTPException: 400 for a broken form, 408 for a client that stops sending, 413 for too large a request, 422
                for one without pictures, 503 if the server holds too many bytes already.
        """
        if request.headers.get("content-type", "").lower().startswith("multipart/"):
            async with self._in_time() as limit:
                form = await self._form(request, limit, most_fields)
            self._limiter.take_place(self)
            return Sent(
                await _files(form), [(name, text) for name, text in form.multi_items() if isinstance(text, str)]
            )
        return Sent([Upload("picture", await self.body(request))], [])

    async def body(self, request: Request) -> bytes:
        """Receive the body, whatever it is.

        Raises:
            HTTPException: 408, 413 or 503, as above.
        """
        data = bytearray()
        async with self._in_time() as limit:
            async for chunk in self._limited(request, limit):
                data += chunk
        self._limiter.take_place(self)
        return bytes(data)

    async def json(self, request: Request) -> bytes:
        """Receive a body that calls itself JSON, which pages of other sites cannot send without asking.

        Raises:
            HTTPException: 415 if it calls itself something else; 408, 413 or 503, as above.
        """
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            raise HTTPException(415, "Expected a body of Content-Type: application/json. /docs describes it.")
        return await self.body(request)

    async def _limited(self, request: Request, time_limit: asyncio.Timeout) -> AsyncGenerator[bytes, None]:
        started = asyncio.get_running_loop().time()
        limit = self._limiter.max_upload_mb
        announced = request.headers.get("content-length", "")
        if announced.isdecimal() and int(announced) > limit * _MEGABYTE:
            raise _too_large(limit)
        async for chunk in request.stream():
            if self.bytes + len(chunk) > limit * _MEGABYTE:
                raise _too_large(limit)
            self._limiter.count(len(chunk))
            self.bytes += len(chunk)
            time_limit.reschedule(started + _seconds_for(self.bytes))
            yield chunk

    @asynccontextmanager
    async def _in_time(self) -> AsyncIterator[asyncio.Timeout]:
        try:
            async with asyncio.timeout(_seconds_for(0)) as limit:
                yield limit
        except TimeoutError:
            raise HTTPException(
                408,
                f"The request did not arrive in time: after {_SECONDS_OF_GRACE} seconds "
                f"{LEAST_BYTES_A_SECOND // 1000} kB a second are expected, and all of it within {_SECONDS_TO_SEND}.",
            ) from None

    async def _form(self, request: Request, limit: asyncio.Timeout, most_fields: int) -> FormData:
        parser = _FormInMemory(
            request.headers,
            self._limited(request, limit),
            max_files=MAX_PICTURES,
            max_fields=most_fields,
            max_part_size=_MOST_BYTES_OF_FIELD,
        )
        try:
            form = await parser.parse()
        except (MultiPartException, UnicodeError) as error:
            reason = str(error).rstrip(".")
            raise HTTPException(
                400,
                f"Not a form of pictures: {reason}. Expected multipart/form-data of at most {MAX_PICTURES} files "
                f"and {most_fields or 'no'} other fields; curl sends one with -F file=@line.png.",
            ) from None
        if not parser.ended:
            raise HTTPException(400, "The form ends before its closing boundary: it was cut off. Send it again.")
        return form


class _FormInMemory(MultiPartParser):
    spool_max_size = sys.maxsize  # files of a form stay in memory: the server writes nothing to disk
    ended = False

    def on_end(self) -> None:
        self.ended = True


async def _files(form: FormData) -> list[Upload]:
    files = [value for _, value in form.multi_items() if isinstance(value, UploadFile)]
    if not files:
        raise HTTPException(422, "The form holds no picture. Expected files; curl sends one with -F file=@line.png.")
    return [Upload(_plain(file.filename or ""), await file.read()) for file in files]


def _plain(name: str) -> str:
    """A client's name for a file as plain text."""
    name = name.replace("\\", "/").rpartition("/")[2]
    return "".join(character for character in name if character.isprintable())[:200] or "picture"


def _too_large(megabytes: int) -> HTTPException:
    return HTTPException(
        413,
        f"The request is larger than {megabytes} MB. Cut the picture to the writing or save it as JPEG; "
        "send many pictures in several requests.",
    )


def _seconds_for(size: int) -> float:
    """By when so many bytes and the next ones must have come."""
    return min(_SECONDS_TO_SEND, _SECONDS_OF_GRACE + size / LEAST_BYTES_A_SECOND)


class Room:
    """Memory for decoding and reading, shared by all requests: who finds none waits, in turn.

    Args:
        size: Bytes.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._free = size
        self._changed = asyncio.Condition()
        self._turn = asyncio.Lock()

    @asynccontextmanager
    async def taken(self, size: int) -> AsyncIterator[Taken]:
        """So many bytes of it, but no more than there are, while the block runs."""
        taken = Taken(min(max(size, _LEAST_ROOM), self._size))
        async with self._turn, self._changed:
            await self._changed.wait_for(lambda: taken.size <= self._free)
            self._free -= taken.size
        try:
            yield taken
        finally:
            await self._give_back(taken.size)

    async def shrink(self, taken: Taken, size: int) -> None:
        """Give back what is above ``size`` bytes."""
        spare = max(taken.size - max(size, _LEAST_ROOM), 0)
        taken.size -= spare
        await self._give_back(spare)

    async def _give_back(self, size: int) -> None:
        async with self._changed:
            self._free += size
            self._changed.notify_all()


@dataclass
class Taken:
    """So many bytes of a :class:`Room`."""

    size: int


def _busy() -> HTTPException:
    return HTTPException(503, "Too many requests are waiting. Try again in a second.", {"Retry-After": "1"})
