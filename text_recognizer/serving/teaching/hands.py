"""The hands of a server: which there are, and the one that is being learned, in a process of its own."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from threading import Thread
from typing import IO, TYPE_CHECKING, Any

from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from text_recognizer.errors import MAX_SEED, TRAINING_MODULES, UserError, needs_training
from text_recognizer.files import why_not_written, write_text
from text_recognizer.hand.file import HandFile
from text_recognizer.hand.job import stop_file
from text_recognizer.hand.samples import Samples
from text_recognizer.hand.store import check_name, hand_names, hand_path, hands_folder, no_hand, remove_hand
from text_recognizer.serving.decoding import Limits
from text_recognizer.serving.schema import HANDS, LEARN, PROGRESS, REMOVE, STOP, Hand, Hands, Progress

if TYPE_CHECKING:
    from filelock import AcquireReturnProxy

JOB = (sys.executable, "-m", "text_recognizer.hand.job")
_INTERRUPTED = "Learning was interrupted. Start it again."
_LETTING_GO = 1.0
"""Seconds that the lock is waited for: whoever wrote the last word on a hand lets it go a moment later."""
_MOST_OF_A_FAILURE = 4000  # characters of what the job said, for the log
_log = logging.getLogger(__name__)


class Learning:
    """Learns one hand at a time. All processes of a server know of it.

    How far it is stands in a file among the hands, and while one is learned, a lock beside it is held: whatever ends
    the process that holds it, it is free again.
    """

    def __init__(self) -> None:
        self._job: subprocess.Popen[bytes] | None = None
        self._follower: Thread | None = None

    def start(self, name: str, written: dict[str, Any]) -> Progress:
        """Begin to learn the hand ``name`` from what :meth:`Samples.from_json` takes.

        Raises:
            HTTPException: 409 if one is being learned already.
            UserError: If the folder of hands cannot be written.
        """
        lock = _lock(_LETTING_GO)
        if lock is None:
            raise HTTPException(409, "A hand is being learned already. Wait until that is done, a few minutes.")
        progress = Progress(name=name, state="learning")
        try:
            stop_file().unlink(missing_ok=True)
            _write(progress)
            said = tempfile.TemporaryFile()  # noqa: SIM115 (its follower closes it)
            self._job = subprocess.Popen(
                [*JOB, name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said, bufsize=0
            )
        except BaseException:
            lock.lock.release()
            raise
        arguments = (self._job, progress, json.dumps(written).encode() + b"\n", said, lock)
        self._follower = Thread(target=_follow, args=arguments, name="learning", daemon=True)
        self._follower.start()
        return progress

    def last(self) -> Progress | None:
        """The hand that is being learned, or was learned last; None if there was none yet, or none can be learned."""
        progress = None if why_not() else _read()
        if progress and progress.state == "learning" and (lock := _lock()):
            with lock:  # nobody learns any more, and nobody begins now
                progress = _read() or progress
                if progress.state == "learning":
                    progress = progress.model_copy(update={"state": "failed", "error": _INTERRUPTED})
                    _write_if_possible(progress)
        return progress

    def stop(self, name: str) -> None:
        """End the learning of the hand ``name``, whichever process learns it; a hand of that name stays as it is.

        Raises:
            HTTPException: 404 if it is not being learned.
        """
        last = self.last()
        if not last or (last.name, last.state) != (name, "learning"):
            raise HTTPException(404, f"No hand {name!r} is being learned.")
        stop_file().touch()

    def close(self) -> None:
        """End what this process learns; a hand that is there stays as it is."""
        if self._job and self._follower:
            self._job.kill()
            self._follower.join()


def _follow(
    job: subprocess.Popen[bytes],
    progress: Progress,
    written: bytes,
    said: IO[bytes],
    lock: AcquireReturnProxy[Any],
) -> None:
    """Give the job what was written, and write down what it says, until it ends. Its input stays open for so long."""
    assert job.stdin
    assert job.stdout
    with said, lock, job:
        with suppress(BrokenPipeError):  # it ended at once; below is why
            job.stdin.write(written)
        for line in job.stdout:
            progress = _after(progress, json.loads(line))
            if progress.state == "learning":
                _write_if_possible(progress)
        job.wait()  # before its last word is written down: then the next may begin
        if progress.state == "learning":
            error = _INTERRUPTED if job.returncode < 0 else "Learning failed. The server's log says why."
            progress = progress.model_copy(update={"state": "failed", "error": error})
            said.seek(0)
            reason = said.read().decode(errors="replace")[-_MOST_OF_A_FAILURE:]
            _log.error("learning", extra={"fields": {"code": job.returncode, "error": reason}})
        _write_if_possible(progress)


def _after(progress: Progress, event: dict[str, Any]) -> Progress:
    """Progress after what the job said (:mod:`text_recognizer.hand.job`)."""
    if "error" in event:
        return progress.model_copy(update={"state": "failed", **event})
    if "before" in event:
        return progress.model_copy(update={"state": "learned", "done": 1.0, "seconds_left": 0, **event})
    return progress.model_copy(update=event)


def _progress_file() -> Path:
    return hands_folder() / "learning.json"


def _write(progress: Progress) -> None:
    try:
        write_text(_progress_file(), progress.model_dump_json())
    except UserError as error:
        raise UserError(f"The folder of hands cannot be written ({why_not_written(error)}).") from error


def _write_if_possible(progress: Progress) -> None:
    """Write progress down, but do nothing about it where that fails: learning and all hands go on without."""
    with suppress(UserError):
        _write(progress)


def _read() -> Progress | None:
    with suppress(OSError, ValueError):
        return Progress.model_validate_json(_progress_file().read_bytes())
    return None


def _lock(seconds: float = 0) -> AcquireReturnProxy[Any] | None:
    """The lock, held; None if another holds it for so many seconds."""
    from filelock import FileLock, Timeout

    try:
        hands_folder().mkdir(mode=0o700, parents=True, exist_ok=True)
        return FileLock(_progress_file().with_suffix(".lock"), thread_local=False).acquire(seconds)
    except Timeout:
        return None
    except OSError as error:
        raise UserError(f"The folder of hands cannot be written ({error.strerror or error}).") from None


def why_not() -> str | None:
    """Why no hand can be learned on this machine; None if one can."""
    missing = next((module for module in TRAINING_MODULES if find_spec(module) is None), None)
    return needs_training("Learning a hand", missing) if missing else None


@contextmanager
def named(name: str) -> Iterator[Path]:
    """The file of a hand, and errors about it without where it lies on this machine.

    Raises:
        HTTPException: 404 if there is no such hand, or it is deleted meanwhile.
    """
    try:
        file = hand_path(name)
    except UserError as error:
        raise HTTPException(404, str(error)) from None
    try:
        yield file
    except (UserError, FileNotFoundError) as error:
        if not file.is_file():
            raise HTTPException(404, str(no_hand(name))) from None
        raise UserError(str(error).replace(str(file), f"the hand {name!r}")) from None


def _hands() -> list[Hand]:
    hands = []
    for name in hand_names():
        with suppress(HTTPException):  # deleted meanwhile
            hands.append(_hand(name))
    return hands


def _hand(name: str) -> Hand:
    with named(name) as file:
        learned = datetime.fromtimestamp(file.stat().st_mtime, UTC).isoformat(timespec="seconds")
    try:
        with named(name) as file:
            figures = HandFile.read(file).figures
    except UserError as error:
        return Hand(name=name, learned=learned, error=str(error))
    return Hand(name=name, learned=learned, before=figures.before, after=figures.after)


def _checked(data: bytes) -> dict[str, Any]:
    """What was sent, if a hand can be learned from it.

    Raises:
        UserError: If not.
    """
    try:
        written: dict[str, Any] = json.loads(data)
    except (ValueError, RecursionError):
        raise UserError("The body is not JSON.") from None
    Samples.from_json(written).check()
    seed = written.get("seed", 0)
    if not isinstance(seed, int) or not 0 <= seed <= MAX_SEED:
        raise UserError(f"seed is {seed!r}, but must be a whole number from 0 to {MAX_SEED}.")
    return written


def add_hands(app: FastAPI, limits: Limits, learning: Learning) -> None:
    """Add the routes of hands.

    Args:
        app: Gets them.
        limits: Limit what is sent.
        learning: Learns.
    """

    @app.get("/v1/hands", **HANDS)
    def hands() -> Hands:
        last = learning.last()
        return Hands(
            hands=_hands(),
            learning=last.name if last and last.state == "learning" else None,
            cannot_learn=why_not(),
        )

    @app.post("/v1/hands/{name}", **LEARN)
    async def learn(request: Request, name: str) -> Response:
        check_name(name)
        if reason := why_not():
            raise HTTPException(501, reason)
        with limits.limiter.admit() as admission:
            written = await limits.decoding.parsed(await admission.json(request), _checked)
        progress = await run_in_threadpool(learning.start, name, written)
        return JSONResponse(progress.model_dump(), 202)

    @app.get("/v1/hands/{name}/learning", **PROGRESS)
    def progress(name: str) -> Progress:
        last = learning.last()
        if not last or last.name != name:
            raise HTTPException(404, f"No hand {name!r} is being learned, or was learned last.")
        return last

    @app.delete("/v1/hands/{name}/learning", **STOP)
    def stop(name: str) -> Response:
        learning.stop(name)
        return Response(status_code=204)

    @app.delete("/v1/hands/{name}", **REMOVE)
    def remove(name: str) -> Response:
        with named(name):
            remove_hand(name)
        return Response(status_code=204)
