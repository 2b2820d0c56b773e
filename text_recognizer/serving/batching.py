"""Lines of many requests read together: a queue, and one thread that reads whatever waits in it."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from itertools import islice
from threading import Condition, Thread

from text_recognizer.errors import UserError
from text_recognizer.imaging.normalization import NormalizedLine
from text_recognizer.reading.recognizer import Reading, TextRecognizer
from text_recognizer.serving.metrics import Metrics

_BATCH_LINES = 32
MOST_SECONDS = 60.0
"""Of reading, for one picture."""


@dataclass
class Spent:
    """Seconds that reading a picture has taken."""

    seconds: float = 0.0


@dataclass(eq=False)
class _Job:
    """The lines of a picture, some of which may have been read.

    Attributes:
        spent: On the picture.
        results: Of the lines that were read, in order.
    """

    recognizer: TextRecognizer
    lines: Sequence[NormalizedLine | None]
    spent: Spent
    future: Future[list[Reading | UserError]] = field(default_factory=Future)
    results: list[Reading | UserError] = field(default_factory=list)

    def left(self, most: int | None = None) -> Sequence[NormalizedLine | None]:
        """The lines still to be read, or ``most`` of them."""
        return self.lines[len(self.results) :][:most]

    def end(self) -> None:
        """Give the results, if somebody still waits for them."""
        if self.future.set_running_or_notify_cancel():
            self.future.set_result(self.results)

    def fail(self, error: Exception) -> None:
        """Give what went wrong, if somebody still waits."""
        if self.future.set_running_or_notify_cancel():
            self.future.set_exception(error)


def _columns(lines: Sequence[NormalizedLine | None]) -> int:
    return sum(line.image.shape[1] for line in lines if line)


_Turn = tuple[_Job, Sequence[NormalizedLine | None]]
"""A job, and which of its lines are read now."""


class Batcher:
    """Reads lines in batches. A lone request is read at once; what comes in meanwhile makes up the next batch.

    Pictures of many lines take turns with all others, and have ``MOST_SECONDS`` of reading each.

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
        self, recognizer: TextRecognizer, lines: Sequence[NormalizedLine | None], spent: Spent | None = None
    ) -> list[Reading | UserError]:
        """Read lines of one picture, together with those of others; each its reading, or what is wrong.

        Args:
            recognizer: Reads them.
            lines: To read; None is blank paper.
            spent: On other lines of the picture; by default nothing.
        """
        job = _Job(recognizer, lines, spent or Spent())
        with self._changed:
            self._jobs.append(job)
            self._metrics.queue_lines.inc(len(lines))
            self._changed.notify()
        return await asyncio.wrap_future(job.future)

    def _work(self) -> None:
        while turns := self._next_turns():
            lines = [line for _, part in turns for line in part]
            self._metrics.batch_lines.observe(len(lines))
            started = time.monotonic()
            try:
                readings = iter(turns[0][0].recognizer.read_normalized(lines))
            except Exception as error:  # whatever it is, the requests get it and the next batch is read
                for job, part in turns:
                    self._leave(job, besides=len(part))
                    job.fail(error)
            else:
                pace = (time.monotonic() - started) / max(1, _columns(lines))
                for job, part in turns:
                    job.results += islice(readings, len(part))
                    job.spent.seconds += pace * _columns(part)
                    self._end_or_go_on(job)

    def _end_or_go_on(self, job: _Job) -> None:
        """A job whose lines are all read ends; another waits for its next turn behind all that came meanwhile."""
        if job.left() and job.spent.seconds > MOST_SECONDS:
            self._leave(job)
            job.results.append(UserError(f"takes more than {MOST_SECONDS:.0f} seconds to read. Cut it into parts."))
            job.end()
        elif job.left():
            with self._changed:
                self._jobs.append(job)
        else:
            job.end()

    def _leave(self, job: _Job, besides: int = 0) -> None:
        """Lines of a job that nobody will read wait no more; those ``besides`` are counted already."""
        self._metrics.queue_lines.dec(len(job.left()) - besides)

    def _next_turns(self) -> list[_Turn]:
        """The next batch, all for one recognizer: of each job what there is room for; none when closed and done."""
        turns: list[_Turn] = []
        with self._changed:
            while not turns and self._changed.wait_for(lambda: self._jobs or self._closed) and self._jobs:
                room, recognizer = _BATCH_LINES, self._jobs[0].recognizer
                while self._jobs and room and self._jobs[0].recognizer is recognizer:
                    job = self._jobs.popleft()
                    if job.future.cancelled():  # its request was given up
                        self._leave(job)
                        continue
                    turns.append((job, job.left(room)))
                    room -= len(turns[-1][1])
                    self._metrics.queue_lines.dec(len(turns[-1][1]))
        return turns
