"""``text-recognizer hand export``: write a hand to a file."""

from __future__ import annotations

from pathlib import Path

from text_recognizer.files import check_nothing_is_lost, replacing
from text_recognizer.hand.file import SUFFIX, HandFile
from text_recognizer.hand.store import hand_path


def export(name: str, *, out: str | None = None) -> None:
    """Write a hand to a file, for another machine. Anyone who has the file can see the handwriting.

    Args:
        name: The hand.
        out: The file to write; by default NAME.hand.

    Raises:
        UsageError: If NAME.hand is there already and holds another hand.
        UserError: If there is no such hand, it is damaged, or the file cannot be written.
    """
    target = Path(out or f"{name}{SUFFIX}")
    content = HandFile.read(hand_path(name)).to_bytes()
    if out is None:
        check_nothing_is_lost(target, content)
    with replacing(target) as temporary:
        temporary.touch(0o600)
        temporary.write_bytes(content)
    print(f"{target}: the hand {name!r}. Elsewhere: text-recognizer hand import {target.name}")
