"""The forms in which dates are written, as a pattern."""

from __future__ import annotations

_MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July", "August", "September", "October"),
    *("November", "December"),
)
_NAMED = "|".join([*_MONTHS, *(rf"{name[:3]}\.?" for name in _MONTHS if name != "May"), r"Sept\.?"])
_YEAR = "(?:1[89]|20)[0-9]{2}"
_ANY_YEAR = f"(?:{_YEAR}|'?[0-9]{{2}})"
_MONTH, _MONTH_OF_TWO = "(?:0?[1-9]|1[0-2])", "(?:0[1-9]|1[0-2])"
_DAY, _DAY_OF_TWO = "(?:0?[1-9]|[12][0-9]|3[01])", "(?:0[1-9]|[12][0-9]|3[01])"


def _joined(*parts: str) -> str:
    """Numbers joined by one sign, the same between all."""
    return "|".join(sign.join(parts) for sign in (r"\.", "/", "-"))


DATE = "|".join(
    [
        _joined(_YEAR, _MONTH_OF_TWO, _DAY_OF_TWO),
        _joined(_DAY, _MONTH, _ANY_YEAR),
        _joined(_MONTH, _DAY, _ANY_YEAR),
        rf"{_DAY}\.? (?:{_NAMED}),? {_YEAR}",
        rf"(?:{_NAMED}) {_DAY},? {_YEAR}",
    ]
)
"""Year, month and day (2024-05-17); day, month and year (17.5.2024, 17/05/24); month, day and year (5/17/2024); and
those with the month's name (17 May 2024, May 17, 2024, 17. Sept. 2024). Years have four digits, 1800 to 2099, or two.
"""
