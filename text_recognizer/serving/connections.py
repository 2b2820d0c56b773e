"""Connections of clients: heads come and answers go in time, the longest idle make room, work ends with its client."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, TypeVar

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from text_recognizer.serving.limits import LEAST_BYTES_A_SECOND

SECONDS_FOR_HEADERS = 10
SECONDS_OF_TAKING = 30
SECONDS_TO_DRAIN = 10
MOST_CONNECTIONS = 900
"""Below the 1,024 open files that most systems allow a process."""
T = TypeVar("T")


class PatientProtocol(H11Protocol):
    """HTTP whose request heads must come within ``SECONDS_FOR_HEADERS`` of their first byte, or of the connection.

    Of an answer that waits to be sent, a client must take ``LEAST_BYTES_A_SECOND`` in each
    ``SECONDS_OF_TAKING``. uvicorn has no such limits. A connection that sends nothing after an answer is closed by
    uvicorn's own.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._head_timer: asyncio.TimerHandle | None = None
        self._taking_timer: asyncio.TimerHandle | None = None
        self._idle_since = self.loop.time()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._expect_head()
        if len(self.connections) > MOST_CONNECTIONS:
            idle = [one for one in self.connections if isinstance(one, PatientProtocol) and one.is_idle]
            if idle:
                min(idle, key=lambda one: one._idle_since).transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_came()
        self._taken()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.is_idle and self._head_timer is None:
            self._expect_head()
        super().data_received(data)
        if not self.is_idle:
            self._head_came()

    def on_response_complete(self) -> None:
        self._idle_since = self.loop.time()
        super().on_response_complete()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._expect_taking()

    def resume_writing(self) -> None:
        self._taken()
        super().resume_writing()

    @property
    def is_idle(self) -> bool:
        """Whether no request is being received or answered."""
        return self.cycle is None or self.cycle.response_complete

    def _expect_head(self) -> None:
        self._head_timer = self.loop.call_later(SECONDS_FOR_HEADERS, self.transport.abort)

    def _head_came(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _expect_taking(self) -> None:
        waiting = self.transport.get_write_buffer_size()
        self._taking_timer = self.loop.call_later(SECONDS_OF_TAKING, self._check_taking, waiting)

    def _check_taking(self, waited: int) -> None:
        if waited - self.transport.get_write_buffer_size() < LEAST_BYTES_A_SECOND * SECONDS_OF_TAKING:
            self.transport.abort()
        else:
            self._expect_taking()

    def _taken(self) -> None:
        if self._taking_timer is not None:
            self._taking_timer.cancel()
            self._taking_timer = None


class DrainingMiddleware:
    """ASGI middleware: what a client still sends is received after its answer, before its connection closes.

    With bytes that nobody received, the system resets the connection, and a client that sends its whole request first
    never sees why it was refused. uvicorn receives them where the connection stays.

    Args:
        app: The application.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not _closes_after(scope):
            await self._app(scope, receive, send)
            return
        more = True

        async def followed_receive() -> Message:
            nonlocal more
            message = await receive()
            more = message.get("more_body", False)
            return message

        async def draining_send(message: Message) -> None:
            if message["type"] == "http.response.body" and not message.get("more_body", False):
                await send({**message, "more_body": True})
                with suppress(TimeoutError):
                    async with asyncio.timeout(SECONDS_TO_DRAIN):
                        while more:
                            await followed_receive()
                message = {"type": "http.response.body"}
            await send(message)

        await self._app(scope, followed_receive, draining_send)


def _closes_after(scope: Scope) -> bool:
    """Whether the connection closes after the answer, as the client wants it."""
    return scope["http_version"] == "1.0" or Headers(scope=scope).get("connection", "").lower() == "close"


async def while_there(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """What ``work`` gives; it is cancelled once the client of a request that was received has left.

    Raises:
        ClientDisconnect: If the client has left.
    """
    working, leaving = asyncio.create_task(work), asyncio.create_task(_left(request))
    try:
        await asyncio.wait((working, leaving), return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise ClientDisconnect
        return working.result()
    finally:
        working.cancel()
        leaving.cancel()


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
