"""``text-recognizer hand import``: take in a hand file."""

from __future__ import annotations

from pathlib import Path

from text_recognizer.hand.store import import_hand


def import_(file: str, *, name: str | None = None) -> None:
    """Add a hand from a file.

    Args:
        file: A file that ``text-recognizer hand export`` wrote.
        name: What to call the hand; by default the file's name without its suffix.

    Raises:
        UsageError: If no hand can have that name.
        UserError: If there is such a hand already, or the file is damaged or holds what it may not.
    """
    name = Path(file).stem if name is None else name
    import_hand(Path(file), name)
    print(f"Read with it: text-recognizer read --hand {name} PICTURE")
