"""What tests of Ray share."""

from __future__ import annotations

from pathlib import Path


def processes(name: str) -> list[int]:
    """Processes of Ray by what they do."""
    found = Path("/proc").glob("[0-9]*/cmdline")
    return [int(path.parent.name) for path in found if path.exists() and name.encode() in path.read_bytes()]


def descendants(pid: int) -> set[int]:
    """The processes that a process has started, and those that these have."""
    lists = [path.read_text().split() for path in Path(f"/proc/{pid}/task").glob("*/children")]
    children = {int(child) for some in lists for child in some}
    return children.union(*map(descendants, children))
