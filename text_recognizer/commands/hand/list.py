"""``text-recognizer hand list``: list the hands."""

from __future__ import annotations

import sys

from text_recognizer.errors import UserError
from text_recognizer.hand.file import HandFile
from text_recognizer.hand.store import hand_names, hand_path


def list_hands() -> int:
    """List the hands of this user, with the share of misread characters before and after learning.

    Returns:
        0 if all could be read, 1 if one is damaged.
    """
    names = hand_names()
    if not names:
        print("No hand has been learned yet. Begin with: text-recognizer hand sheet")
    damaged = False
    for name in names:
        try:
            figures = HandFile.read(hand_path(name)).figures
        except UserError as error:
            damaged = True
            print(f"error: {error}", file=sys.stderr)
            continue
        before, after = (f"{rate:6.1%}" if rate is not None else "   ?  " for rate in (figures.before, figures.after))
        print(f"{name:24} {before} before, {after} after")
    return int(damaged)
