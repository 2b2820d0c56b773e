"""Texts of lines, drawn from documents by compiled code so that no two splits share a text.

Documents are dealt to the splits, and a drawn text, whatever was made of it, is used only by the split that its hash
assigns it to. Text ``i`` of seed ``s`` is the same whatever the batch, the worker or the order.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numba import njit

from text_recognizer.alphabet import ALPHABET, PADDING
from text_recognizer.data.rng import randint, seed_state, uniform
from text_recognizer.data.splits import SPLITS, Split
from text_recognizer.errors import UsageError, UserError

_TEXT_STREAM = 0
_MAX_TRIES = 20_000
_HASH_SHARES = 10
_FIRST_SHARES = np.array([0, 8, 9, _HASH_SHARES])

_PADDING, _SPACE = ALPHABET.index(PADDING), ALPHABET.index(" ")
_ZERO, _CAPITAL_A, _SMALL_A = ALPHABET.index("0"), ALPHABET.index("A"), ALPHABET.index("a")
_CODE_OF_ASCII = np.array([ALPHABET.index(chr(i)) if chr(i) in ALPHABET else _PADDING for i in range(128)], np.uint8)

_PATTERNS = (
    "D/M/Y",
    "M/D/y",
    "d.m.Y",
    "D-M-y",
    "Y-m-d",
    "M/Y",
    "h:n",
    "LL-9999",
    "L99",
    "9999 LL",
    "#99999",
    "999-9999",
)
_PATTERN_BYTES = np.array([list(pattern.encode().ljust(max(map(len, _PATTERNS)), b"\0")) for pattern in _PATTERNS])
_NUMBERS = {
    "D": (1, 31, 1),
    "d": (1, 31, 2),
    "M": (1, 12, 1),
    "m": (1, 12, 2),
    "Y": (1900, 200, 4),
    "y": (0, 100, 2),
    "h": (0, 24, 1),
    "n": (0, 60, 2),
    "9": (0, 10, 1),
    "L": (_CAPITAL_A, 26, 0),
}
"""Day, month, year, hour, minute, digit: lowest, how many and fewest digits. L is a capital letter, its code drawn."""
_FIELDS = np.array([_NUMBERS.get(chr(i), (_CODE_OF_ASCII[i], 1, 0)) for i in range(128)], np.int64)


@dataclass(frozen=True)
class TextMix:
    """How often a line holds which kind of text, as weights.

    Args:
        as_is: Words as they stand in the text.
        capitals: The same, all in capitals.
        title_case: The same, with a capital at the start of each word.
        single_words: One word of the text.
        digits: A string of digits.
        dates_and_codes: Dates, times, article and telephone numbers and the like.
    """

    as_is: float = 1.0
    capitals: float = 0.0
    title_case: float = 0.0
    single_words: float = 0.0
    digits: float = 0.0
    dates_and_codes: float = 0.0

    def __post_init__(self) -> None:
        weights = dataclasses.astuple(self)
        if min(weights) < 0 or not 0 < sum(weights) < float("inf"):
            raise UsageError(f"--text_mix is {self}, but weights are 0 or more and one is above 0.")

    @property
    def cumulative(self) -> np.ndarray:
        """float64 (6,): the share of lines of each kind or one before it."""
        weights = np.cumsum(dataclasses.astuple(self))
        return np.asarray(weights / weights[-1])


AS_IT_STANDS = TextMix()


@dataclass(frozen=True, eq=False)
class Corpus:
    """Documents in the form that compiled code draws from.

    Attributes:
        codes: uint8 (T,), alphabet indices of all documents in a row, words one space apart.
        word_starts: int64 (W,), position of each word's first character.
        word_ends: int64 (W,), position after its last.
        document_ends: int64 (W,), number of the word after the last of the word's document.
    """

    codes: np.ndarray
    word_starts: np.ndarray
    word_ends: np.ndarray
    document_ends: np.ndarray

    @classmethod
    def from_documents(cls, documents: Sequence[str]) -> Corpus:
        """Build a corpus; any white space separates words.

        Raises:
            UserError: If a character is not in the alphabet.
        """
        texts = [" ".join(document.split()) for document in documents]
        codes = np.concatenate([_encode(f"{text} ") for text in texts if text] or [np.empty(0, np.uint8)])
        ends = np.flatnonzero(codes == _SPACE)
        starts = np.concatenate([[0], ends[:-1] + 1])[: len(ends)]
        counts = np.array([len(text.split(" ")) for text in texts if text], np.int64)
        return cls(codes, starts.astype(np.int64), ends, np.repeat(np.cumsum(counts), counts))


def split_documents(documents: Sequence[str], seed: int) -> dict[Split, Corpus]:
    """Deal whole documents to the splits, about 80, 10 and 10 %.

    Raises:
        UserError: If there are fewer documents than splits, or a character is not in the alphabet.
    """
    if len(documents) < len(SPLITS):
        raise UserError(f"The text has {len(documents)} documents, too few for {len(SPLITS)} splits. Give more text.")
    order = np.random.default_rng(seed).permutation(len(documents))
    tenth = max(len(documents) // 10, 1)
    dealt = (order[2 * tenth :], order[:tenth], order[tenth : 2 * tenth])
    return {
        split: Corpus.from_documents([documents[i] for i in sorted(share)])
        for split, share in zip(SPLITS, dealt, strict=True)
    }


def draw_texts(
    corpus: Corpus,
    split: Split,
    *,
    max_chars: int,
    seed: int,
    indices: np.ndarray,
    mix: TextMix = AS_IT_STANDS,
) -> tuple[np.ndarray, np.ndarray]:
    """Draw texts of whole words of one document, as the lab does: a random first word, then a random last one.

    A text is drawn again until the FNV-1a hash of its lower-case form, modulo 10, is one of the split's: 0 to 7 for
    training, 8 for validation, 9 for testing.

    Args:
        corpus: The split's documents.
        split: Whose texts to draw.
        max_chars: The longest text.
        seed: Seed of all choices.
        indices: int64 (B,), number of each text; with the seed it decides every choice.
        mix: What is made of the text.

    Returns:
        ``codes`` uint8 (B, max_chars), alphabet indices padded with ``<P>``, and ``lengths`` int64 (B,).

    Raises:
        UserError: If the corpus has (nearly) no text that the split may use.
    """
    codes = np.full((len(indices), max_chars), _PADDING, np.uint8)
    lengths = np.zeros(len(indices), np.int64)
    number = SPLITS.index(split)
    found = len(corpus.word_starts) > 0 and _draw_texts(
        corpus.codes,
        corpus.word_starts,
        corpus.word_ends,
        corpus.document_ends,
        mix.cumulative,
        _FIRST_SHARES[number],
        _FIRST_SHARES[number + 1],
        seed,
        np.asarray(indices, np.int64),
        codes,
        lengths,
    )
    if not found:
        raise UserError(
            f"The text has no usable line of at most {max_chars} characters for the {split} split: each split has its "
            "own documents and its own tenths of all texts. Give a longer text, or raise --max_length."
        )
    return codes, lengths


def _encode(text: str) -> np.ndarray:
    points = np.frombuffer(text.encode("utf-32-le"), np.uint32)
    codes = _CODE_OF_ASCII[np.minimum(points, 127)]
    unknown = np.flatnonzero((points > 127) | (codes == _PADDING))
    if len(unknown):
        ALPHABET.index(text[unknown[0]])
    return codes


@njit(cache=True, nogil=True)
def _draw_texts(
    corpus: np.ndarray,
    word_starts: np.ndarray,
    word_ends: np.ndarray,
    document_ends: np.ndarray,
    kinds: np.ndarray,
    first_share: int,
    end_share: int,
    seed: int,
    indices: np.ndarray,
    codes: np.ndarray,
    lengths: np.ndarray,
) -> bool:
    """Fill ``codes`` and ``lengths``; False if a text cannot be found."""
    state = np.empty(1, np.uint64)
    for line in range(len(indices)):
        seed_state(state, seed, _TEXT_STREAM, indices[line])
        kind = int(np.searchsorted(kinds, uniform(state, 0.0, 1.0), side="right"))
        text = codes[line]
        for _ in range(_MAX_TRIES):
            if kind == 4:
                length = _draw_digits(state, text)
            elif kind == 5:
                length = _draw_pattern(state, text)
            else:
                length = _draw_words(state, text, corpus, word_starts, word_ends, document_ends, kind == 3)
                _set_case(text[:length], kind)
            share = _hash(text[:length]) % np.uint64(_HASH_SHARES)
            if length > 0 and first_share <= share < end_share:
                break
        else:
            return False
        lengths[line] = length
        text[length:] = _PADDING
    return True


@njit(cache=True)
def _draw_words(
    state: np.ndarray,
    text: np.ndarray,
    corpus: np.ndarray,
    word_starts: np.ndarray,
    word_ends: np.ndarray,
    document_ends: np.ndarray,
    single: bool,
) -> int:
    """Fill ``text`` with words of one document and return the length, or 0 if the first word is too long."""
    first = randint(state, len(word_starts))
    start = word_starts[first]
    end = first
    while end < document_ends[first] and word_ends[end] - start <= len(text):
        end += 1
    if end == first:
        return 0
    last = first if single else first + randint(state, end - first)
    length: int = word_ends[last] - start
    text[:length] = corpus[start : start + length]
    return length


@njit(cache=True)
def _set_case(text: np.ndarray, kind: int) -> None:
    """All capitals for kind 1, title case for kind 2, unchanged otherwise."""
    for i in range(len(text)):
        starts_word = i == 0 or text[i - 1] == _SPACE
        if text[i] >= _SMALL_A and text[i] < _SMALL_A + 26 and (kind == 1 or (kind == 2 and starts_word)):
            text[i] -= _SMALL_A - _CAPITAL_A
        elif text[i] >= _CAPITAL_A and text[i] < _CAPITAL_A + 26 and kind == 2 and not starts_word:
            text[i] += _SMALL_A - _CAPITAL_A


@njit(cache=True)
def _draw_digits(state: np.ndarray, text: np.ndarray) -> int:
    length = 1 + randint(state, len(text))
    for i in range(length):
        text[i] = _ZERO + randint(state, 10)
    return length


@njit(cache=True)
def _draw_pattern(state: np.ndarray, text: np.ndarray) -> int:
    """Fill ``text`` with a date or code and return its length, or 0 if it is too long."""
    length = 0
    for symbol in _PATTERN_BYTES[randint(state, len(_PATTERN_BYTES))]:
        if symbol == 0:
            break
        lowest, count, digits = _FIELDS[symbol]
        value = lowest + randint(state, count)
        places = max(digits, 2) if digits and value > 9 else max(digits, 1)
        if length + places > len(text):
            return 0
        if digits == 0:
            text[length] = value
        else:
            for i in range(length + places - 1, length - 1, -1):
                text[i] = _ZERO + value % 10
                value //= 10
        length += places
    return length


@njit(cache=True)
def _hash(text: np.ndarray) -> np.uint64:
    """FNV-1a hash (Fowler, Noll and Vo; 64 bits) of a text's lower-case form."""
    value = np.uint64(0xCBF29CE484222325)
    for code in text:
        if code >= _CAPITAL_A and code < _CAPITAL_A + 26:
            code += _SMALL_A - _CAPITAL_A
        value = (value ^ np.uint64(code)) * np.uint64(0x100000001B3)
    return value
