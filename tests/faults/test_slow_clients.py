"""Clients that send slowly, or nothing, keep no one from being read."""

from __future__ import annotations

import socket
import statistics
import time
import urllib.request

import pytest
from reading_tools import bars
from serving_tools import Server, png, serving

LINE = png(bars([20, 60]))
HEAD = b"POST /v1/read HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n"


def read(server: Server) -> int:
    request = urllib.request.Request(f"{server.address}/v1/read", LINE, {"Content-Type": "image/png"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return answer.status


def rate(server: Server, seconds: float) -> float:
    """Pictures read in a second, one after the other."""
    count, start = 0, time.monotonic()
    while time.monotonic() - start < seconds:
        assert read(server) == 200
        count += 1
    return count / (time.monotonic() - start)


def slow_clients(server: Server, count: int) -> list[socket.socket]:
    """A third has sent nothing, a third half of the head, a third the head and some of the body."""
    clients = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(count)]
    for number, client in enumerate(clients):
        client.sendall((b"", HEAD, HEAD + b"\r\n" + LINE[:50])[number % 3])
    return clients


def test_slow_clients_hold_no_place(model):
    with serving(f"--model={model}", "--max_queue=4") as server:
        clients = slow_clients(server, 60)
        for _ in range(5):
            assert read(server) == 200
        for client in clients:
            client.close()


def rates_with_and_without(server: Server, count: int, rounds: int, seconds: float) -> list[float]:
    """Of each round, the rate among slow clients by the rate right before: what else the machine does cancels out."""
    ratios = []
    rate(server, seconds)
    for _ in range(rounds):
        alone = rate(server, seconds)
        clients = slow_clients(server, count)
        ratios.append(rate(server, seconds) / alone)
        for client in clients:
            client.close()
        time.sleep(1)  # the server sees that they have gone
    return ratios


@pytest.mark.drill
def test_256_slow_clients_cost_less_than_a_fifth_of_the_rate(model):
    with serving(f"--model={model}") as server:
        ratios = rates_with_and_without(server, 256, rounds=9, seconds=3)
    print(f"among 256 slow clients, of the rate without: {[round(one, 2) for one in ratios]}")
    assert statistics.median(ratios) > 0.8
