"""Connectionist temporal classification by its definition, for lines of a few time steps."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from text_recognizer.alphabet import ALPHABET


def random_log_probs(steps: int, tokens: int, seed: int, sharpness: float = 2.0) -> np.ndarray:
    logits = np.random.default_rng(seed).normal(0, sharpness, (steps, tokens))
    return logits - np.log(np.exp(logits).sum(1, keepdims=True))


def collapse(path: Sequence[int], tokens: Sequence[str]) -> str:
    return "".join(tokens[token] for token, _ in itertools.groupby(path) if token)


def path_probabilities(log_probs: np.ndarray, tokens: Sequence[str]) -> dict[str, list[float]]:
    """For each text the probabilities of its paths."""
    found = defaultdict(list)
    for path in itertools.product(range(len(tokens)), repeat=len(log_probs)):
        found[collapse(path, tokens)].append(float(np.exp(log_probs[np.arange(len(path)), path].sum())))
    return found


def steps(*rows: dict[str, float], tokens: Sequence[str] = ALPHABET) -> np.ndarray:
    """Log probabilities of time steps given as {character: probability}, the rest blank."""
    probabilities = np.full((len(rows), len(tokens)), 1e-9)
    for step, row in enumerate(rows):
        for character, probability in row.items():
            probabilities[step, tokens.index(character)] = probability
        probabilities[step, 0] += 1 - sum(row.values())
    return np.log(probabilities)
