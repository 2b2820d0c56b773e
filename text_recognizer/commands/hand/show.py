"""``text-recognizer hand show``: show what a hand was learned from."""

from __future__ import annotations

from pathlib import Path

from text_recognizer.errors import counted
from text_recognizer.files import check_nothing_is_lost, replacing
from text_recognizer.hand.file import HandFile
from text_recognizer.hand.store import decoded, hand_path


def show(name: str, *, out: str | None = None) -> None:
    """Show what a hand was learned from, and how much learning improved the readings.

    Args:
        name: The hand.
        out: The picture of its characters to write, a PNG; by default NAME.png.

    Raises:
        UsageError: If NAME.png is there already and is another picture.
        UserError: If there is no such hand, it is damaged, or the picture cannot be written.
    """
    file, picture = hand_path(name), Path(out or f"{name}.png")
    hand = HandFile.read(file)
    if not hand.about.characters.texts:
        print(f"{name}: learned from labelled lines, of which it keeps no pictures\n{hand.figures}\n{file}")
        return
    decoded(hand.about.characters, file)
    if out is None:
        check_nothing_is_lost(picture, hand.about.characters.png)
    with replacing(picture) as temporary:
        temporary.write_bytes(hand.about.characters.png)
    different = len(set(hand.about.characters.texts))
    pictures = counted(len(hand.about.characters.texts), "picture")
    print(f"{name}: {pictures} of {counted(different, 'character')}: {picture}")
    print(f"{counted(len(hand.about.lines.texts), 'line')} of copied words\n{hand.figures}\n{file}")
