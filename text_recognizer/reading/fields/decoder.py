"""Reading a line as one of the texts of an automaton: the likeliest path, or a beam.

Both know what is ahead (:mod:`~text_recognizer.reading.fields.ahead`). So the best path is followed without a choice,
and a beam keeps no prefix that cannot come to an end.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from text_recognizer.reading.decoder import BLANK_INDEX, Decoded, Growth, Link, collapsed, growth_of, unlinked
from text_recognizer.reading.fields.ahead import NEVER, Ahead, Step
from text_recognizer.reading.fields.automaton import Automaton
from text_recognizer.reading.language import LanguageModel

NO_ENTRANCE = -1
"""Where no token stands before: at the start, or after a blank."""


def decode_path(log_probs: np.ndarray, alphabet: Sequence[str], automaton: Automaton) -> Decoded | None:
    """The likeliest path whose text is one of the automaton's (Viterbi), collapsed.

    Args:
        log_probs: float (S, C), natural log probabilities; index 0 is the blank.
        alphabet: The C tokens.
        automaton: Over these tokens.

    Returns:
        The text; None if the line is too short for any.

    Raises:
        UserError: If the line is too long for so large an automaton.
    """
    ahead = Ahead(log_probs, automaton)
    if ahead.best == NEVER:
        return None
    path, state, entrance = [], 0, NO_ENTRANCE
    for number, row in enumerate(log_probs):
        state, entrance = _best_next(automaton, row, ahead[number + 1], state, entrance)
        path.append(BLANK_INDEX if entrance == NO_ENTRANCE else int(automaton.entered_by[entrance]))
    return collapsed(np.array(path), log_probs, alphabet)


def _best_next(automaton: Automaton, row: np.ndarray, following: Step, state: int, entrance: int) -> tuple[int, int]:
    """Where the best path goes from a state and, if a token stood at the last time step, the entrance by it."""
    arcs = automaton.leaving(state)
    tokens, entrances = automaton.tokens[arcs], automaton.entrances[arcs]
    ways = [(float(row[BLANK_INDEX] + following.after_blank[state]), state, NO_ENTRANCE)]
    scores = row[tokens] + following.after_character[entrances]
    if entrance != NO_ENTRANCE:
        token = automaton.entered_by[entrance]
        ways.append((float(row[token] + following.after_character[entrance]), state, entrance))
        scores[tokens == token] = NEVER
    if scores.size:
        best = entrances[scores.argmax()]
        ways.append((float(scores.max()), int(automaton.entered[best]), int(best)))
    return max(ways)[1:]


def decode_text(
    log_probs: np.ndarray,
    alphabet: Sequence[str],
    automaton: Automaton,
    language: LanguageModel | None = None,
    *,
    width: int = 8,
    negligible: float = 1e-6,
) -> Decoded | None:
    """The likeliest text of the automaton, by prefix beam search.

    Prefixes are ranked by what they are worth together with the best way in which they can end, so each that is kept
    can be brought to an end.

    Args:
        log_probs: float (S, C), natural log probabilities; index 0 is the blank.
        alphabet: The C tokens.
        automaton: Over these tokens.
        language: Weighs texts by how English they are; None leaves it to the picture.
        width: Prefixes kept at each time step.
        negligible: Prefixes, and ways to go on, that are up to so many times as probable as the best are left out (0
            makes the search exact but for its width).

    Returns:
        The text; None if the line is too short for any.

    Raises:
        UserError: If the line is too long for so large an automaton.
    """
    ahead = Ahead(log_probs, automaton)
    if ahead.best == NEVER:
        return None
    least = math.log(negligible) if negligible else NEVER
    growth = growth_of(tuple(alphabet), language)
    beam = {"": _Prefix(0.0, NEVER, 0.0, growth.start, 0, NO_ENTRANCE, None)}
    for number, row in enumerate(np.asarray(log_probs, np.float64)):
        step = _TimeStep(number, row, ahead[number], ahead[number + 1], least)
        beam = _best(_extended(beam, step, automaton, alphabet, growth), ahead[number + 1], width, least)
    ranks = [prefix.rank(ahead[len(log_probs)]) for prefix in beam.values()]
    shares = np.exp(np.array(ranks) - np.logaddexp.reduce(ranks)).tolist()
    best, *others = beam
    return Decoded(
        unlinked(beam[best].characters, alphabet), beam[best].total, tuple(zip(others, shares[1:], strict=True))
    )


@dataclass(slots=True)
class _Prefix:
    """A text so far, with the log probability of its paths that end in a blank, and in its last character."""

    ending_blank: float
    ending_character: float
    language: float  # what the language model adds
    language_state: int
    state: int  # of the automaton
    entrance: int  # by which it was entered
    characters: Link | None

    @property
    def total(self) -> float:
        return _sum(self.ending_blank, self.ending_character)

    def rank(self, ahead: Step) -> float:
        """What it is worth with the best way to its end."""
        ended = self.ending_blank + float(ahead.after_blank[self.state])
        if self.entrance == NO_ENTRANCE:
            return ended + self.language
        return _sum(ended, self.ending_character + float(ahead.after_character[self.entrance])) + self.language

    def join(self, ending_blank: float, ending_character: float, characters: Link | None) -> None:
        """Add other paths of the same text; the likelier ones say where its characters are."""
        if _sum(ending_blank, ending_character) > self.total:
            self.characters = characters
        self.ending_blank = _sum(self.ending_blank, ending_blank)
        self.ending_character = _sum(self.ending_character, ending_character)


@dataclass(frozen=True, slots=True)
class _TimeStep:
    """A time step, with what is ahead before and after it, and the least that a way to go on is worth."""

    number: int
    row: np.ndarray
    ahead: Step
    following: Step
    least: float

    def onward(self, prefix: _Prefix, automaton: Automaton) -> Iterator[tuple[int, int]]:
        """Tokens and entrances by which a prefix may go on without losing too much against its best way."""
        arcs = automaton.leaving(prefix.state)
        tokens, entrances = automaton.tokens[arcs], automaton.entrances[arcs]
        worth = prefix.total + self.row[tokens] + self.following.after_character[entrances]
        enough = (worth >= prefix.rank(self.ahead) - prefix.language + self.least) & (worth > NEVER)
        return zip(tokens[enough].tolist(), entrances[enough].tolist(), strict=True)


def _extended(
    beam: dict[str, _Prefix], step: _TimeStep, automaton: Automaton, alphabet: Sequence[str], growth: Growth
) -> dict[str, _Prefix]:
    """All prefixes after one more time step: unchanged by a blank or a repetition, or one character longer."""
    grown: dict[str, _Prefix] = {}
    for text, prefix in beam.items():
        last = prefix.characters[1] if prefix.characters else BLANK_INDEX
        for token, entrance in step.onward(prefix, automaton):
            mass = (prefix.ending_blank if token == last else prefix.total) + float(step.row[token])
            link = (prefix.characters, token, math.exp(step.row[token]), step.number, step.number)
            longer = text + alphabet[token]
            if longer in grown:
                grown[longer].join(NEVER, mass, link)
            elif mass > NEVER:
                factor, language_state = growth(prefix.language_state, token)
                state, language = int(automaton.entered[entrance]), prefix.language + math.log(factor)
                grown[longer] = _Prefix(NEVER, mass, language, language_state, state, entrance, link)
        blank = prefix.total + float(step.row[BLANK_INDEX])
        again = prefix.ending_character + float(step.row[last])
        kept = _kept_on(prefix.characters, step)
        if text in grown:
            grown[text].join(blank, again, kept)
        else:
            grown[text] = replace(prefix, ending_blank=blank, ending_character=again, characters=kept)
    return grown


def _kept_on(link: Link | None, step: _TimeStep) -> Link | None:
    """The last character, seen again where it stands clearly."""
    if link is None:
        return None
    probability = math.exp(step.row[link[1]])
    return (*link[:2], max(probability, link[2]), link[3], step.number) if 2 * probability > link[2] else link


def _best(beam: dict[str, _Prefix], ahead: Step, width: int, least: float) -> dict[str, _Prefix]:
    """The ``width`` prefixes that are worth most, the best first, without those hopelessly behind."""
    ranked = sorted(((prefix.rank(ahead), text) for text, prefix in beam.items()), reverse=True)
    return {text: beam[text] for rank, text in ranked[:width] if rank >= ranked[0][0] + least and rank > NEVER}


def _sum(first: float, second: float) -> float:
    """The logarithm of the sum of two probabilities."""
    high, low = (first, second) if first > second else (second, first)
    return high if low == NEVER else high + math.log1p(math.exp(low - high))
