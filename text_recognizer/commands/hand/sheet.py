"""``text-recognizer hand sheet``: write the sheet to fill in."""

from __future__ import annotations

from pathlib import Path

from text_recognizer.errors import UsageError
from text_recognizer.hand.sheet.layout import CHARACTERS, Paper, characters_of
from text_recognizer.hand.sheet.printing import write_sheet


def sheet(*, out: str = "sheet.pdf", paper: Paper = "A4", alphabet: str | None = None) -> None:
    """Write the sheet to print, fill in and photograph.

    Args:
        out: The PDF file to write. Print it at actual size (100 %).
        paper: A4 or Letter.
        alphabet: For a reader of another script: its characters, at most 78, or a .txt file that holds them.

    Raises:
        UsageError: If no sheet can ask for the characters, or the file is to be no PDF.
        UserError: If a file cannot be read or written.
    """
    if Path(out).suffix.lower() != ".pdf":
        raise UsageError(f"--out is {out!r}, but must end in .pdf.")
    characters = CHARACTERS if alphabet is None else characters_of(alphabet)
    write_sheet(out, paper, characters)
    then = "learn PHOTO --name NAME" if alphabet is None else f"script PHOTO --alphabet {alphabet}"
    print(f"{out}: print it, fill it in, photograph it, then: text-recognizer hand {then}")
