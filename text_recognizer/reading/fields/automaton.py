"""The texts that a field may hold, as a deterministic finite automaton over the tokens of an alphabet."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

MAX_ARCS = 400_000
"""Of an automaton: each costs some nanoseconds at each time step of a line."""


class Automaton:
    """States and arcs between them. State 0 is the start.

    An *entrance* is a state together with the token by which it is entered; there is one for each such pair.

    Attributes:
        first: int64 (Q + 1): the arcs that leave state q are ``first[q]`` to ``first[q + 1] - 1``.
        sources, tokens, targets: int64 (A): the state that each arc leaves, its token, and the state to which it leads.
            Tokens of arcs that leave one state differ, and ascend.
        entrances: int64 (A): the entrance of each arc.
        entered, entered_by: int64 (E): state and token of each entrance, ascending.
        final: bool (Q): whether a text may end in each state.

    Args:
        arcs: Of each state, the next one by token.
        final: Whether a text may end in each state.

    Raises:
        ValueError: If the only text is the empty one, or there is none, or there are more than ``MAX_ARCS`` arcs.
    """

    def __init__(self, arcs: Sequence[dict[int, int]], final: Sequence[bool]) -> None:
        kept = sorted(_reached([0], [row.values() for row in arcs]) & _leading_on(arcs, final))
        number = {state: new for new, state in enumerate(kept)}
        rows = [sorted((token, number[to]) for token, to in arcs[state].items() if to in number) for state in kept]
        if not kept or kept[0] != 0 or not any(rows):
            raise ValueError("it leaves no text")
        if sum(map(len, rows)) > MAX_ARCS:
            raise ValueError(f"it takes more than {MAX_ARCS:,} arcs")
        counts = [len(row) for row in rows]
        self.sources = np.repeat(np.arange(len(rows)), counts)
        self.first = np.cumsum([0, *counts])
        self.tokens, self.targets = np.array([arc for row in rows for arc in row], np.int64).T.copy()
        size = int(self.tokens.max()) + 1
        entered, self.entrances = np.unique(self.targets * size + self.tokens, return_inverse=True)
        self.entered, self.entered_by = np.divmod(entered, size)
        self.final = np.array([final[state] for state in kept])

    def leaving(self, state: int) -> slice:
        """The arcs that leave a state."""
        return slice(int(self.first[state]), int(self.first[state + 1]))

    def accepts(self, tokens: Sequence[int]) -> bool:
        """Whether the text of these tokens is one of the automaton's."""
        state = 0
        for token in tokens:
            arcs = self.leaving(state)
            [found] = np.nonzero(self.tokens[arcs] == token)
            if not found.size:
                return False
            state = int(self.targets[arcs][found[0]])
        return bool(self.final[state])


def _leading_on(arcs: Sequence[dict[int, int]], final: Sequence[bool]) -> set[int]:
    """The states from which a final one can be reached."""
    before: list[list[int]] = [[] for _ in arcs]
    for state, row in enumerate(arcs):
        for target in row.values():
            before[target].append(state)
    return _reached([state for state, is_final in enumerate(final) if is_final], before)


def _reached(starts: Sequence[int], following: Sequence[Iterable[int]]) -> set[int]:
    """The states that are reached from others by any number of steps."""
    reached = set(starts)
    waiting = list(starts)
    while waiting:
        new = set(following[waiting.pop()]) - reached
        reached |= new
        waiting += new
    return reached
