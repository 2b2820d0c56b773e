import asyncio
from concurrent.futures import ThreadPoolExecutor
from threading import Event, current_thread

import numpy as np
import pytest
from fastapi.testclient import TestClient
from reading_tools import bars, draw
from serving_tools import OneReader, png

from text_recognizer.imaging.normalization import NormalizedLine
from text_recognizer.reading.recognizer import TextRecognizer
from text_recognizer.serving import batching
from text_recognizer.serving.app import create_app
from text_recognizer.serving.batching import Batcher, Spent
from text_recognizer.serving.metrics import Metrics


class Gate:
    """A recognizer that waits for the test, and notes how many lines it got at once."""

    def __init__(self, recognizer: TextRecognizer) -> None:
        self._recognizer = recognizer
        self.entered, self.open, self.fails = Event(), Event(), False
        self.sizes: list[int] = []

    def read(self, picture):
        return self._recognizer.read(picture)

    def lines(self, picture, *, split):
        return self._recognizer.lines(picture, split=split)

    def read_normalized(self, lines):
        self.sizes.append(len(lines))
        self.entered.set()
        assert self.open.wait(30)
        if self.fails:
            raise RuntimeError("a fault of the test")
        return self._recognizer.read_normalized(lines)


@pytest.fixture
def gate(model):
    return Gate(TextRecognizer(model))


def ask(client: TestClient, count: int = 1):
    return client.post("/v1/read", content=png(bars([20 + 25 * place for place in range(count)])))


def wait_for(client: TestClient, name: str, value: float) -> None:
    for _ in range(1000):
        if f"{name} {value}" in client.get("/metrics").text:
            return
    raise AssertionError(client.get("/metrics").text)


def test_what_comes_meanwhile_is_read_together(gate):
    with TestClient(create_app(OneReader(gate)), base_url="http://localhost") as client, ThreadPoolExecutor(20) as pool:
        first = pool.submit(ask, client, 1)
        assert gate.entered.wait(30)
        others = [pool.submit(ask, client, count % 6) for count in range(1, 10)]
        wait_for(client, "text_recognizer_queue_lines", 9.0)
        gate.open.set()
        texts = [future.result().json()[0]["text"] for future in [first, *others]]
        assert texts == ["I" * (count % 6) for count in [1, *range(1, 10)]]
    assert gate.sizes == [1, 9]


def test_a_page_of_many_lines_takes_turns_with_others(gate):
    batcher = Batcher(Metrics())
    batcher.start()

    async def ask() -> list[str]:
        ended: list[str] = []

        async def read(name: str, count: int) -> None:
            assert len(await batcher.read(gate, [None] * count)) == count
            ended.append(name)

        long = asyncio.create_task(read("long", 100))
        await asyncio.to_thread(gate.entered.wait, 30)
        short = asyncio.create_task(read("short", 3))
        await asyncio.sleep(0)
        gate.open.set()
        await asyncio.gather(long, short)
        return ended

    assert asyncio.run(ask()) == ["short", "long"]
    assert gate.sizes == [32, 32, 32, 7]
    batcher.close()


def test_a_picture_that_takes_too_long_is_refused_and_the_next_is_read(gate, monkeypatch):
    monkeypatch.setattr(batching, "MOST_SECONDS", 0.0)
    gate.open.set()
    metrics = Metrics()
    batcher = Batcher(metrics)
    batcher.start()
    line = NormalizedLine(np.zeros((40, 50), np.uint8), 1.0, 0.0)
    results = asyncio.run(batcher.read(gate, [line] * 100))
    assert len(results) == 33
    assert "takes more than 0 seconds to read. Cut it into parts." in str(results[-1])
    assert gate.sizes == [32]
    assert len(asyncio.run(batcher.read(gate, [line] * 32))) == 32
    assert b"text_recognizer_queue_lines 0.0" in metrics.text()
    batcher.close()


def test_lines_of_a_picture_that_are_read_later_have_what_time_is_left(gate, monkeypatch):
    monkeypatch.setattr(batching, "MOST_SECONDS", 3600.0)
    gate.open.set()
    batcher = Batcher(Metrics())
    batcher.start()
    line = NormalizedLine(np.zeros((40, 50), np.uint8), 1.0, 0.0)
    spent = Spent()
    assert len(asyncio.run(batcher.read(gate, [line] * 40, spent))) == 40
    assert 0 < spent.seconds < 3600
    spent.seconds = 3600.0
    assert "takes more than 3600 seconds" in str(asyncio.run(batcher.read(gate, [line] * 40, spent))[-1])
    batcher.close()


class Noting(TextRecognizer):
    """A recognizer that notes which threads read."""

    def read_normalized(self, lines):
        self.threads = {*getattr(self, "threads", ()), current_thread().name}
        return super().read_normalized(lines)


def test_a_page_is_turned_and_read_by_the_thread_that_reads():
    recognizer = Noting()
    line = draw("It is a truth universally", 0.9, 2, 60)
    page = np.pad(np.vstack([line] * 3), 30, constant_values=255)
    with TestClient(create_app(OneReader(recognizer)), base_url="http://localhost") as client:
        recognizer.threads = set()
        picture = png(np.ascontiguousarray(np.rot90(page)))
        [read] = client.post("/v1/read?format=json", content=picture).json()["pages"]
    assert (read["turned"], read["text"].lower().split("\n")) == (90, ["it is a truth universally"] * 3)
    assert recognizer.threads == {"batches"}


def test_a_full_queue_refuses_at_once_and_recovers(gate):
    app = create_app(OneReader(gate), max_queue=3)
    with TestClient(app, base_url="http://localhost") as client, ThreadPoolExecutor(4) as pool:
        waiting = [pool.submit(ask, client)]
        assert gate.entered.wait(30)
        waiting += [pool.submit(ask, client) for _ in range(2)]
        wait_for(client, "text_recognizer_queue_lines", 2.0)
        refused = ask(client)
        assert (refused.status_code, refused.headers["Retry-After"]) == (503, "1")
        assert "Try again" in refused.json()["error"]
        assert client.get("/health").status_code == 200
        gate.open.set()
        assert [future.result().status_code for future in waiting] == [200] * 3
        assert ask(client).status_code == 200


def test_a_batch_that_fails_is_an_error_of_its_requests_alone(gate, caplog):
    gate.fails = True
    gate.open.set()
    with TestClient(create_app(OneReader(gate)), base_url="http://localhost") as client:
        answer = ask(client)
        assert (answer.status_code, answer.json()) == (500, {"error": "The server failed. Its log says why."})
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        gate.fails = False
        assert ask(client).status_code == 200


def test_health_fails_when_nothing_reads_any_more(model):
    client = TestClient(create_app(OneReader(TextRecognizer(model))), base_url="http://localhost")
    assert client.get("/health").status_code == 503  # it was never started
