"""Error rates of texts, with and without case and punctuation, and what was read in place of what."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np
from rapidfuzz.distance import Levenshtein

from text_recognizer.errors import UsageError

Form = Literal["NFC", "NFKC", "none"]
"""How Unicode is normalised before texts are compared."""
Variant = Literal["as it is", "case ignored", "punctuation ignored", "both ignored"]
VARIANTS: tuple[Variant, ...] = get_args(Variant)


def normalised(text: str, form: Form = "NFC") -> str:
    """A text to compare: Unicode normalised, white space single spaces, none at its ends.

    Raises:
        UsageError: If there is no such form.
    """
    if form not in get_args(Form):
        raise UsageError(f"--unicode is {form!r}, but must be one of {', '.join(get_args(Form))}.")
    return " ".join((text if form == "none" else unicodedata.normalize(form, text)).split())


def variant_of(text: str, variant: Variant) -> str:
    """A normalised text without what ``variant`` ignores; punctuation is all but letters, marks, digits and spaces."""
    if variant in ("case ignored", "both ignored"):
        text = text.casefold()
    if variant in ("punctuation ignored", "both ignored"):
        text = " ".join("".join(one for one in text if one == " " or unicodedata.category(one)[0] in "LMN").split())
    return text


def error_counts(found: Sequence[str], texts: Sequence[str]) -> np.ndarray:
    """Errors of each line, int64 (N, 4): edits of characters, characters, edits of words, words of the reference.

    An edit inserts, deletes or replaces one code point, or one word.
    """
    rows = []
    for read, true in zip(found, texts, strict=True):
        words = read.split(), true.split()
        rows.append((Levenshtein.distance(read, true), len(true), Levenshtein.distance(*words), len(words[1])))
    return np.array(rows, np.int64).reshape(-1, 4)


def cer(found: Sequence[str], texts: Sequence[str]) -> float:
    """Character error rate: edits per character of the reference; NaN without any."""
    edits, length, *_ = error_counts(found, texts).sum(0)
    return float(edits / length) if length else float("nan")


def marked(found: str, text: str) -> list[tuple[str, str, str]]:
    """The shortest way from ``text`` to what was found: equal, replace, delete or insert, and the parts of both."""
    return [
        (part.tag, text[part.src_start : part.src_end], found[part.dest_start : part.dest_end])
        for part in Levenshtein.opcodes(text, found)
    ]


def confusions(found: Sequence[str], texts: Sequence[str]) -> Counter[tuple[str, str]]:
    """How often (true character, read character) stand in each other's place; an empty one was left out or added."""
    counts: Counter[tuple[str, str]] = Counter()
    for read, true in zip(found, texts, strict=True):
        for edit in Levenshtein.editops(true, read):
            before = "" if edit.tag == "insert" else true[edit.src_pos]
            after = "" if edit.tag == "delete" else read[edit.dest_pos]
            counts[before, after] += 1
    return counts


def right_characters(found: str, text: str) -> list[bool]:
    """Which characters of ``found`` stay in the shortest way to turn it into ``text``."""
    wrong = {edit.src_pos for edit in Levenshtein.editops(found, text) if edit.tag != "insert"}
    return [position not in wrong for position in range(len(found))]
