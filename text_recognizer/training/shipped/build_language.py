"""Make the character model of English that ships with the package, from books, word lists and made-up entries of forms.

``python -m text_recognizer.training.shipped.build_language --text FILE [FILE ...] --words FOLDER``
"""

from __future__ import annotations

import argparse
import sys
import unicodedata
from pathlib import Path

import numpy as np

from text_recognizer.alphabet import READER_ALPHABET
from text_recognizer.data.text.phrases import Phrases
from text_recognizer.data.text.sources import without_gutenberg_licence
from text_recognizer.errors import UserError
from text_recognizer.files import read_text, replacing
from text_recognizer.reading.language import ENGLISH
from text_recognizer.reading.ngrams import build_language_model

REPEATS = {10: 15, 20: 8, 35: 3, 40: 2, 50: 2}
"""How often a word occurs, by the size of the smallest list that has it: common words are in small lists."""
KINDS_OF_WORDS = {"words": 1, "contractions": 1, "upper": 2, "proper-names": 2}
"""Kinds of lists, and how much more often their words occur."""
CAPITALISED_SHARE = 0.12
KINDS_OF_ENTRIES = {
    "name": 0.35,
    "place": 0.20,
    "list": 0.10,
    "contact": 0.10,
    "number": 0.10,
    "date": 0.05,
    "code": 0.10,
}
NUM_ENTRIES = 30_000
_LONGEST_ENTRY = 56
CONTEXTS, ORDER, LEAST = 150_000, 7, 6


def main() -> int:
    """Build the model from the files named on the command line."""
    parser = argparse.ArgumentParser(description="Make the character model of English.")
    parser.add_argument("--text", nargs="+", required=True, type=Path, help="Plain text files (UTF-8).")
    parser.add_argument("--words", required=True, type=Path, help="Folder with the lists of SCOWL (Debian: scowl).")
    parser.add_argument("--output", type=Path, default=ENGLISH)
    arguments = parser.parse_args()
    try:
        books = "\n".join(without_gutenberg_licence(read_text(path)) for path in arguments.text)
        text = "\n".join((books, word_text(arguments.words), entries(books, NUM_ENTRIES)))
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    with replacing(arguments.output) as temporary:
        build_language_model(text, CONTEXTS, ORDER, least=LEAST).save(temporary)
    print(f"{arguments.output}: {arguments.output.stat().st_size / 1e3:.0f} kB")
    return 0


def word_text(folder: Path, seed: int = 0) -> str:
    """The words of SCOWL's lists in random order, the common ones more often, some with a capital or a mark.

    Raises:
        UserError: If the folder holds none of the lists.
    """
    words: list[str] = []
    for size, repeats in REPEATS.items():
        for kind, factor in KINDS_OF_WORDS.items():
            words += repeats * factor * _listed(folder / f"english-{kind}.{size}")
    if not words:
        raise UserError(f"{folder}: holds no lists such as english-words.10. Give the folder of SCOWL's lists.")
    rng = np.random.default_rng(seed)
    rng.shuffle(words)
    marks = rng.choice(["", ".", ","], len(words), p=[0.82, 0.11, 0.07])
    capitalised = rng.random(len(words)) < CAPITALISED_SHARE
    return " ".join(
        (word.capitalize() if capital else word) + mark
        for word, capital, mark in zip(words, capitalised, marks, strict=True)
    )


def _listed(path: Path) -> list[str]:
    words = path.read_text(encoding="latin-1").split() if path.exists() else []
    return [word for word in words if not word.endswith("'s")]


def entries(books: str, count: int) -> str:
    """Names, addresses, lists, numbers and dates as people write them on forms, accents left out."""
    phrases = Phrases([books], READER_ALPHABET, "train", seed=0, kinds=KINDS_OF_ENTRIES)
    texts = " ".join(phrases.text(index, _LONGEST_ENTRY) for index in range(count))
    return unicodedata.normalize("NFKD", texts).encode("ascii", "ignore").decode()


if __name__ == "__main__":
    sys.exit(main())
