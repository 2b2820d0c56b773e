"""Where the text of lines comes from: the Brown corpus, the built-in text, or a file of the user."""

from __future__ import annotations

import logging
import re
import string
import unicodedata
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path

from text_recognizer.alphabet import ALPHABET
from text_recognizer.data.download import fetch
from text_recognizer.data.text.builtin import builtin_documents
from text_recognizer.errors import UserError
from text_recognizer.files import read_text

log = logging.getLogger(__name__)

BROWN_FILES, BROWN_TOKENS = 500, 1_161_192
MIN_DOCUMENTS = 10
DOCUMENT_LENGTH = 2_000
"""About so many characters of a user's file are one document, unless that made fewer than ``MIN_DOCUMENTS``."""

REPLACEMENTS = str.maketrans(
    {
        **dict.fromkeys("\u2018\u2019\u201a\u201b\u2032\u2039\u203a`\u00b4", "'"),
        **dict.fromkeys("\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb", '"'),
        **dict.fromkeys("\u2010\u2011\u2012\u2013\u2212", "-"),
        **dict.fromkeys("\u2014\u2015", "--"),
        **dict.fromkeys("\u00ad\u200b\u200c\u200d\ufeff_", ""),
        **dict.fromkeys("\u2022\u00b7", "*"),
        "\u2044": "/",
        "\u00d7": "x",
        "\u00c6": "AE",
        "\u00e6": "ae",
        "\u0152": "OE",
        "\u0153": "oe",
        "\u00d8": "O",
        "\u00f8": "o",
        "\u0141": "L",
        "\u0142": "l",
        "\u0110": "D",
        "\u0111": "d",
        "\u00d0": "D",
        "\u00f0": "d",
        "\u00de": "Th",
        "\u00fe": "th",
        "\u00df": "ss",
        "\u1e9e": "SS",
        "\u0131": "i",
    }
)
"""What Unicode's compatibility decomposition leaves: quotes, dashes, letters; ``_`` is how plain text marks italics."""

_GUTENBERG_START = re.compile(r"^\*\*\* ?START OF .*PROJECT GUTENBERG.*$", re.MULTILINE)
_GUTENBERG_END = re.compile(r"^\*\*\* ?END OF .*PROJECT GUTENBERG.*$", re.MULTILINE)


def download_text(source: str) -> None:
    """Download what a source needs: the corpus for ``brown``, nothing for the others.

    Raises:
        UserError: As :func:`load_documents` does.
    """
    for name in source.split(","):
        if name == "brown":
            fetch("brown", "brown.zip")
        elif name != "builtin":
            _check_exists(name)


def load_documents(source: str, seed: int) -> list[str]:
    """Text in documents, the units that are divided between splits.

    Args:
        source: ``brown`` (500 documents, punctuation stripped, for non-commercial use), ``builtin`` (made up, no
            download), or the path of a UTF-8 text file, which is cut into documents of about 2,000 characters, but at
            least 10; or several of these, separated by commas.
        seed: Seed of the built-in text.

    Returns:
        At least 10 strings of characters of the alphabet, words separated by single spaces.

    Raises:
        UserError: If the source is unknown, cannot be had, or holds too little text that can be written.
    """
    if "," in source:
        return [document for name in source.split(",") for document in load_documents(name, seed)]
    if source == "builtin":
        return builtin_documents(seed)
    if source == "brown":
        return read_brown(fetch("brown", "brown.zip"))
    return read_text_file(source)


def read_brown(archive: Path) -> list[str]:
    """The texts of the Brown corpus without punctuation.

    Raises:
        UserError: If the archive does not hold the 500 files and 1,161,192 tokens of the corpus.
    """
    punctuation = str.maketrans("", "", string.punctuation)
    num_tokens, documents = 0, []
    try:
        with zipfile.ZipFile(archive) as members:
            for name in sorted(name for name in members.namelist() if re.fullmatch(r"brown/c[a-r]\d\d", name)):
                tokens = members.read(name).decode("ascii").split()
                num_tokens += len(tokens)
                words = " ".join(token.rpartition("/")[0] for token in tokens)
                documents.append(_folded(words.translate(punctuation)))
    except (zipfile.BadZipFile, UnicodeDecodeError) as error:
        raise UserError(f"{archive} is not the archive of the Brown corpus: {error}.") from error
    if (len(documents), num_tokens) != (BROWN_FILES, BROWN_TOKENS):
        raise UserError(
            f"{archive} must hold the {BROWN_FILES} files and {BROWN_TOKENS:,} tokens of the Brown corpus, "
            f"but holds {len(documents)} files and {num_tokens:,} tokens."
        )
    return documents


def read_text_file(path: str) -> list[str]:
    """Documents of a user's text file, in the alphabet; :func:`to_alphabet` says how.

    Raises:
        UserError: If the file cannot be read, is not UTF-8, or has fewer than 10 usable words.
    """
    _check_exists(path)
    paragraphs = re.split(r"\n\s*\n", to_alphabet(without_gutenberg_licence(read_text(path)), name=path))
    paragraphs = [folded for paragraph in paragraphs if (folded := _folded(paragraph))]
    num_words = sum(len(paragraph.split()) for paragraph in paragraphs)
    if num_words < MIN_DOCUMENTS:
        raise UserError(
            f"{path} has {num_words} words that can be written with the alphabet; at least {MIN_DOCUMENTS} are needed, "
            f"as some train, some validate and some test. The alphabet: {''.join(ALPHABET.characters)!r}"
        )
    return _documents(paragraphs)


def to_alphabet(text: str, name: str) -> str:
    """Write ``text`` with the characters of the alphabet; line ends stay.

    Accents, ligatures, curly quotes, dashes and the like become what is nearest. Of what else is outside the alphabet,
    symbols are left out, and words with a letter or digit of another script are left out whole; one warning names
    these characters.

    Args:
        text: Any text.
        name: What the warning calls it.
    """
    text = unicodedata.normalize("NFKD", text.translate(REPLACEMENTS)).translate(REPLACEMENTS)
    text = "".join(character for character in text if not unicodedata.combining(character))
    unknown = Counter(character for character in text if character not in ALPHABET and not character.isspace())
    if not unknown:
        return text
    log.warning("%s: left out, as they are outside the alphabet: %s", name, _described(unknown))
    foreign = {character for character in unknown if character.isalnum()}
    if foreign:
        text = re.sub(r"\S+", lambda word: "" if foreign.intersection(word[0]) else word[0], text)
    return text.translate(dict.fromkeys(map(ord, unknown)))


def _described(characters: Counter[str], at_most: int = 20) -> str:
    named = [
        f"{character!r} (U+{ord(character):04X}) {count:,}x" for character, count in characters.most_common(at_most)
    ]
    if len(characters) > at_most:
        named.append(f"and {len(characters) - at_most} more")
    return ", ".join(named)


def without_gutenberg_licence(text: str) -> str:
    """The book alone, where Project Gutenberg's marks say where it begins and ends."""
    start, end = _GUTENBERG_START.search(text), _GUTENBERG_END.search(text)
    return text[start.end() if start else 0 : end.start() if end else len(text)]


def _documents(paragraphs: list[str]) -> list[str]:
    """Paragraphs joined, and cut where they are too long, to documents of similar length."""
    total = sum(map(len, paragraphs))
    count = max(MIN_DOCUMENTS, round(total / DOCUMENT_LENGTH))
    pieces = list(_pieces(paragraphs, max_length=total // count // 4))
    if len(pieces) < count:
        pieces = " ".join(paragraphs).split()
    count = min(count, len(pieces))
    bounds = [i * len(pieces) // count for i in range(count + 1)]
    return [" ".join(pieces[start:end]) for start, end in pairwise(bounds)]


def _pieces(paragraphs: Iterable[str], max_length: int) -> Iterator[str]:
    """Paragraphs, or the sentences of those that are too long, or the words of sentences that are too long."""
    for paragraph in paragraphs:
        if len(paragraph) <= max_length:
            yield paragraph
            continue
        for sentence in re.split(r"(?<=[.!?]) ", paragraph):
            yield from [sentence] if len(sentence) <= max_length else sentence.split()


def _folded(text: str) -> str:
    return " ".join(text.split())


def _check_exists(path: str) -> None:
    if not Path(path).is_file():
        raise UserError(f"Unknown text source {path!r}: expected brown, builtin, or the path of a text file.")
