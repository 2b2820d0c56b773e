"""Lines of many requests read together: a queue, and one thread that reads whatever waits in it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from itertools import islice
from threading import Condition, Thread
from typing import NamedTuple

from text_recognizer.errors import UserError
from text_recognizer.imaging.normalization import NormalizedLine
from text_recognizer.reading.recognizer import Reading, TextRecognizer
from text_recognizer.serving.metrics import Metrics

_BATCH_LINES = 32


class _Job(NamedTuple):
    recognizer: TextRecognizer
    lines: Sequence[NormalizedLine | None]
    future: Future[list[Reading | UserError]]


class Batcher:
    """Reads lines in batches. A lone request is read at once; what comes in meanwhile makes up the next batch.

    Args:
        metrics: Counts lines that wait and lines read together.
    """

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._jobs: deque[_Job] = deque()
        self._changed = Condition()
        self._closed = False
        self._thread = Thread(target=self._work, name="batches", daemon=True)

    def start(self) -> None:
        """Start the thread that reads."""
        self._thread.start()

    def close(self) -> None:
        """Read what waits, then end the thread."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()

    @property
    def alive(self) -> bool:
        """Whether lines are being read."""
        return self._thread.is_alive()

    async def read(
        self, recognizer: TextRecognizer, lines: Sequence[NormalizedLine | None]
    ) -> list[Reading | UserError]:
        """Read the lines of one request, together with those of others; each its reading, or what is wrong."""
        job = _Job(recognizer, lines, Future())
        with self._changed:
            self._jobs.append(job)
            self._metrics.queue_lines.inc(len(lines))
            self._changed.notify()
        return await asyncio.wrap_future(job.future)

    def _work(self) -> None:
        while jobs := self._next_jobs():
            lines = [line for job in jobs for line in job.lines]
            self._metrics.batch_lines.observe(len(lines))
            try:
                readings = iter(jobs[0].recognizer.read_normalized(lines))
            except Exception as error:  # whatever it is, the requests get it and the next batch is read
                for job in jobs:
                    job.future.set_exception(error)
            else:
                for job in jobs:
                    job.future.set_result(list(islice(readings, len(job.lines))))

    def _next_jobs(self) -> list[_Job]:
        """The jobs of the next batch, in the order they came, all for one recognizer; none when closed and done."""
        jobs: list[_Job] = []
        with self._changed:
            while not jobs and self._changed.wait_for(lambda: self._jobs or self._closed) and self._jobs:
                while self._jobs and self._fits(jobs):
                    job = self._jobs.popleft()
                    self._metrics.queue_lines.dec(len(job.lines))
                    if job.future.set_running_or_notify_cancel():  # its request was not given up
                        jobs.append(job)
        return jobs

    def _fits(self, jobs: list[_Job]) -> bool:
        if not jobs:
            return True
        return self._jobs[0].recognizer is jobs[0].recognizer and sum(len(job.lines) for job in jobs) < _BATCH_LINES
