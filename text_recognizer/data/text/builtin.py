"""English-looking text with no download: sentences that a grammar makes of our own word lists (``words.toml``)."""

from __future__ import annotations

import re
import string
import tomllib
from collections.abc import Callable
from importlib.resources import files
from random import Random

Expansion = Callable[[Random], str]

_DOUBLING = re.compile(r"(?:^[^aeiou]*|adm|beg|forg|perm|pref|regr)[aeiou][bdgmnprt]$")


def builtin_documents(seed: int, count: int = 300, sentences: int = 40) -> list[str]:
    """Make documents of invented sentences, names, addresses, dates, prices and codes.

    Args:
        seed: The same seed gives the same text.
        count: Documents.
        sentences: Sentences in each; none occurs twice in all documents.

    Returns:
        Strings of characters of the alphabet, words separated by single spaces.
    """
    random = Random(seed)
    grammar = Grammar(files("text_recognizer.data.text").joinpath("words.toml").read_text(encoding="utf-8"))
    written: dict[str, None] = {}
    while len(written) < count * sentences:
        written[_finished(grammar.expand("sentence", random))] = None
    lines = list(written)
    return [" ".join(lines[start : start + sentences]) for start in range(0, len(lines), sentences)]


class Grammar:
    """Word lists and rules; ``words.toml`` describes their form.

    Args:
        source: A TOML text with the tables ``words`` and ``rules``.
    """

    def __init__(self, source: str) -> None:
        tables = tomllib.loads(source)
        words = {name: text.split() for name, text in tables["words"].items()}
        self._choices: dict[str, list[Expansion]] = {
            name: [_constant(word) for word in chosen] for name, chosen in (words | _word_forms(words)).items()
        }
        self._weights: dict[str, list[int]] = {}
        for name, rule in tables["rules"].items():
            if isinstance(rule, dict):
                self._weights[name] = list(rule.values())
                self._choices[name] = [self._slot(chosen) for chosen in rule]
            else:
                self._choices[name] = [self._pattern(pattern) for pattern in rule]

    def expand(self, name: str, random: Random) -> str:
        """A random word of a list, or a random expansion of a rule."""
        choices = self._choices[name]
        if weights := self._weights.get(name):
            return random.choices(choices, weights)[0](random)
        return random.choice(choices)(random)

    def _pattern(self, pattern: str) -> Expansion:
        """``text {slot} text {slot} text``."""
        parts = re.split(r"{(.*?)}", pattern)
        expansions = [self._slot(part) if i % 2 else _constant(part) for i, part in enumerate(parts) if part]
        return lambda random: "".join([expansion(random) for expansion in expansions])

    def _slot(self, slot: str) -> Expansion:
        if slot.startswith("^"):
            inner = self._slot(slot[1:])
            return lambda random: _capitalised(inner(random))
        if slot.startswith("!"):
            inner = self._slot(slot[1:])
            return lambda random: inner(random).upper()
        if slot == "A-Z":
            return lambda random: random.choice(string.ascii_uppercase)
        if number := re.fullmatch(r"(\d+)-(\d+)", slot):
            width, low, high = len(number[1]), int(number[1]), int(number[2])
            return lambda random: str(random.randint(low, high)).zfill(width)
        if "|" in slot:
            options = slot.split("|")
            return lambda random: random.choice(options)
        return lambda random: self.expand(slot, random)


def _constant(text: str) -> Expansion:
    return lambda random: text


def _finished(sentence: str) -> str:
    """Statements begin with a capital; ``a`` becomes ``an`` before a vowel; a full stop after one is left out."""
    sentence = sentence.replace("..", ".")
    if sentence[-1] in '.?!"':
        sentence = _capitalised(sentence)
    return re.sub(r"\b([Aa]) (?=[aeiou])", r"\1n ", sentence)


def _capitalised(text: str) -> str:
    return text[:1].upper() + text[1:]


def _word_forms(words: dict[str, list[str]]) -> dict[str, list[str]]:
    """Singulars and plurals of the nouns, and the forms of the verbs."""
    irregular = [verb.split("/") for verb in words["irregular_verbs"]]
    verbs = [*words["verbs"], *(base for base, _, _ in irregular)]
    return {
        "thing": [noun.partition("/")[0] for noun in words["things"]],
        "things": [_plural(noun) for noun in words["things"]],
        "person": [noun.partition("/")[0] for noun in words["people"]],
        "people": [_plural(noun) for noun in words["people"]],
        "verb": verbs,
        "verbs": [_with_s(verb) for verb in verbs],
        "past": [*map(_with_ed, words["verbs"]), *(past for _, past, _ in irregular)],
        "participle": [*map(_with_ed, words["verbs"]), *(participle for _, _, participle in irregular)],
        "ing": [_with_ing(verb) for verb in verbs],
    }


def _plural(noun: str) -> str:
    singular, _, plural = noun.partition("/")
    return plural or _with_s(singular)


def _with_s(word: str) -> str:
    if re.search(r"[^aeiou]y$", word):
        return f"{word[:-1]}ies"
    return f"{word}es" if re.search(r"(s|x|z|ch|sh|[^aeiou]o)$", word) else f"{word}s"


def _with_ed(verb: str) -> str:
    if verb.endswith("e"):
        return f"{verb}d"
    if re.search(r"[^aeiou]y$", verb):
        return f"{verb[:-1]}ied"
    return f"{verb}{verb[-1]}ed" if _DOUBLING.search(verb) else f"{verb}ed"


def _with_ing(verb: str) -> str:
    if verb.endswith("ie"):
        return f"{verb[:-2]}ying"
    if re.search(r"[^eo]e$", verb):
        return f"{verb[:-1]}ing"
    return f"{verb}{verb[-1]}ing" if _DOUBLING.search(verb) else f"{verb}ing"
