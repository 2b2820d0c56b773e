"""What a seed gives stays what it was, byte for byte, and so does what is read of it: hashes recorded once."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys

import numpy as np
import pytest

from text_recognizer.data.glyphs.sources import VISIBLE_CHARACTERS
from text_recognizer.data.glyphs.strokes import draw_glyphs
from text_recognizer.data.synthesis.compose import Layout, Lines, LineStyle, compose_lines
from text_recognizer.data.synthesis.degradations import degrade
from text_recognizer.data.text.builtin import builtin_documents
from text_recognizer.data.text.mix import TextMix, draw_texts, split_documents
from text_recognizer.imaging.normalization import normalize_lines

COMPOSED = {
    ("exact", 0): "644c8c1bb08bf485",
    ("exact", 7): "9c0b7cba1ee59bc6",
    ("overlap", 0): "3730f0ea61aaa3d3",
    ("overlap", 7): "e16336ae46de4d39",
    ("uneven", 0): "13db47efa5a02a19",
    ("uneven", 7): "5598c28adb8a6c87",
    ("handwriting", 0): "7be7cb624e302071",
    ("handwriting", 7): "a8678075656d2574",
    ("mixed", 0): "fd46cced66e449fd",
    ("mixed", 7): "0e4c7dd3d9b35126",
}
GLYPHS = {0: "7f188afcd0adc856", 7: "cdda912cf6ab7090"}
DEGRADED = {0: "29dd0f43b5de80a7", 7: "1bd874913d8bfa3f"}
PREPARED = {0: "ec5fb7bf3e90aa18", 7: "7a6500cff150b479"}


def sha(*arrays: np.ndarray) -> str:
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(f"{array.dtype}{array.shape}".encode() + array.tobytes())
    return digest.hexdigest()[:16]


def composed(layout: Layout, seed: int, count: int = 24) -> Lines:
    corpus = split_documents(builtin_documents(seed), seed)["train"]
    indices = np.arange(count)
    codes, lengths = draw_texts(
        corpus, "train", max_chars=32, seed=seed, indices=indices, mix=TextMix(1, 1, 1, 1, 1, 1)
    )
    bank = draw_glyphs(VISIBLE_CHARACTERS, 3, seed)
    return compose_lines(bank, codes, lengths, LineStyle(layout), seed=seed, indices=indices)


@pytest.mark.parametrize(("layout", "seed"), COMPOSED)
def test_composed_lines(layout: Layout, seed: int) -> None:
    assert sha(*composed(layout, seed)) == COMPOSED[layout, seed]


@pytest.mark.parametrize("seed", GLYPHS)
def test_pen_strokes(seed: int) -> None:
    bank = draw_glyphs(VISIBLE_CHARACTERS, 3, seed)
    assert sha(bank.images, bank.indices, bank.offsets, bank.pens) == GLYPHS[seed]


@pytest.mark.parametrize("seed", DEGRADED)
def test_degraded_lines(seed: int) -> None:
    lines = composed("mixed", seed)
    assert sha(degrade(lines.images, lines.widths, seed=seed, indices=np.arange(len(lines.widths)))) == DEGRADED[seed]


@pytest.mark.parametrize("seed", PREPARED)
def test_prepared_lines(seed: int) -> None:
    lines = composed("mixed", seed)
    assert sha(*(line.image for line in normalize_lines(lines.images, lines.widths) if line)) == PREPARED[seed]


OTHER_PROCESS = """
import hashlib

import numpy as np

from text_recognizer.alphabet import READER_ALPHABET
from text_recognizer.data.sets.paper_lines import PaperLines
from text_recognizer.data.text.phrases import KINDS, Phrases

for kind in KINDS:
    phrases = Phrases(["It was the best of times. It was the worst of times."], READER_ALPHABET, "train", seed=3,
                      kinds={kind: 1.0})
    texts = [phrases.text(index, 40) for index in range(600)]
    print(kind, hashlib.sha256(repr(texts).encode()).hexdigest())

sources = {"glyphs": "strokes", "text": "builtin", "fonts": "builtin", "pen": "builtin"}
lines = PaperLines(**sources, num_train=64, num_val=16, num_test=16)
lines.prepare_data()
lines.setup()
batch = lines.datasets["train"].batch(np.arange(64))
print("paper", hashlib.sha256(batch.images.tobytes() + batch.targets.tobytes()).hexdigest())
"""


def test_another_process_draws_the_same() -> None:
    """Python orders sets of strings anew in every process, unless PYTHONHASHSEED says how."""
    drawn = [
        subprocess.run(
            [sys.executable, "-c", OTHER_PROCESS],
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.splitlines()
        for seed in ("1", "2")
    ]
    assert len(drawn[0]) > len(COMPOSED)
    assert drawn[0] == drawn[1]
