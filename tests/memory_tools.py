"""What is promised of memory, and how Linux tells the most that a process had."""

from __future__ import annotations

from pathlib import Path

MOST_MB = 1000
"""What docs/serving.md promises of the requests of a server."""
CLEAR = Path("/proc/self/clear_refs")
"""Takes a 5 to forget the most that there was."""


def peak_mb() -> int:
    """The most memory that this process had."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) >> 10
