"""Make the character model of English that ships with the package.

It learns from books, sentences of everyday English, a dictionary, word lists and made-up entries of forms:
``python -m text_recognizer.training.shipped.build_language --text FILE [FILE ...] --sentences FILE [FILE ...]
--dictionary FOLDER --words FOLDER``
"""

from __future__ import annotations

import argparse
import re
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
PARTS_OF_SPEECH = ("noun", "verb", "adj", "adv")
DEFINITIONS_SHARE = 1 / 3
"""Of the definitions of the dictionary that are learned. All of its examples are."""
_EXAMPLE = re.compile(r'"([^"]+)"')
_EXAMPLES = re.compile(r';?\s*"[^"]*"(?:-[^;]*)?')
"""Examples with the names of those who wrote them."""
CONTEXTS, ORDER, LEAST = 180_000, 7, 6


def main() -> int:
    """Build the model from the files named on the command line."""
    parser = argparse.ArgumentParser(description="Make the character model of English.")
    parser.add_argument("--text", nargs="+", required=True, type=Path, help="Plain text files (UTF-8).")
    parser.add_argument(
        "--sentences", nargs="+", required=True, type=Path, help="Sentences, one a line (Common Voice: server/data/en)."
    )
    parser.add_argument(
        "--dictionary", required=True, type=Path, help="Folder with the data files of WordNet (Debian: wordnet-base)."
    )
    parser.add_argument("--words", required=True, type=Path, help="Folder with the lists of SCOWL (Debian: scowl).")
    parser.add_argument("--output", type=Path, default=ENGLISH)
    arguments = parser.parse_args()
    try:
        books = "\n".join(without_gutenberg_licence(read_text(path)) for path in arguments.text)
        sentences = "\n".join(map(read_text, arguments.sentences))
        made_up = entries(books, NUM_ENTRIES)
        text = "\n".join((books, word_text(arguments.words), made_up, sentences, glosses(arguments.dictionary)))
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


def glosses(folder: Path, seed: int = 0) -> str:
    """The examples of WordNet, as sentences, and some of its definitions.

    Raises:
        UserError: If one of its data files cannot be read.
    """
    examples, definitions = [], []
    for line in "".join(read_text(folder / f"data.{kind}") for kind in PARTS_OF_SPEECH).split("\n"):
        _, _, gloss = line.partition(" | ")
        examples += [_sentence(example) for example in _EXAMPLE.findall(gloss)]
        definitions.append(_EXAMPLES.sub("", gloss).strip("; "))
    definitions = [one for one in definitions if one]
    chosen = np.random.default_rng(seed).permutation(len(definitions))[: round(DEFINITIONS_SHARE * len(definitions))]
    return "\n".join([*examples, *(definitions[number] for number in chosen)])


def _sentence(example: str) -> str:
    return example[0].upper() + example[1:] + ("" if example[-1] in ".!?" else ".")


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
