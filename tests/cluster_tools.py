"""What tests of Ray share."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


def processes(name: str) -> list[int]:
    """Processes of Ray by what they do."""
    found = Path("/proc").glob("[0-9]*/cmdline")
    return [int(path.parent.name) for path in found if path.exists() and name.encode() in path.read_bytes()]


def wait_for(what: Callable[[], object], seconds: float, process: subprocess.Popen[Any] | None = None) -> None:
    """Wait until something is so, for so long at most; a process, if given, must run meanwhile."""
    deadline = time.monotonic() + seconds
    while not what():
        assert process is None or process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)


def descendants(pid: int) -> set[int]:
    """The processes that a process has started, and those that these have."""
    lists = [path.read_text().split() for path in Path(f"/proc/{pid}/task").glob("*/children")]
    children = {int(child) for some in lists for child in some}
    return children.union(*map(descendants, children))
