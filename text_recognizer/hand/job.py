"""Learning in a process of its own, for a server: ``python -m text_recognizer.hand.job NAME``.

Takes what was written as a line of JSON on standard input (see :meth:`Samples.from_json`), with ``"seed"`` beside it,
and says on standard output how far it is, one JSON object a line: ``phase``, ``done`` (0 to 1) and ``seconds_left`` (or
null); last ``before`` and ``after``, or ``error``. The hand is saved when it is learned. Standard input stays open all
the time: when it ends, whoever wanted the hand is gone, and so does the learning. It also ends when there is a
:func:`stop_file`, which any process may make.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from threading import Event, Thread
from typing import Any

from text_recognizer.errors import UserError
from text_recognizer.files import why_not_written
from text_recognizer.hand.samples import Samples
from text_recognizer.hand.store import check_name, hands_folder, save_hand

STOPPED = "Learning was stopped."

_NICENESS = 10
"""What is read meanwhile goes first."""
_ESTIMATED_FROM = 0.1
"""Share of the work that must be done before the rest is estimated by it."""
_STOP_CHECKED = 0.2
"""Seconds between two looks for the stop file."""


def stop_file() -> Path:
    """While it is there, no hand is learned."""
    return hands_folder() / "learning.stop"


def main(name: str) -> int:
    """Learn the hand ``name``; returns the exit code."""
    if hasattr(os, "nice"):
        os.nice(_NICENESS)
    try:
        check_name(name)
        written = json.loads(sys.stdin.readline())
        learned = Event()
        Thread(target=_end_with_input, daemon=True).start()
        Thread(target=_end_when_stopped, args=(learned,), daemon=True).start()
        samples = Samples.from_json(written)
        _say(phase="getting ready", done=0.0, seconds_left=None)
        from text_recognizer.hand.learning import learn  # takes seconds, of which the page is told before

        started = time.monotonic()

        def report(phase: str, done: float) -> None:
            elapsed = time.monotonic() - started
            left = round(elapsed * (1 - done) / done) if done > _ESTIMATED_FROM else None
            _say(phase=phase, done=round(done, 3), seconds_left=left)

        hand = learn(samples, written.get("seed", 0), report)
        learned.set()
        _save(name, hand.to_bytes())
    except UserError as error:
        _say(error=str(error))
        return error.exit_code
    _say(before=hand.figures.before, after=hand.figures.after)
    return 0


def _save(name: str, hand: bytes) -> None:
    try:
        save_hand(name, hand)
    except UserError as error:
        raise UserError(f"The hand was learned, but cannot be saved ({why_not_written(error)}).") from error


def _end_with_input() -> None:
    while os.read(sys.stdin.fileno(), 1):
        pass
    os._exit(1)


def _end_when_stopped(learned: Event) -> None:
    while not learned.wait(_STOP_CHECKED):
        if stop_file().exists():
            _say(error=STOPPED)
            os._exit(1)


def _say(**event: Any) -> None:
    print(json.dumps(event), flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
