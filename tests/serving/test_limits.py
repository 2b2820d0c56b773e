"""What is let in, byte by byte: requests are given to the application as the server gives them, in pieces."""

import asyncio
import json
import logging
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from fastapi import FastAPI
from reading_tools import bars
from serving_tools import png
from starlette.exceptions import HTTPException

from text_recognizer.processors import usable_cores
from text_recognizer.serving import connections, documents, limits
from text_recognizer.serving.app import create_app
from text_recognizer.serving.decoding import BYTES_OF_JSON, Decoding
from text_recognizer.serving.readers import Readers

MEGABYTE = 1 << 20
LINE = png(bars([20, 60]))


@pytest.fixture
def app(model):
    return create_app(Readers(str(model)), max_upload_mb=1, max_queue=8)


class Pieces:
    """A body that comes in pieces. ``taken`` counts those that the application asked for."""

    def __init__(self, pieces: Iterable[bytes], then: Callable[[], Any] = lambda: asyncio.sleep(60)) -> None:
        self._pieces = iter(pieces)
        self._then = then
        self.taken = 0

    async def __call__(self) -> dict[str, Any]:
        piece = next(self._pieces, None)
        if piece is None:
            await self._then()
            return {"type": "http.disconnect"}
        self.taken += 1
        return {"type": "http.request", "body": piece, "more_body": piece != b""}


async def post(
    app: FastAPI, receive: Pieces, query: str = "", path: str = "/v1/read", **headers: str
) -> tuple[int, Any]:
    """Status and JSON of the answer; 0 and None where there is none."""
    status, body = 0, b""

    async def send(message: dict[str, Any]) -> None:
        nonlocal status, body
        status, body = message.get("status", status), body + message.get("body", b"")

    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(b"host", b"localhost")]
        + [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()],
        "server": ("localhost", 80),
        "client": ("127.0.0.1", 1),
    }
    await app(scope, receive, send)
    return status, json.loads(body) if body else None


def run(app: FastAPI, check: Callable[[], Any]) -> None:
    async def main() -> None:
        async with app.router.lifespan_context(app):
            await check()

    asyncio.run(main())


FORM = b'--x\r\nContent-Disposition: form-data; name="a"; filename="b"\r\n\r\n'


@pytest.mark.parametrize("start", [b"P", FORM], ids=["raw", "form"])
def test_a_body_that_does_not_say_its_size_is_cut_off_at_the_limit(app, start):
    async def check() -> None:
        endless = Pieces([start] + [b"x" * 65536] * 1000)
        kind = "multipart/form-data; boundary=x" if start == FORM else "image/png"
        status, answer = await post(app, endless, content_type=kind)
        assert status == 413
        assert "1 MB" in answer["error"]
        assert endless.taken <= 18

    run(app, check)


def test_a_size_that_is_too_large_is_refused_before_any_of_it_is_taken(app):
    async def check() -> None:
        body = Pieces([b"x"])
        status, _ = await post(app, body, content_length=str(MEGABYTE + 1))
        assert (status, body.taken) == (413, 0)

    run(app, check)


@pytest.mark.parametrize("left", [[b"x", b"x", b""], [b"x", b"x"]], ids=["all of it", "until the client leaves"])
def test_what_a_client_still_sends_is_received_before_its_connection_closes(app, left):
    async def check() -> None:
        body = Pieces(left, lambda: asyncio.sleep(0))
        status, _ = await post(app, body, content_length=str(MEGABYTE + 1), connection="close")
        assert (status, body.taken) == (413, len(left))

    run(app, check)


def test_a_client_that_never_ends_is_received_for_a_while(app, monkeypatch):
    monkeypatch.setattr(connections, "SECONDS_TO_DRAIN", 0.05)

    async def check() -> None:
        status, _ = await post(app, Pieces([b"x"]), content_length=str(MEGABYTE + 1), connection="close")
        assert status == 413

    run(app, check)


def test_a_size_that_is_a_lie(app):
    async def check() -> None:
        body = Pieces([b"x" * 65536] * 1000)
        status, _ = await post(app, body, content_length="10")
        assert status == 413

    run(app, check)


def test_the_largest_body_is_taken(app):
    async def check() -> None:
        padded = LINE + bytes(MEGABYTE - len(LINE))  # what follows a picture's end is ignored
        status, answer = await post(app, Pieces([padded, b""]), content_length=str(MEGABYTE))
        assert (status, answer[0]["text"]) == (200, "II")

    run(app, check)


def test_a_picture_in_single_bytes(app):
    async def check() -> None:
        _, answer = await post(app, Pieces([*(LINE[i : i + 1] for i in range(len(LINE))), b""]))
        assert answer[0]["text"] == "II"

    run(app, check)


def test_a_client_that_stops_sending_does_not_keep_its_place(app, monkeypatch):
    monkeypatch.setattr(limits, "_SECONDS_TO_SEND", 0.05)

    async def check() -> None:
        for _ in range(10):  # there are 8 places
            status, answer = await post(app, Pieces([LINE[:10]]))
            assert status == 408
            assert "did not arrive" in answer["error"]

    run(app, check)


def test_a_client_that_leaves_does_not_keep_its_place(app):
    async def check() -> None:
        for _ in range(10):
            assert await post(app, Pieces([LINE[:10]], lambda: asyncio.sleep(0))) == (0, None)
        status, _ = await post(app, Pieces([LINE, b""]))
        assert status == 200

    run(app, check)


def test_those_who_are_still_sending_keep_no_one_from_being_read(app):
    async def check() -> None:
        slow = [asyncio.create_task(post(app, Pieces([LINE[:10]]))) for _ in range(256)]  # there are 8 places
        await asyncio.sleep(0.05)
        for _ in range(10):
            status, answer = await post(app, Pieces([LINE, b""]))
            assert (status, answer[0]["text"]) == (200, "II")
        for task in slow:
            task.cancel()
        await asyncio.gather(*slow, return_exceptions=True)

    run(app, check)


def test_a_client_that_sends_too_slowly_is_cut_off(app, monkeypatch):
    monkeypatch.setattr(limits, "_SECONDS_OF_GRACE", 0.2)

    class Crumbs(Pieces):
        async def __call__(self) -> dict[str, Any]:
            await asyncio.sleep(0.02)
            return await super().__call__()

    async def check() -> None:
        crumbs = Crumbs([b"x"] * 1000)
        status, answer = await post(app, crumbs)
        assert status == 408
        assert "16 kB a second" in answer["error"]
        assert crumbs.taken < 20
        quick = Crumbs([LINE + bytes(50_000), *[bytes(1000)] * 50, b""])
        assert (await post(app, quick))[0] == 200

    run(app, check)


def test_what_arrived_takes_a_place_until_it_is_read(app):
    async def check() -> None:
        admissions = limits.RequestLimiter(1, 2)
        with admissions.admit() as first, admissions.admit() as second, admissions.admit() as third:
            admissions.take_place(first)
            admissions.take_place(second)
            with pytest.raises(HTTPException) as refused:
                admissions.take_place(third)
            assert refused.value.status_code == 503
        with admissions.admit() as again:
            admissions.take_place(again)

    run(app, check)


def test_room_is_given_in_turn_and_back():
    async def main() -> list[str]:
        room, order = limits.Room(10 << 20), []

        async def use(name: str, size: int) -> None:
            async with room.taken(size) as taken:
                order.append(name)
                await asyncio.sleep(0.01)
                await room.shrink(taken, size // 2)
                await asyncio.sleep(0.02)

        await asyncio.gather(use("all", 99 << 20), use("half", 5 << 20), use("most", 8 << 20))
        async with asyncio.timeout(1), room.taken(10 << 20):
            return order

    assert asyncio.run(main()) == ["all", "half", "most"]


def test_no_small_picture_overtakes_a_large_one():
    async def main() -> list[str]:
        room, order = limits.Room(10 << 20), []

        async def use(name: str, size: int) -> None:
            async with room.taken(size):
                order.append(name)
                await asyncio.sleep(0.01)

        await asyncio.gather(use("half", 5 << 20), use("all", 10 << 20), use("small", 1 << 20))
        return order

    assert asyncio.run(main()) == ["half", "all", "small"]


def test_documents_are_read_while_their_client_is_there_and_others_do_not_wait_forever(app, monkeypatch):
    async def endless(*_: Any, **__: Any) -> None:
        await asyncio.sleep(60)

    monkeypatch.setattr(documents.Documents, "_read", endless)
    monkeypatch.setattr(documents, "_SECONDS_TO_WAIT", 0.1)

    async def check() -> None:
        for _ in range(3):  # there are 2 places
            leaving = Pieces([LINE, b""], lambda: asyncio.sleep(0.02))
            assert await post(app, leaving, "format=json") == (0, None)
        staying = [asyncio.create_task(post(app, Pieces([LINE, b""]), "format=json")) for _ in range(2)]
        await asyncio.sleep(0.05)
        status, answer = await post(app, Pieces([LINE, b""]), "format=json")
        assert status == 503
        assert "Try again" in answer["error"]
        for task in staying:
            task.cancel()
        await asyncio.gather(*staying, return_exceptions=True)

    run(app, check)


def test_a_request_that_is_read_when_the_server_stops_is_answered(app, monkeypatch, caplog):
    caplog.set_level(logging.INFO, "text_recognizer.serving")

    async def endless(*_: Any, **__: Any) -> None:
        await asyncio.sleep(60)

    monkeypatch.setattr(documents.Documents, "_read", endless)

    async def check() -> None:
        reading = asyncio.create_task(post(app, Pieces([LINE, b""]), "format=json"))
        await asyncio.sleep(0.05)
        reading.cancel()  # as uvicorn does
        status, answer = await reading
        assert status == 503
        assert "The server stops" in answer["error"]

    run(app, check)
    (entry,) = [record for record in caplog.records if record.getMessage() == "request"]
    assert (entry.levelname, entry.fields["status"]) == ("INFO", 503)


def test_lines_are_read_while_pdfs_take_their_time(app, monkeypatch):
    slow = threading.Event()
    monkeypatch.setattr(documents, "_jpeg_of", lambda upload, number: slow.wait(60))

    async def check() -> None:
        waiting = [
            asyncio.create_task(post(app, Pieces([b"%PDF-", b""]), path="/v1/page")) for _ in range(usable_cores() + 3)
        ]
        await asyncio.sleep(0.1)
        async with asyncio.timeout(30):
            assert (await post(app, Pieces([LINE, b""])))[0] == 200
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting)
        slow.set()

    run(app, check)


def test_bytes_of_all_requests_together_are_limited(model, monkeypatch):
    monkeypatch.setattr(limits, "_MEGABYTES_OF_ALL", 2)
    app = create_app(Readers(str(model)), max_upload_mb=1)

    async def check() -> None:
        slow = [asyncio.create_task(post(app, Pieces([b"x" * (MEGABYTE - 1)]))) for _ in range(2)]
        await asyncio.sleep(0.05)
        status, answer = await post(app, Pieces([LINE, b""]))
        assert status == 503
        assert "Try again" in answer["error"]
        for task in slow:
            task.cancel()
        await asyncio.gather(*slow, return_exceptions=True)
        status, _ = await post(app, Pieces([LINE, b""]))
        assert status == 200

    run(app, check)


@pytest.mark.parametrize(
    "json_text",
    [
        "[" + "[]," * 100_000 + "0]",
        "[" + "{}," * 100_000 + "0]",
        "[" + ("[" * 900 + "]" * 900 + ",") * 100 + "0]",
        "[" + '{"":0},' * 100_000 + "0]",
        "[" + '"a\U0001f600",' * 100_000 + "0]",
    ],
    ids=["lists", "objects", "nested", "keys", "strings"],
)
def test_json_takes_no_more_room_than_is_kept_for_it(json_text):
    data = json_text.encode()
    tracemalloc.start()
    json.loads(data)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < len(data) * BYTES_OF_JSON


def test_much_json_is_parsed_one_after_another():
    parsing, most = set(), []

    def parse(body: bytes) -> None:
        parsing.add(body[:1])
        most.append(len(parsing))
        time.sleep(0.05)
        parsing.remove(body[:1])

    async def main() -> None:
        decoding = Decoding()
        await asyncio.gather(*(decoding.parsed(one * 16_000_000, parse) for one in (b"1", b"2")))
        decoding.close()

    asyncio.run(main())
    assert most == [1, 1]
