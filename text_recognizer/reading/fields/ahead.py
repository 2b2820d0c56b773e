"""How probable the rest of a line is, from each time step and each place in an automaton."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from text_recognizer.errors import UserError
from text_recognizer.reading.decoder import BLANK_INDEX
from text_recognizer.reading.fields.automaton import Automaton

MOST_WORK = 50_000_000
"""Time steps of a line times arcs of the automaton: a few seconds."""
NEVER = -np.inf
_BLOCK = 32  # time steps that are kept at the same time, where all take too much memory
_MOST_KEPT = 4_000_000  # numbers


class Step(NamedTuple):
    """Log probability of the best way from a time step to the end of a text.

    Attributes:
        after_blank: float64 (Q): from each state, where the step before was blank, or there was none.
        after_character: float64 (E): from each entrance, where its token stood at the step before, so that the same
            token can only follow after a blank.
    """

    after_blank: np.ndarray
    after_character: np.ndarray


class Ahead:
    """What is ahead at each time step, computed from the end; where that is too much to keep, once more when asked for.

    Attributes:
        best: Log probability of the best path of all; minus infinity if the line is too short for any.

    Args:
        log_probs: float (S, C), natural log probabilities; index 0 is the blank.
        automaton: Over the C tokens.

    Raises:
        UserError: If S times the arcs are more than ``MOST_WORK``.
    """

    def __init__(self, log_probs: np.ndarray, automaton: Automaton) -> None:
        if len(log_probs) * len(automaton.tokens) > MOST_WORK:
            raise UserError("too long a line for so many possible texts. Cut it to the writing, or allow fewer texts.")
        self._log_probs, self._automaton = np.asarray(log_probs, np.float64), automaton
        self._branching = np.flatnonzero(np.diff(automaton.first))
        self._doubles = _Doubles(automaton)
        ended = np.where(automaton.final, 0.0, NEVER)
        step = Step(ended, ended[automaton.entered])
        every = 1 if len(log_probs) * (len(ended) + len(automaton.entered)) <= _MOST_KEPT else _BLOCK
        self._kept = {len(log_probs): step}
        for number in range(len(log_probs) - 1, -1, -1):
            step = self._at(number, step)
            if number % every == 0:
                self._kept[number] = step
        self._block: dict[int, Step] = {}
        self.best = float(step.after_blank[0])

    def __getitem__(self, number: int) -> Step:
        """What is ahead at a time step from 0 to S."""
        if number in self._kept:
            return self._kept[number]
        if number not in self._block:
            start = number - number % _BLOCK
            end = min(start + _BLOCK, len(self._log_probs))
            step, self._block = self._kept[end], {}
            for one in range(end - 1, start, -1):
                step = self._block[one] = self._at(one, step)
        return self._block[number]

    def _at(self, number: int, following: Step) -> Step:
        """What is ahead at a time step, from what is ahead at the next."""
        automaton, row = self._automaton, self._log_probs[number]
        arcs = row[automaton.tokens] + following.after_character[automaton.entrances]
        onward = np.full(len(automaton.final), NEVER)
        onward[self._branching] = np.maximum.reduceat(arcs, automaton.first[self._branching])
        blank = row[BLANK_INDEX] + following.after_blank
        after_blank = np.maximum(blank, onward)
        after_character = after_blank[automaton.entered]
        if self._doubles.entrances.size:
            others = np.maximum(blank[self._doubles.states], self._doubles.best_others(arcs))
            after_character[self._doubles.entrances] = others
        stays = row[automaton.entered_by] + following.after_character
        return Step(after_blank, np.maximum(after_character, stays))


class _Doubles:
    """Where a token may come twice in a row, which takes a blank between: at some entrances, one arc is barred.

    Attributes:
        entrances: int64 (R): where there is an arc of the token by which the state was entered.
        states: int64 (R): the states of these entrances.
    """

    def __init__(self, automaton: Automaton) -> None:
        size = int(automaton.tokens.max()) + 1
        entered = automaton.entered * size + automaton.entered_by
        leaving = automaton.sources * size + automaton.tokens
        _, self.entrances, barred = np.intersect1d(entered, leaving, assume_unique=True, return_indices=True)
        self.states = automaton.entered[self.entrances]
        concerned, self._state = np.unique(self.states, return_inverse=True)
        self._arcs = np.flatnonzero(np.isin(automaton.sources, concerned))
        counts = np.diff(automaton.first)[concerned]
        self._first = np.cumsum([0, *counts])[:-1]
        self._source = np.repeat(np.arange(len(concerned)), counts)
        self._barred = np.searchsorted(self._arcs, barred)

    def best_others(self, scores: np.ndarray) -> np.ndarray:
        """At each of these entrances, the best score of an arc that is not barred, float64 (R).

        Args:
            scores: float64 (A).
        """
        own = scores[self._arcs]
        best = np.maximum.reduceat(own, self._first)
        winners = np.flatnonzero(own == best[self._source])
        winner = np.empty(len(best), np.int64)
        winner[self._source[winners]] = winners  # one of several that are equal
        own[winner] = NEVER
        second = np.maximum.reduceat(own, self._first)
        return np.where(winner[self._state] == self._barred, second[self._state], best[self._state])
