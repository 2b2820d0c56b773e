"""How the digits of numbers stand in groups: a long row of them with a slash in it has a slanting 1 there.

Dates, amounts and most numbers of invoices have groups of up to six digits. A longer one stands alone: before it is no
slash or comma, and after it no slash, but perhaps a comma or a point and two decimals. Phone numbers, codes and times
are joined by other characters, of which nothing is known.
"""

from __future__ import annotations

import math

LONG = 7
"""Digits of a group that stands alone."""
STATES = (LONG + 1) * (LONG + 1)
"""Of a number: the digits of its last group, up to ``LONG``, and the most that it can have, ``LONG`` if any number."""
START = LONG
_AFTER_SHORT = {"/": 6, ",": 6}
_AFTER_LONG = {"/": 0, ",": 2, ".": 2}
_TOO_MANY = math.exp(-2.5)


def next_number(state: int, character: str) -> int:
    """The state after ``character`` was read in ``state``."""
    digits, most = divmod(state, LONG + 1)
    if character in "0123456789":
        return min(digits + 1, LONG) * (LONG + 1) + most
    if not digits:
        return START
    return (_AFTER_LONG if digits == LONG else _AFTER_SHORT).get(character, LONG)


def after_digit(state: int) -> bool:
    """Whether the last character before ``state`` was a digit."""
    return state > LONG


def number_factor(state: int, character: str) -> float:
    """What the probability of a text is multiplied with for ``character`` after ``state``."""
    if character not in "0123456789":
        return 1.0
    digits, most = divmod(state, LONG + 1)
    return _TOO_MANY if digits == most < LONG else 1.0
