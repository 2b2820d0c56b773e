"""Regular expressions, as Python writes them, compiled to automata of bounded size.

Thompson, "Regular expression search algorithm", Communications of the ACM 1968, and the subset construction of Rabin
and Scott, "Finite automata and their decision problems", IBM Journal 1959. Tokens that no part of a pattern tells apart
are followed as one. Expressions come over HTTP too, so what compiling takes is bounded.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from functools import partial, reduce

from text_recognizer.errors import UsageError
from text_recognizer.reading.fields.automaton import Automaton

MAX_DEPTH = 50
"""Groups within groups."""
MAX_STATES = 5000
"""Of the automaton of a pattern, before and after it is made deterministic."""
_MOST_MET = 2_000_000  # states met while an automaton is made deterministic
_ATOM = re.compile(
    r"(?s)\[\^?\]?(?:\\.|[^\]\\])*\]"  # a class
    r"|\\(?:[dDwWsS]|x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|[^A-Za-z0-9])"  # an escape
    r"|[^\\()|*+?^$\[]"  # a character for itself
)
_REPEAT = re.compile(r"(?:([*+?])|\{(\d+)\}|\{(\d*),(\d*)\})\??(\+?)")
_GROUP = re.compile(r"\((?:\?:|\?P<\w+>|(?!\?))")
_Tokens = frozenset[int]


def compile_pattern(pattern: str, alphabet: Sequence[str]) -> Automaton:
    """The automaton of the texts that match a pattern from beginning to end.

    Args:
        pattern: Of characters, ``.``, classes, escapes, groups, alternatives and repeats.
        alphabet: The tokens.

    Raises:
        UsageError: If the pattern is wrong, holds what no automaton can follow, is too large, or matches no text that
            can be written with the alphabet.
    """
    try:
        re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise _wrong(pattern, getattr(error, "pos", None) or 0, getattr(error, "msg", str(error))) from None
    states = _States()
    whole = _Parser(pattern, alphabet).whole()
    try:
        return states.deterministic(whole(states, states.new()))
    except ValueError as error:
        readable = "".join(token for token in alphabet if len(token) == 1)
        raise UsageError(
            f"The pattern {pattern!r} cannot be followed: {error}. A shorter one may do. "
            f"The reader writes these characters: {readable}"
        ) from None


def _wrong(pattern: str, place: int, what: str) -> UsageError:
    return UsageError(f"The pattern {pattern!r} is wrong at character {place + 1}: {what}.")


class _States:
    """A nondeterministic automaton that grows. State 0 is the start.

    Attributes:
        arcs: Of each state, the tokens that lead to another; None of an arc that takes no token.
    """

    def __init__(self) -> None:
        self.arcs: list[list[tuple[_Tokens | None, int]]] = []
        self._met = 0

    def new(self) -> int:
        if len(self.arcs) == MAX_STATES:
            raise ValueError(f"it takes more than {MAX_STATES:,} states")
        self.arcs.append([])
        return len(self.arcs) - 1

    def after(self, state: int, tokens: _Tokens | None = None) -> int:
        """A new state to which ``tokens`` lead from ``state``."""
        new = self.new()
        self.arcs[state].append((tokens, new))
        return new

    def link(self, state: int, to: int) -> None:
        self.arcs[state].append((None, to))

    def deterministic(self, end: int) -> Automaton:
        """The same texts, which end in ``end``, with one state for each set of states that a text can lead to."""
        told_apart = _told_apart({tokens for row in self.arcs for tokens, _ in row if tokens})
        numbers = {self._closure({0}): 0}
        arcs: list[dict[int, int]] = []
        subsets = list(numbers)
        for subset in subsets:
            row: dict[int, int] = {}
            for first, alike in told_apart.items():
                targets = {to for state in subset for tokens, to in self.arcs[state] if tokens and first in tokens}
                if not targets:
                    continue
                closed = self._closure(targets)
                if closed not in numbers:
                    numbers[closed] = len(numbers)
                    subsets.append(closed)
                row |= dict.fromkeys(alike, numbers[closed])
            arcs.append(row)
            if len(subsets) > MAX_STATES:
                raise ValueError(f"it takes more than {MAX_STATES:,} states")
        return Automaton(arcs, [end in subset for subset in subsets])

    def _closure(self, states: set[int]) -> frozenset[int]:
        """The states that are reached without a token."""
        waiting = list(states)
        while waiting:
            for tokens, to in self.arcs[waiting.pop()]:
                if tokens is None and to not in states:
                    states.add(to)
                    waiting.append(to)
        self._met += len(states)
        if self._met > _MOST_MET:
            raise ValueError("it is too intricate")
        return frozenset(states)


def _told_apart(sets: set[_Tokens]) -> dict[int, list[int]]:
    """Tokens that are in the same of these sets, by the first of them."""
    alike: dict[tuple[bool, ...], list[int]] = {}
    ordered = list(sets)
    for token in sorted(frozenset().union(*ordered)):
        alike.setdefault(tuple(token in one for one in ordered), []).append(token)
    return {tokens[0]: tokens for tokens in alike.values()}


_Piece = Callable[[_States, int], int]
"""A part of a pattern: it adds itself to an automaton after a state, and gives the state after itself."""


def _one_of(tokens: _Tokens, states: _States, start: int) -> int:
    return states.after(start, tokens)


def _in_turn(pieces: Iterable[_Piece], states: _States, start: int) -> int:
    return reduce(lambda state, piece: piece(states, state), pieces, start)


def _either(pieces: Iterable[_Piece], states: _States, start: int) -> int:
    end = states.new()
    for piece in pieces:
        states.link(piece(states, states.after(start)), end)
    return end


def _repeated(piece: _Piece, least: int, most: int | None, states: _States, start: int) -> int:
    for _ in range(least):
        start = piece(states, states.after(start))
    if most is None:
        again = states.after(start)
        states.link(piece(states, again), again)
        return again
    end = states.new()
    for _ in range(most - least):
        states.link(start, end)
        start = piece(states, states.after(start))
    states.link(start, end)
    return end


class _Parser:
    """Takes a pattern that Python accepts to pieces, by recursive descent."""

    def __init__(self, pattern: str, alphabet: Sequence[str]) -> None:
        self._pattern, self._alphabet = pattern, alphabet
        self._place = 0

    def whole(self) -> _Piece:
        return self._alternatives(depth=0)

    def _alternatives(self, depth: int) -> _Piece:
        if depth > MAX_DEPTH:
            raise _wrong(self._pattern, self._place, f"more than {MAX_DEPTH} groups within each other")
        pieces = [self._sequence(depth)]
        while self._pattern[self._place : self._place + 1] == "|":
            self._place += 1
            pieces.append(self._sequence(depth))
        return partial(_either, pieces)

    def _sequence(self, depth: int) -> _Piece:
        pieces: list[_Piece] = []
        while self._place < len(self._pattern) and self._pattern[self._place] not in "|)":
            if self._anchor():
                self._place += 1
            else:
                pieces.append(self._repeat(self._group(depth) or self._atom()))
        return partial(_in_turn, pieces)

    def _anchor(self) -> bool:
        """Whether here stands a sign for the beginning or end of the text, where that is in any case."""
        character, last = self._pattern[self._place], self._place == len(self._pattern) - 1
        return (character == "^" and self._place == 0) or (character == "$" and last)

    def _group(self, depth: int) -> _Piece | None:
        opened = _GROUP.match(self._pattern, self._place)
        if not opened:
            return None
        self._place = opened.end()
        inside = self._alternatives(depth + 1)
        self._place += 1  # the bracket that closes it
        return inside

    def _atom(self) -> _Piece:
        found = _ATOM.match(self._pattern, self._place)
        if not found:
            here = self._pattern[self._place :][:3]
            raise _wrong(
                self._pattern,
                self._place,
                f"{here!r} cannot be followed. Expected are characters, '.', classes as [A-Z], \\d \\w \\s, groups, "
                "'|', and the repeats * + ? {2,5}",
            )
        self._place = found.end()
        fits = re.compile(found[0]).fullmatch
        return partial(_one_of, frozenset(i for i, one in enumerate(self._alphabet) if len(one) == 1 and fits(one)))

    def _repeat(self, piece: _Piece) -> _Piece:
        found = _REPEAT.match(self._pattern, self._place)
        if not found:
            return piece
        sign, times, least, most, possessive = found.groups()
        if possessive:
            raise _wrong(self._pattern, self._place, f"{found[0]!r} cannot be followed; leave out its '+'")
        self._place = found.end()
        if sign:
            return partial(_repeated, piece, int(sign == "+"), 1 if sign == "?" else None)
        if times:
            return partial(_repeated, piece, int(times), int(times))
        return partial(_repeated, piece, int(least or 0), int(most) if most else None)
