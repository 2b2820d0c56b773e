"""From log probabilities per time step to characters: the likeliest path, or a beam that knows some English.

A model trained with connectionist temporal classification (Graves et al. 2006) gives, at each time step, probabilities
of all characters and of the blank; a text's probability is the sum over all paths that collapse to it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from text_recognizer.alphabet import SPECIAL_TOKENS
from text_recognizer.reading import numbers
from text_recognizer.reading.language import DIGIT, LanguageModel

BLANK_INDEX = 0
MOST_REMEMBERED = 100_000
"""Steps of a language model: some 10 MB."""
_IMPOSSIBLE = 1e-30
_LEAST_NAMED = 1e-4  # probability of an alternative
WORDS, OTHERS = (0.65, 1.6), (0.35, 0.9)
"""Weight of the language model, and a bonus per character because the model favours short texts. The first pair is for
lower-case letters and spaces, which are nearly always words. The second is for all else: names, numbers, codes."""
MOST_SURPRISED = -6.0
"""Least log probability that the language model may give a character, so that it cannot overrule what is clear."""
JOINTS = "/:.,-"
"""What joins the digits of a date, a time or a number: after a digit taken for another digit."""


class DecodedCharacter(NamedTuple):
    """A character and where it was read.

    Attributes:
        character: The character.
        probability: The model's probability at its clearest time step.
        first: First time step at which it was read.
        last: Last time step at which it was read.
    """

    character: str
    probability: float
    first: int
    last: int


class Decoded(NamedTuple):
    """A decoded line.

    Attributes:
        characters: Its characters, in order.
        log_probability: Natural logarithm of the probability of the text (beam) or of its best path (greedy).
        others: The texts that were weighed beside it (beam), each with its share of what all of them weigh, from 0 to
            1, the likelier first.
    """

    characters: list[DecodedCharacter]
    log_probability: float
    others: tuple[tuple[str, float], ...] = ()

    @property
    def text(self) -> str:
        """The characters as text."""
        return "".join(character.character for character in self.characters)


def decode_greedy(log_probs: np.ndarray, alphabet: Sequence[str]) -> Decoded:
    """The likeliest path, collapsed.

    Args:
        log_probs: float (S, C), natural log probabilities; index 0 is the blank.
        alphabet: The C tokens.
    """
    log_probs = characters_only(log_probs, alphabet)
    return collapsed(log_probs.argmax(1), log_probs, alphabet)


def collapsed(path: np.ndarray, log_probs: np.ndarray, alphabet: Sequence[str]) -> Decoded:
    """What a path, int (S,), of one token a time step reads.

    Args:
        path: Tokens.
        log_probs: float (S, C).
        alphabet: The C tokens.
    """
    peaks = log_probs[np.arange(len(path)), path]
    starts = np.flatnonzero(np.diff(path, prepend=-1))
    ends = np.append(starts[1:], len(path))
    characters = [
        DecodedCharacter(alphabet[path[start]], math.exp(peaks[start:end].max()), int(start), int(end - 1))
        for start, end in zip(starts, ends, strict=True)
        if path[start] != BLANK_INDEX
    ]
    return Decoded(characters, float(peaks.sum()))


def decode_beam(
    log_probs: np.ndarray,
    alphabet: Sequence[str],
    language: LanguageModel | None = None,
    *,
    width: int = 24,
    negligible: float = 5e-3,
) -> Decoded:
    """Prefix beam search (Hannun et al. 2014, "First-pass large vocabulary continuous speech recognition").

    Time steps that are surely blank cost nothing, and at the others only characters that are not negligible are tried.

    Args:
        log_probs: float (S, C), natural log probabilities; index 0 is the blank.
        alphabet: The C tokens.
        language: Weighs texts by how English they are; None leaves it to the picture.
        width: Prefixes kept at each time step.
        negligible: Probabilities up to this are taken for 0 (0 makes the search exact but for its width).
    """
    probabilities = np.exp(characters_only(log_probs, alphabet), dtype=np.float64)
    blanks = np.maximum(probabilities[:, BLANK_INDEX], _IMPOSSIBLE).tolist()
    growth = growth_of(tuple(alphabet), language)
    beam = {"": _Prefix(1.0, 0.0, 1.0, growth.start, None)}
    log_scale, after_blank = 0.0, True
    for step, candidates in enumerate(_candidates(probabilities, alphabet, negligible)):
        if candidates:
            beam = _pruned(_extended(beam, step, blanks[step], candidates, growth), width, negligible)
            log_scale += _rescale(beam)
        else:
            log_scale += math.log(blanks[step])
            if not after_blank:
                for prefix in beam.values():
                    prefix.ending_blank, prefix.ending_character = prefix.total, 0.0
        after_blank = not candidates
    best, *others = sorted(beam.items(), key=lambda item: _rank(item[1]), reverse=True)
    weight = sum(map(_rank, beam.values()))
    shares = tuple((text, _rank(prefix) / weight) for text, prefix in others)
    return Decoded(unlinked(best[1].characters, alphabet), log_scale + math.log(best[1].total), shares)


def alternatives(
    log_probs: np.ndarray,
    alphabet: Sequence[str],
    characters: Sequence[DecodedCharacter],
    count: int,
    possible: Callable[[int, int], bool] = lambda place, token: True,
) -> list[list[tuple[str, float]]]:
    """For each character those that could stand in its place, with their probabilities, the likelier first.

    Args:
        log_probs: float (S, C), as it was decoded.
        alphabet: The C tokens.
        characters: What was decoded.
        count: How many to name of each; fewer where the others are negligible.
        possible: Whether a token may stand in the place of a character, given by its index.
    """
    if not count:
        return [[] for _ in characters]
    probabilities = np.exp(characters_only(log_probs, alphabet))
    found = []
    for place, one in enumerate(characters):
        steps = probabilities[one.first : one.last + 1]
        own = alphabet.index(one.character)
        clearest = steps[steps[:, own].argmax()]
        likely = np.flatnonzero(clearest > _LEAST_NAMED)
        ordered = likely[np.argsort(-clearest[likely], kind="stable")].tolist()
        rivals = [token for token in ordered if token not in (BLANK_INDEX, own) and possible(place, token)]
        found.append([(alphabet[token], float(clearest[token])) for token in rivals[:count]])
    return found


Link = tuple["Link | None", int, float, int, int]
"""The characters before, and the last one: token, probability, first and last step."""


@dataclass(slots=True)
class _Prefix:
    """A text so far, with the probability of its paths that end in a blank, and in its last character."""

    ending_blank: float
    ending_character: float
    language: float  # what the language multiplies the probability with
    state: int  # of the language
    characters: Link | None

    @property
    def total(self) -> float:
        return self.ending_blank + self.ending_character

    def join(self, ending_blank: float, ending_character: float, characters: Link | None) -> None:
        """Add other paths of the same text; the likelier ones say where its characters are."""
        if ending_blank + ending_character > self.total:
            self.characters = characters
        self.ending_blank += ending_blank
        self.ending_character += ending_character


def _rank(prefix: _Prefix) -> float:
    return (prefix.ending_blank + prefix.ending_character) * prefix.language


class Growth:
    """What the language says of one more character: a factor and its next state, remembered for a while.

    A state is that of the language model and that of a number.
    """

    def __init__(self, alphabet: Sequence[str], language: LanguageModel | None) -> None:
        self._alphabet, self._language = alphabet, language
        self._known: dict[tuple[int, int], tuple[float, int]] = {}
        self.start = language.start * numbers.STATES + numbers.START if language else 0

    def __call__(self, state: int, token: int) -> tuple[float, int]:
        if self._language is None:
            return 1.0, 0
        known = self._known.get((state, token))
        if known is None:
            known = self._of_character(self._language, *divmod(state, numbers.STATES), self._alphabet[token])
            if len(self._known) >= MOST_REMEMBERED:
                self._known.clear()
            self._known[state, token] = known
        return known

    @staticmethod
    def _of_character(language: LanguageModel, context: int, number: int, character: str) -> tuple[float, int]:
        factor, next_number = numbers.number_factor(number, character), numbers.next_number(number, character)
        if character in JOINTS and numbers.after_digit(number):
            character = DIGIT
        weight, bonus = WORDS if character.islower() or character == " " else OTHERS
        log_probability = max(MOST_SURPRISED, language.log_probability(context, character))
        next_context = language.next_state(context, character)
        return factor * math.exp(weight * log_probability + bonus), next_context * numbers.STATES + next_number


growth_of = lru_cache(maxsize=8)(Growth)


def _extended(
    beam: dict[str, _Prefix], step: int, blank: float, candidates: list[tuple[int, str, float]], growth: Growth
) -> dict[str, _Prefix]:
    """All prefixes after one more time step: unchanged by a blank or a repetition, or one character longer."""
    grown: dict[str, _Prefix] = {}
    for text, prefix in beam.items():
        before, link = prefix.ending_blank, prefix.characters
        total = before + prefix.ending_character
        last = link[1] if link else BLANK_INDEX
        repeated = 0.0
        for token, character, probability in candidates:
            mass = total * probability
            if token == last and link:
                repeated = prefix.ending_character * probability
                mass = before * probability
                if 2 * probability > link[2]:
                    link = (link[0], token, max(probability, link[2]), link[3], step)
            if mass > 0:
                linked = (prefix.characters, token, probability, step, step)
                longer = grown.get(text + character)
                if longer is None:
                    factor, state = growth(prefix.state, token)
                    grown[text + character] = _Prefix(0.0, mass, prefix.language * factor, state, linked)
                else:
                    longer.join(0.0, mass, linked)
        same = grown.get(text)
        if same is None:
            grown[text] = _Prefix(total * blank, repeated, prefix.language, prefix.state, link)
        else:
            same.join(total * blank, repeated, link)
    return grown


def _pruned(beam: dict[str, _Prefix], width: int, negligible: float) -> dict[str, _Prefix]:
    """The ``width`` best prefixes, without those hopelessly behind."""
    if len(beam) == 1:
        return beam
    ranked = sorted([(_rank(prefix), text) for text, prefix in beam.items()], reverse=True)
    floor = ranked[0][0] * negligible**2
    return {text: beam[text] for rank, text in ranked[:width] if rank >= floor}


def _rescale(beam: dict[str, _Prefix]) -> float:
    """Divide the probabilities by the largest, against underflow, and return its logarithm."""
    prefixes = beam.values()
    scale = max([prefix.ending_blank + prefix.ending_character for prefix in prefixes])
    language = max([prefix.language for prefix in prefixes])
    for prefix in prefixes:
        prefix.ending_blank /= scale
        prefix.ending_character /= scale
        prefix.language /= language
    return math.log(scale)


def unlinked(link: Link | None, alphabet: Sequence[str]) -> list[DecodedCharacter]:
    characters = []
    while link:
        link, token, probability, first, last = link
        characters.append(DecodedCharacter(alphabet[token], probability, first, last))
    return characters[::-1]


def characters_only(log_probs: np.ndarray, alphabet: Sequence[str]) -> np.ndarray:
    """Without the special tokens but the blank: no picture shows them."""
    special = [index for index, token in enumerate(alphabet) if token in SPECIAL_TOKENS and index != BLANK_INDEX]
    log_probs = np.array(log_probs)
    log_probs[:, special] = -np.inf
    return log_probs


def _candidates(
    probabilities: np.ndarray, alphabet: Sequence[str], negligible: float
) -> list[list[tuple[int, str, float]]]:
    """For each time step, the characters worth trying: token, character and probability."""
    candidates: list[list[tuple[int, str, float]]] = [[] for _ in probabilities]
    steps, tokens = np.nonzero(probabilities[:, 1:] > negligible)
    values = probabilities[steps, tokens + 1].tolist()
    for step, token, value in zip(steps.tolist(), (tokens + 1).tolist(), values, strict=True):
        candidates[step].append((token, alphabet[token], value))
    return candidates
