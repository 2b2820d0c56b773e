"""``text-recognizer hand remove``: delete a hand."""

from __future__ import annotations

from text_recognizer.hand.store import remove_hand


def remove(name: str) -> None:
    """Delete a hand.

    Args:
        name: The hand.

    Raises:
        UserError: If there is no such hand.
    """
    remove_hand(name)
    print(f"{name} is removed.")
