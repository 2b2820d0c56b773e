"""``text-recognizer hand sheet``: write the sheet to fill in."""

from __future__ import annotations

from text_recognizer.hand.sheet.layout import Paper
from text_recognizer.hand.sheet.printing import write_sheet


def sheet(*, out: str = "sheet.pdf", paper: Paper = "A4") -> None:
    """Write the sheet to print, fill in and photograph.

    Args:
        out: The PDF file to write. Print it at actual size (100 %).
        paper: A4 or Letter.

    Raises:
        UserError: If the file cannot be written.
    """
    write_sheet(out, paper)
    print(f"{out}: print it, fill it in, photograph it, then: text-recognizer hand learn PHOTO --name NAME")
