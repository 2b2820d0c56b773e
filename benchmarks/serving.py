"""Loads the server on this machine's loopback: ``python benchmarks/serving.py``.

Clients send pictures of composed lines as fast as they are answered, over one connection each, to the server that
ships and to ``plain_server.py``, which reads each request alone. Then the server's memory is watched while it answers
``--requests`` more. The clients run on the same processors.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count, cycle
from pathlib import Path
from typing import Any

import aiohttp
from report import machine, write

from text_recognizer.command_line import run_safely
from text_recognizer.commands.lines import lines
from text_recognizer.errors import UserError

COMMAND = [sys.executable, "-c", "import sys; from text_recognizer.cli import main; sys.exit(main())"]
DEFAULT = "text-recognizer serve"
SERVERS = {
    "plain, each request alone": [sys.executable, str(Path(__file__).with_name("plain_server.py"))],
    "text-recognizer serve --workers=2": [*COMMAND, "serve", "--workers=2", "--port"],
    DEFAULT: [*COMMAND, "serve", "--port"],
}
WARM_UP = 50
MEMORY_CLIENTS = 16


@dataclass
class Load:
    """What clients saw: milliseconds of each request that was answered well, how many were not, seconds in all."""

    milliseconds: list[float] = field(default_factory=list)
    failed: int = 0
    seconds: float = 0.0

    def figures(self) -> dict[str, float]:
        percentiles = statistics.quantiles(self.milliseconds, n=100, method="inclusive")
        return {
            "readings_per_second": round(len(self.milliseconds) / self.seconds, 1),
            "p50_ms": round(percentiles[49], 1),
            "p99_ms": round(percentiles[98], 1),
            "failed": self.failed,
        }


def composed_pictures(number: int) -> list[bytes]:
    """Lines of built-in characters and texts as a hand writes them, PNG files."""
    with tempfile.TemporaryDirectory() as folder:
        lines(out=folder, count=number, layout="handwriting")
        return [file.read_bytes() for file in sorted(Path(folder).glob("*.png"))]


@contextmanager
def running(command: list[str]) -> Iterator[tuple[str, int]]:
    """The address and process of a server, once it answers."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen([*command, str(port)], stdout=subprocess.DEVNULL, stderr=log)
        try:
            wait_for(port, process)
            yield f"http://127.0.0.1:{port}/v1/read", process.pid
        finally:
            process.terminate()
            process.wait(60)


def wait_for(port: int, process: subprocess.Popen[bytes], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except ConnectionRefusedError:
            time.sleep(0.05)
    raise UserError(f"{' '.join(map(str, process.args))}: does not answer.")  # type: ignore[arg-type]


async def load(
    address: str, pictures: list[bytes], clients: int, *, requests: int | None = None, seconds: float = float("inf")
) -> Load:
    """Send pictures from so many clients until so many requests were sent, or so many seconds have passed."""
    seen, numbers, turn = Load(), count(), cycle(pictures)
    start = time.perf_counter()

    def more() -> bool:
        return time.perf_counter() - start < seconds and (requests is None or next(numbers) < requests)

    async def client(session: aiohttp.ClientSession) -> None:
        while more():
            sent = time.perf_counter()
            async with session.post(address, data=next(turn)) as answer:
                body = await answer.json()
            if answer.status == 200 and "text" in body[0]:
                seen.milliseconds.append((time.perf_counter() - sent) * 1000)
            else:
                seen.failed += 1

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=clients)) as session:
        await asyncio.gather(*(client(session) for _ in range(clients)))
    seen.seconds = time.perf_counter() - start
    return seen


def megabytes(process: int) -> float:
    """Memory that a process holds (resident set size)."""
    pages = int(Path(f"/proc/{process}/statm").read_text(encoding="ascii").split()[1])
    return round(pages * os.sysconf("SC_PAGE_SIZE") / 1e6, 1)


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    pictures = composed_pictures(arguments.lines)
    loads = {}
    for name, command in SERVERS.items():
        with running(command) as (address, _):
            asyncio.run(load(address, pictures, 4, requests=WARM_UP))
            loads[name] = {
                clients: asyncio.run(load(address, pictures, clients, seconds=arguments.seconds)).figures()
                for clients in arguments.clients
            }
    with running(SERVERS[DEFAULT]) as (address, process):
        held = memory(address, process, pictures, arguments.requests)
    return {"machine": machine(), "lines": arguments.lines, "load": loads, "memory": held}


def memory(address: str, process: int, pictures: list[bytes], requests: int) -> dict[str, Any]:
    """MB held once warmed up, halfway and at the end of so many requests."""
    asyncio.run(load(address, pictures, MEMORY_CLIENTS, requests=requests // 10))
    seen, failed = [megabytes(process)], 0
    for _ in range(2):
        failed += asyncio.run(load(address, pictures, MEMORY_CLIENTS, requests=requests // 2)).failed
        seen.append(megabytes(process))
    return {"requests": requests, "clients": MEMORY_CLIENTS, "failed": failed, "mb": seen}


def table(figures: dict[str, Any]) -> str:
    rows = [
        f"| {name} | {clients} | {one['readings_per_second']:.0f} | {one['p50_ms']:.0f} | {one['p99_ms']:.0f} "
        f"| {one['failed']} |"
        for name, loads in figures["load"].items()
        for clients, one in loads.items()
    ]
    seen = figures["memory"]
    held = ", ".join(f"{value:.0f}" for value in seen["mb"])
    return "\n".join(
        [
            "| server | clients | readings/s | p50, ms | p99, ms | failed |",
            "| --- | ---: | ---: | ---: | ---: | ---: |",
            *rows,
            "",
            f"Memory before, halfway through and after {seen['requests']:,} more requests by {seen['clients']} "
            f"clients: {held} MB; {seen['failed']} of these requests failed. "
            f"Pictures: {figures['lines']} composed lines of built-in characters and texts. "
            f"Machine: {figures['machine']}.",
        ]
    )


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of the table")
    parser.add_argument("--write", type=Path, metavar="FILE", help="put the table into this file, between its marks")
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 16, 128])
    parser.add_argument("--seconds", type=float, default=20, help="seconds of load for each number of clients")
    parser.add_argument("--requests", type=int, default=10_000, help="requests while memory is watched")
    parser.add_argument("--lines", type=int, default=64, help="pictures that the clients send in turn")
    arguments = parser.parse_args(argv)
    figures = measure(arguments)
    if arguments.write:
        write(arguments.write, table(figures), "serving")
    print(json.dumps(figures, indent=2) if arguments.json else table(figures))


if __name__ == "__main__":
    sys.exit(run_safely(main))
