"""``text-recognizer hand ...``: all but learning, which needs the training extra."""

from __future__ import annotations

import sys
from pathlib import Path

from text_recognizer.errors import UserError
from text_recognizer.files import replacing
from text_recognizer.hand.figures import describe
from text_recognizer.hand.printing import write_sheet
from text_recognizer.hand.sheet import Paper
from text_recognizer.reading.hand_file import SUFFIX, HandFile
from text_recognizer.reading.hands import check_pictures, hand_names, hand_path, import_hand, remove_hand


def sheet(*, out: str = "sheet.pdf", paper: Paper = "A4") -> None:
    """Write the sheet to print, fill in and photograph.

    Args:
        out: The PDF file to write. Print it at its own size (100 %).
        paper: A4 or Letter.

    Raises:
        UserError: If the file cannot be written.
    """
    write_sheet(out, paper)
    print(f"{out}: print it, fill it in, photograph it, then: text-recognizer hand learn PHOTO --name NAME")


def list_hands() -> int:
    """List the hands of this user, with the share of characters read wrongly before and after learning.

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


def show(name: str, *, out: str | None = None) -> None:
    """Show what a hand was learned from, and what that gained.

    Args:
        name: The hand.
        out: Where the picture of its characters goes, a PNG; by default NAME.png.

    Raises:
        UserError: If there is no such hand, it is damaged, or the picture cannot be written.
    """
    file, picture = hand_path(name), Path(out or f"{name}.png")
    hand = HandFile.read(file)
    check_pictures(hand.characters_png, hand.characters, file)
    with replacing(picture) as temporary:
        temporary.write_bytes(hand.characters_png)
    different = len(set(hand.characters.texts))
    print(f"{name}: {len(hand.characters.texts)} pictures of {different} characters: {picture}")
    print(f"{len(hand.lines.texts)} lines of copied words\n{describe(hand.figures)}\n{file}")


def remove(name: str) -> None:
    """Delete a hand.

    Args:
        name: The hand.

    Raises:
        UserError: If there is no such hand.
    """
    remove_hand(name)
    print(f"{name} is removed.")


def export(name: str, *, out: str | None = None) -> None:
    """Write a hand to a file, for another machine. The file shows the handwriting to everyone who has it.

    Args:
        name: The hand.
        out: The file to write; by default NAME.hand.

    Raises:
        UserError: If there is no such hand, it is damaged, or the file cannot be written.
    """
    target = Path(out or f"{name}{SUFFIX}")
    content = HandFile.read(hand_path(name)).to_bytes()
    with replacing(target) as temporary:
        temporary.touch(0o600)
        temporary.write_bytes(content)
    print(f"{target}: the hand {name!r}. Elsewhere: text-recognizer hand import {target.name}")


def import_(file: str, *, name: str | None = None) -> None:
    """Take in a hand file.

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
