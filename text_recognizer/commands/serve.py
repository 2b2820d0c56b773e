"""``text-recognizer serve``: the page and the API, until it is told to stop."""

from __future__ import annotations

import errno
import ipaddress
import os
import signal
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import uvicorn
from uvicorn.supervisors import Multiprocess

from text_recognizer.errors import UsageError, UserError
from text_recognizer.labels.corrections import Corrections
from text_recognizer.processors import usable_cores
from text_recognizer.serving.connections import PatientProtocol
from text_recognizer.serving.limits import MAX_QUEUE, MAX_UPLOAD_MB, return_freed_memory
from text_recognizer.serving.log import LOGGING, log_what_libraries_print
from text_recognizer.serving.metrics import MULTIPROCESS_FOLDER
from text_recognizer.serving.readers import Readers
from text_recognizer.serving.security import ANY_ADDRESS, LOOPBACK_NAMES

if TYPE_CHECKING:
    from fastapi import FastAPI

_SECONDS_TO_FINISH = 30
_SECONDS_TO_ANSWER = 60  # a worker that starts on a busy machine: uvicorn ends it, and starts another, after this
_SECONDS_TO_KEEP = 75  # an idle connection: longer than proxies keep theirs, so that they close first


@dataclass(frozen=True)
class _MakeApp:
    """Makes the application, in each worker process its own."""

    model: str | None
    threads: int
    max_upload_mb: int
    max_queue: int
    allowed_hosts: tuple[str, ...]
    corrections: str | None

    def __call__(self) -> FastAPI:
        from text_recognizer.serving.app import create_app

        return_freed_memory()
        readers = Readers(self.model, self.threads)
        readers.get()  # so that a model that cannot be loaded is an error here
        return create_app(
            readers,
            max_upload_mb=self.max_upload_mb,
            max_queue=self.max_queue,
            allowed_hosts=self.allowed_hosts,
            corrections=Corrections(self.corrections) if self.corrections else None,
        )


@dataclass(frozen=True)
class _Worker:
    """Makes the application of a worker process."""

    make_app: _MakeApp

    def __call__(self) -> FastAPI:
        log_what_libraries_print()
        return self.make_app()


def serve(
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    workers: int = 1,
    max_upload_mb: int = MAX_UPLOAD_MB,
    max_queue: int = MAX_QUEUE,
    allowed_hosts: str | None = None,
    model: str | None = None,
    corrections: str | None = None,
) -> int:
    """Serve the page to write on and the API behind it.

    Args:
        host: Address to listen on; ``0.0.0.0`` means all addresses of this machine, for its network.
        port: Port to listen on; 0 chooses a free port.
        workers: Number of processes. Each has its own model and queue; they share the processors.
        max_upload_mb: Largest size of a request in megabytes.
        max_queue: Requests that a process reads or keeps waiting at the same time; it answers others with 503.
        allowed_hosts: Further host names that requests may use, separated by commas, such as that of a proxy; ``*``
            allows all. A server on a network always accepts its addresses and the name of this machine.
        model: An ONNX file made by ``text-recognizer export``; by default the model that ships with the package.
        corrections: Folder for the lines that people correct on the page or send to ``/v1/corrections``: pictures, each
            with a ``.gt.txt`` file, for ``finetune``. By default nothing is stored.

    Returns:
        0, once it was told to stop (Ctrl-C, SIGTERM) and has answered what it had accepted.

    Raises:
        UsageError: If a number is out of range.
        UserError: If it cannot listen there, the model cannot be loaded, or corrections cannot be kept there.
    """
    _check(port=(port, 0, 65535), workers=(workers, 1, 64), max_upload_mb=(max_upload_mb, 1, 1024))
    _check(max_queue=(max_queue, 1, 100_000))
    make_app = _MakeApp(
        model,
        max(1, usable_cores() // workers),
        max_upload_mb,
        max_queue,
        _allowed_hosts(host, allowed_hosts),
        corrections,
    )
    with _listening(host, port) as listener, _stopping_means_success():
        app: Any = make_app()
        if workers > 1:
            app = _Worker(make_app)  # that of this process only said what is wrong, if anything is
        config = uvicorn.Config(
            app,
            factory=workers > 1,
            workers=workers,
            log_config=LOGGING,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            http=PatientProtocol,
            ws="none",
            timeout_keep_alive=_SECONDS_TO_KEEP,
            timeout_graceful_shutdown=_SECONDS_TO_FINISH,
            timeout_worker_healthcheck=_SECONDS_TO_ANSWER,
        )
        print(f"Open {_address(host, listener)} (Ctrl-C stops)", flush=True)
        if corrections:
            print(f"Lines that are corrected are kept in {Path(corrections).resolve()}", flush=True)
        if workers == 1:
            log_what_libraries_print()
            uvicorn.Server(config).run(sockets=[listener])
        else:
            with _shared_metrics():
                Multiprocess(config, sockets=[listener]).run()
    return 0


def _check(**limits: tuple[int, int, int]) -> None:
    for name, (value, least, most) in limits.items():
        if not least <= value <= most:
            raise UsageError(f"{name} is {value}, but must be from {least} to {most}.")


@contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    """A socket that listens: who asks from now on is answered once the model is loaded."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
        family, kind, protocol, _, address = found[0]
    except (socket.gaierror, UnicodeError):
        raise UserError(f"host is {host!r}, which has no address. Try --host 127.0.0.1 or --host 0.0.0.0") from None
    with socket.socket(family, kind, protocol) as listener:  # asyncio sends without delay if it sees that it is TCP
        if os.name == "posix":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(address)
        except OSError as error:
            raise UserError(f"Cannot listen on {host}, port {port}: {_reason(error, port)}") from None
        listener.listen(2048)
        listener.set_inheritable(True)
        yield listener


def _reason(error: OSError, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"something else does. Stop it, or choose another port: --port {port + 1 if port < 65535 else 8000}"
    if error.errno == errno.EADDRNOTAVAIL:
        return "no address of this machine. Try --host 127.0.0.1 or --host 0.0.0.0"
    if error.errno in (errno.EACCES, errno.EPERM):
        return "not permitted. Ports below 1024 are the system's; try --port 8000"
    return f"{error.strerror or error}."


def _address(host: str, listener: socket.socket) -> str:
    """The address to open in a browser of this machine."""
    name = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)
    return f"http://{name}:{listener.getsockname()[1]}"


def _allowed_hosts(host: str, named: str | None) -> tuple[str, ...]:
    names = [name.strip() for name in (named or "").split(",") if name.strip()]
    if not _is_loopback(host):
        names += [ANY_ADDRESS, socket.gethostname(), socket.getfqdn(), f"{socket.gethostname()}.local", host]
    return (*LOOPBACK_NAMES, *dict.fromkeys(names))


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


@contextmanager
def _stopping_means_success() -> Iterator[None]:
    """Being told to stop ends the block; before the server runs at once, later when it has answered."""

    def stop(*_: object) -> None:
        raise SystemExit(0)

    previous = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


@contextmanager
def _shared_metrics() -> Iterator[None]:
    """A folder through which the worker processes add up what they count."""
    with tempfile.TemporaryDirectory(prefix="text-recognizer-") as folder:
        os.environ[MULTIPROCESS_FOLDER] = folder
        try:
            yield
        finally:
            del os.environ[MULTIPROCESS_FOLDER]
