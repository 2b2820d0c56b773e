"""What people write, of every kind: sentences, names of many countries, prices, dates, codes, nonsense, nothing at all.

Text ``i`` of a seed is the same whatever the batch or the worker. Names, addresses and words of other languages come
from the library Faker.
"""

from __future__ import annotations

import random
import string
import zlib
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from faker import Faker

from text_recognizer.alphabet import Alphabet
from text_recognizer.errors import UserError

LOCALES = (
    "en_US", "en_GB", "fr_FR", "de_DE", "es_ES", "it_IT", "pt_PT", "nl_NL", "sv_SE", "da_DK", "fi_FI", "no_NO", "en_IE",
)  # fmt: skip
"""Countries whose names, places and words occur: those that write the letters of the reader's alphabet."""
WORD_LOCALES = ("fr_FR", "de_DE", "es_ES", "it_IT", "nl_NL", "pt_PT", "da_DK")
KINDS: dict[str, float] = {
    "sentence": 0.40,
    "word": 0.07,
    "name": 0.08,
    "place": 0.05,
    "foreign": 0.06,
    "number": 0.10,
    "digits": 0.02,
    "date": 0.05,
    "code": 0.05,
    "contact": 0.03,
    "list": 0.03,
    "nonsense": 0.05,
    "bars": 0.03,
    "character": 0.02,
    "empty": 0.01,
}
"""Shares of the kinds of texts."""
SET_KINDS = KINDS | {
    "sentence": 0.24,
    "number": 0.16,
    "digits": 0.09,
    "date": 0.09,
    "code": 0.11,
    "bars": 0.05,
    "character": 0.05,
}
"""Those of texts set of single characters: more of what pen words and fonts seldom show as people write it."""
FIELD_KINDS = {"number": 0.28, "character": 0.18, "code": 0.14, "word": 0.14, "date": 0.12, "bars": 0.08, "name": 0.06}
"""Those of short lines, as what fields of forms hold."""
HASH_SHARES = {"train": range(8), "val": range(8, 9), "test": range(9, 10)}
"""A text is used only by the split to which its hash, modulo 10, assigns it."""
SHARED_LENGTH = 2
"""Texts of so few characters are used by all splits: there are not enough of them to share out."""

_TRIES = 50
_TYPOGRAPHIC, _TYPED = "\u2018\u2019\u201c\u201d\u2013\u2014\u00a0", "''\"\"-- "
_PLAIN = str.maketrans(dict(zip(_TYPOGRAPHIC, _TYPED, strict=True)) | {"\u2026": "..."})
_UNITS = (
    "kg",
    "g",
    "mg",
    "cm",
    "mm",
    "m",
    "km",
    "l",
    "ml",
    "h",
    "min",
    "s",
    "%",
    "°C",
    "EUR",
    "USD",
    "pcs",
    "x",
    "V",
    "W",
)
_MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
           "December", "Jan", "Feb", "Mar", "Apr", "Jun", "Jul", "Aug", "Sep", "Sept", "Oct", "Nov", "Dec")  # fmt: skip
_DAYS = (
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
    "Mon",
    "Tue",
    "Wed",
    "Thu",
    "Fri",
)
_ROMAN = (
    "I",
    "II",
    "III",
    "IV",
    "V",
    "VI",
    "VII",
    "VIII",
    "IX",
    "X",
    "XI",
    "XII",
    "XIII",
    "XIV",
    "XVIII",
    "XIX",
    "XXI",
)
_SYMBOLS = "!?.,:;-+*/=%&@#$()[]{}<>_'\"^~|\\`€£°"


class Phrases:
    """Texts of lines, drawn by (seed, index).

    Args:
        documents: English text with punctuation; sentences and words come from it.
        alphabet: Only texts that it can spell are drawn.
        split: ``train``, ``val`` or ``test``.
        seed: Seed of all choices.
        kinds: Shares of the kinds of texts.

    Raises:
        UserError: If the documents hold no words.
    """

    def __init__(
        self,
        documents: Sequence[str],
        alphabet: Alphabet,
        split: str,
        *,
        seed: int,
        kinds: dict[str, float] | None = None,
    ) -> None:
        self.documents = [words for document in documents if (words := document.translate(_PLAIN).split())]
        if not self.documents:
            raise UserError("The text holds no words. Give a longer text.")
        self.sizes = [len(words) for words in self.documents]
        self.bar_words = sorted({word for words in self.documents for word in words if word.endswith(("l", "ll."))})
        self.characters = frozenset(alphabet.characters)
        self.shares = HASH_SHARES[split]
        self.seed = seed
        kinds = KINDS if kinds is None else kinds
        self.kinds, self.weights = list(kinds), list(kinds.values())

    def text(self, index: int, max_chars: int, *, characters: frozenset[str] | None = None) -> str:
        """Text ``index``, of at most ``max_chars`` characters, all of them among ``characters`` if given."""
        rng = random.Random(f"{self.seed}/{index}")
        allowed = self.characters if characters is None else self.characters & characters
        for _ in range(_TRIES):
            kind = rng.choices(self.kinds, self.weights)[0]
            text = cut(_with_case(rng, kind, self._draw(kind, rng)).translate(_PLAIN), max_chars)
            if not text and kind == "empty":
                return ""
            if text and allowed.issuperset(text) and self._is_own(text):
                return text
        return ""

    def _is_own(self, text: str) -> bool:
        """Whether the split may use a text."""
        return len(text) <= SHARED_LENGTH or zlib.crc32(text.lower().encode()) % 10 in self.shares

    def _draw(self, kind: str, rng: random.Random) -> str:
        if kind in ("sentence", "word"):
            words = rng.choices(self.documents, self.sizes)[0]
            count = 1 if kind == "word" else rng.choice((1, 2, 3, 4, 5, 6, 7, 8, 9, 10))
            start = rng.randrange(max(1, len(words) - count + 1))
            text = " ".join(words[start : start + count])
            return text.strip(".,;:!?\"'-_()") if kind == "word" and rng.random() < 0.7 else text
        if kind == "bars" and self.bar_words and rng.random() < 0.5:
            return " ".join(rng.choices(self.bar_words, k=rng.randint(1, 3)))
        return _MAKERS[kind](rng)


def cut(text: str, max_chars: int) -> str:
    """As many whole words as fit, in one line; a first word that is too long is cut."""
    text = " ".join(text.split())
    if len(text) <= max_chars:
        return text
    head = text[: max_chars + 1].rpartition(" ")[0]
    return head or text[:max_chars]


def _with_case(rng: random.Random, kind: str, text: str) -> str:
    if kind in ("number", "code", "contact", "bars", "character", "empty"):
        return text
    draw = rng.random()
    if draw < 0.16 or (kind in ("name", "place") and draw < 0.45):
        return text.upper() if "ß" not in text else text
    if draw < 0.21:
        return text.title()
    return text.lower() if draw < 0.24 else text


@cache
def _faker(locale: str) -> Faker:
    faker = Faker(locale)
    if locale == "it_IT":  # Faker makes this list from a set: its order differs from process to process
        addresses: Any = faker.factories[0].provider("faker.providers.address")
        addresses.cities = sorted(addresses.cities)
    return faker


def _fake(rng: random.Random, locales: Sequence[str], *providers: str) -> str:
    faker = _faker(rng.choice(locales))
    faker.seed_instance(rng.getrandbits(32))
    return str(getattr(faker, rng.choice(providers))())


def _name(rng: random.Random) -> str:
    return _fake(rng, LOCALES, "name", "first_name", "last_name", "last_name", "first_name", "company")


def _place(rng: random.Random) -> str:
    text = _fake(rng, LOCALES, "city", "street_address", "city", "country", "address", "postcode", "street_name")
    return text.replace("\n", ", ")


def _foreign(rng: random.Random) -> str:
    return _fake(rng, WORD_LOCALES, "sentence", "sentence", "word", "job")


def _digits(rng: random.Random, count: int) -> str:
    if rng.random() < 0.2:
        return rng.choice(string.digits) * count
    digits = [rng.choice(string.digits)]
    for _ in range(count - 1):
        digits.append(digits[-1] if rng.random() < 0.15 else rng.choice(string.digits))
    return "".join(digits)


def _number(rng: random.Random) -> str:
    kind = rng.randrange(10)
    digits = _digits(rng, rng.randint(1, 7))
    if kind == 0:
        return _digits(rng, rng.randint(1, 12))
    if kind == 1:
        return f"{rng.choice('$€£')}{' ' * rng.randrange(2)}{_digits(rng, rng.randint(1, 4))}.{_digits(rng, 2)}"
    if kind == 2:
        return f"{_digits(rng, rng.randint(1, 4))},{_digits(rng, 2)} {rng.choice(('€', 'EUR', 'Euro', 'kr'))}"
    if kind == 3:
        return f"{rng.randint(1, 999)}{rng.choice(',.')}{rng.randint(0, 999):03d}" + rng.choice(("", ".00", ",50"))
    if kind == 4:
        return f"{rng.randint(0, 999)}{rng.choice('.,')}{_digits(rng, rng.randint(1, 3))}"
    if kind == 5:
        return f"{rng.randint(1, 500)}{' ' * rng.randrange(2)}{rng.choice(_UNITS)}"
    if kind == 6:
        return f"{rng.choice('+-')}{digits}{rng.choice(('', '%', '.5'))}"
    if kind == 7:
        return f"{rng.randint(1, 99)}{rng.choice(('/', ' x ', ' + ', ' - ', '=', ':'))}{rng.randint(1, 99)}"
    if kind == 8:
        return ".".join(str(rng.randint(0, 20)) for _ in range(rng.randint(2, 4)))
    return rng.choice(("No. ", "#", "Nr. ", "p. ", "Qty ", "Total: ", "Room ", "")) + digits


def _date(rng: random.Random) -> str:
    day, month, year = rng.randint(1, 31), rng.randint(1, 12), rng.randint(1900, 2099)
    hour, minute = rng.randint(0, 23), rng.randint(0, 59)
    return rng.choice(
        (
            f"{day}/{month}/{year}",
            f"{day:02d}/{month:02d}/{year}",
            f"{month:02d}/{day:02d}/{year % 100:02d}",
            f"{day}.{month}.{year}",
            f"{day:02d}.{month:02d}.{year % 100:02d}",
            f"{year}-{month:02d}-{day:02d}",
            f"{day}-{month}-{year % 100:02d}",
            f"{day} {rng.choice(_MONTHS)} {year}",
            f"{rng.choice(_MONTHS)} {day}, {year}",
            f"{rng.choice(_DAYS)} {day}/{month}",
            f"{rng.choice(_MONTHS)} {day}{rng.choice(('th', 'st', 'nd', 'rd', ''))}",
            f"{hour}:{minute:02d}",
            f"{hour:02d}:{minute:02d}",
            f"{hour % 12 + 1}:{minute:02d} {rng.choice(('am', 'pm', 'AM', 'PM', 'a.m.'))}",
            f"{hour}h{minute:02d}",
            f"{year}",
        )
    )


def _code(rng: random.Random) -> str:
    if rng.random() < 0.3:
        return "".join(rng.choices(string.ascii_uppercase + 2 * string.digits, k=rng.randint(3, 10)))
    parts = []
    for _ in range(rng.randint(1, 4)):
        letters = "".join(rng.choices(string.ascii_uppercase, k=rng.randint(1, 4)))
        parts.append(rng.choice((letters, _digits(rng, rng.randint(1, 4)), letters + _digits(rng, rng.randint(1, 4)))))
    return rng.choice(("-", " ", "", "/", ".")).join(parts)


def _contact(rng: random.Random) -> str:
    return _fake(rng, LOCALES, "phone_number", "phone_number", "email", "url", "domain_name", "user_name")


def _list(rng: random.Random) -> str:
    item = _fake(rng, ("en_US", *WORD_LOCALES), "word", "sentence", "first_name")
    mark = rng.choice(
        ("- ", "* ", f"{rng.randint(1, 20)}. ", f"{rng.randint(1, 20)}) ", f"{rng.choice('abcde')}) ", "> ")
    )
    return rng.choice(
        (f"{mark}{item}", f"{item}: {rng.randint(1, 99)}", f"{rng.randint(1, 12)} x {item}", f"[ ] {item}")
    )


def _nonsense(rng: random.Random) -> str:
    """Words of no language, so that the net does not guess English."""
    pools = (
        string.ascii_lowercase,
        string.ascii_letters,
        string.ascii_lowercase + string.digits,
        string.printable[:94],
    )
    words = []
    for _ in range(rng.randint(1, 4)):
        pool = rng.choice(pools)
        words.append("".join(rng.choices(pool, k=rng.randint(1, 8))))
    return " ".join(words)


def _bars(rng: random.Random) -> str:
    """Roman numerals, alone and after a word, and ones: what a frame or a margin line is easily mistaken for."""
    return rng.choice(
        (
            rng.choice(_ROMAN),
            f"{_fake(rng, LOCALES, 'first_name')} {rng.choice(_ROMAN)}",
            f"{rng.choice(('Part', 'Chapter', 'Vol.', 'Act', 'Class', 'Type'))} {rng.choice(_ROMAN)}",
            "1" * rng.randint(1, 5),
            f"{rng.randint(0, 99)}{'1' * rng.randint(1, 3)}",
        )
    )


def _character(rng: random.Random) -> str:
    capitals = string.ascii_uppercase
    return rng.choice(rng.choice((string.digits, capitals, capitals, string.ascii_lowercase, _SYMBOLS)))


_MAKERS: dict[str, Callable[[random.Random], str]] = {
    "name": _name,
    "place": _place,
    "foreign": _foreign,
    "number": _number,
    "digits": lambda rng: "".join(rng.choices(string.digits, k=rng.randint(5, 30))),
    "date": _date,
    "code": _code,
    "contact": _contact,
    "list": _list,
    "nonsense": _nonsense,
    "bars": _bars,
    "character": _character,
    "empty": lambda rng: "",
}
