"""What learning a hand gained, in words."""

from __future__ import annotations

from text_recognizer.hand.file import Figures


def describe(figures: Figures) -> str:
    """The error rates before and after, a line each."""
    pairs = (
        ("lines of characters kept apart", figures.lines_before, figures.lines_after),
        ("the copied words", figures.words_before, figures.words_after),
    )
    rows = [
        f"  {name:32} {before:6.1%} before, {after:6.1%} after"
        for name, before, after in pairs
        if before is not None and after is not None
    ]
    return "\n".join(["Wrong characters in what it did not learn from:", *rows])
