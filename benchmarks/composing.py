"""How fast lines are composed: the lab's way, ours, and the bound that memory sets, side by side.

    python benchmarks/composing.py             half a minute on 2 cores
    python benchmarks/composing.py --json

All compose the same texts of 16 characters in 16 cells, at one random overlap of 0 to 0.33 per line. The bound copies
the 28 rows of each glyph that ours chose to the place where ours has it, in a cleared canvas that was used before.
Rounds of the three alternate, each with other glyphs; the figures are those of the fastest round.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numba import njit
from report import machine, write

from text_recognizer.data.glyphs.bank import GLYPH_SIZE, GlyphBank
from text_recognizer.data.glyphs.sources import VISIBLE_CHARACTERS
from text_recognizer.data.glyphs.strokes import draw_glyphs
from text_recognizer.data.synthesis.compose import _copy_glyph, _fetch_glyph, _place_cells, compose_cells, encode_texts
from text_recognizer.data.synthesis.degradations import degrade
from text_recognizer.data.synthesis.handwriting import compose_handwriting
from text_recognizer.data.synthesis.threads import over_ranges
from text_recognizer.data.text.builtin import builtin_documents

CELLS = 16
MAX_OVERLAP = 0.33
LINES = 1024
LAB_LINES = 256
ROUNDS = 40
DRAWN_PER_CHARACTER = 50
BANK_SIZE = 67_200  # glyphs EMNIST's training split has here

NAMES = {
    "lab": "the lab: slices of tensors, character by character",
    "memory_bound": "memory bound: row copies of the same glyphs into a cleared canvas",
    "ours": "ours, overlap 0 to 0.33",
    "handwriting": "ours, layout handwriting",
    "handwriting_degraded": "ours, layout handwriting, degraded",
}


def main() -> None:
    parser = argparse.ArgumentParser(description="Compare ways to compose lines.")
    parser.add_argument("--json", action="store_true", help="print the results as one JSON object")
    parser.add_argument("--write", type=Path, help="also put the table into this file")
    arguments = parser.parse_args()
    drawn = draw_glyphs(VISIBLE_CHARACTERS, DRAWN_PER_CHARACTER, seed=0)
    copies = BANK_SIZE // len(drawn)
    bank = GlyphBank.from_arrays(np.tile(drawn.images, (copies, 1, 1)), np.tile(drawn.indices, copies))
    text = " ".join(builtin_documents(seed=0, count=LINES // 16))
    texts = [text[i * CELLS : (i + 1) * CELLS] for i in range(LINES)]
    rates = {**measure_cells(bank, texts), **measure_handwriting(drawn, texts)}
    results = {
        "speedup_over_lab": round(rates["ours"] / rates["lab"], 1),
        "share_of_memory_bound": round(rates["ours"] / rates["memory_bound"], 3),
        "lines_per_second": {name: round(rate) for name, rate in rates.items()},
        "cells": CELLS,
        "glyphs": len(bank),
        "machine": machine(),
    }
    print(json.dumps(results) if arguments.json else table(results))
    if arguments.write:
        write(arguments.write, table(results), "composing")


def measure_cells(bank: GlyphBank, texts: list[str]) -> dict[str, float]:
    """Lines per second of each way to compose cells."""
    codes, lengths = encode_texts(texts)
    canvas = np.zeros((len(texts), GLYPH_SIZE, GLYPH_SIZE * CELLS), np.uint8)
    glyphs_of = {character: torch.from_numpy(bank.of(character)) for character in VISIBLE_CHARACTERS}
    glyphs_of[" "] = torch.zeros(1, GLYPH_SIZE, GLYPH_SIZE, dtype=torch.uint8)
    rng = np.random.default_rng(0)
    seconds: dict[str, list[float]] = {"lab": [], "memory_bound": [], "ours": []}
    for number in range(ROUNDS + 1):  # the first compiles
        indices = np.arange(len(texts)) + number * len(texts)
        places = _place_cells(bank, codes, lengths, (0.0, MAX_OVERLAP, False), 0, indices)

        def copy_range(first: int, last: int, places=places) -> None:  # type: ignore[no-untyped-def]
            copy_rows(bank.images, places.starts, places.glyphs, first, last, canvas)

        def ours(indices: np.ndarray = indices) -> None:
            compose_cells(
                bank, codes, lengths, min_overlap=0, max_overlap=MAX_OVERLAP, seed=0, indices=indices, out=canvas
            )

        some = rng.choice(len(texts), LAB_LINES)
        took = {
            "lab": timed(lambda: [compose_as_the_lab(glyphs_of, texts[i], rng) for i in some]) / LAB_LINES,  # noqa: B023
            "memory_bound": timed(lambda: over_ranges(copy_range, len(texts), True)) / len(texts),
            "ours": timed(ours) / len(texts),
        }
        if number:
            for name, value in took.items():
                seconds[name].append(value)
    return {name: 1 / min(values) for name, values in seconds.items()}


def compose_as_the_lab(glyphs_of: dict[str, torch.Tensor], text: str, rng: np.random.Generator) -> torch.Tensor:
    """One line as the lab composes it: one glyph per character, added slice by slice."""
    chosen: dict[str, torch.Tensor] = {}
    for character in text:
        if character not in chosen:
            chosen[character] = glyphs_of[character][rng.integers(len(glyphs_of[character]))]
    advance = GLYPH_SIZE - int(rng.uniform(0, MAX_OVERLAP) * GLYPH_SIZE)
    line = torch.zeros((GLYPH_SIZE, GLYPH_SIZE * CELLS), dtype=torch.uint8)
    for number, character in enumerate(text):
        line[:, number * advance : number * advance + GLYPH_SIZE] += chosen[character]
    return torch.minimum(torch.tensor([255]), line)


@njit(nogil=True)
def copy_rows(
    bank: np.ndarray, starts: np.ndarray, glyphs: np.ndarray, first: int, last: int, canvas: np.ndarray
) -> None:
    """Clear lines ``first`` to ``last`` of the canvas and copy their glyphs, 28 rows each, without merging.

    As in ours, a line is cleared just before its glyphs come, and the next line's glyphs are fetched ahead.
    """
    size, width = GLYPH_SIZE * GLYPH_SIZE, canvas.shape[2]
    for line in range(first, last):
        if line + 1 < last:
            for glyph in glyphs[line + 1]:
                if glyph >= 0:
                    _fetch_glyph(bank.ctypes.data + glyph * size)  # type: ignore[call-arg]
        canvas[line] = 0
        start = canvas.ctypes.data + np.int64(line) * GLYPH_SIZE * width
        for k in range(glyphs.shape[1]):
            if glyphs[line, k] >= 0:
                source = bank.ctypes.data + glyphs[line, k] * size
                _copy_glyph(start + starts[line, k], width, source)  # type: ignore[call-arg]


def measure_handwriting(bank: GlyphBank, texts: list[str]) -> dict[str, float]:
    """Lines per second of the layout ``handwriting``, and with degradations."""
    codes, lengths = encode_texts(texts)
    seconds: dict[str, list[float]] = {"handwriting": [], "handwriting_degraded": []}
    for number in range(4):  # the first compiles
        indices = np.arange(len(texts)) + number * len(texts)
        started = time.perf_counter()
        images, widths, _ = compose_handwriting(bank, codes, lengths, seed=0, indices=indices)
        composed = time.perf_counter()
        degrade(images, widths, seed=0, indices=indices)
        if number:
            seconds["handwriting"].append(composed - started)
            seconds["handwriting_degraded"].append(time.perf_counter() - started)
    return {name: len(texts) / min(values) for name, values in seconds.items()}


def timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def table(results: dict[str, Any]) -> str:
    """The results as Markdown."""
    rates = results["lines_per_second"]
    lines = ["| method, 16 characters | lines/s | times the lab's |", "| --- | ---: | ---: |"]
    lines += [f"| {NAMES[name]} | {rate:,} | {rate / rates['lab']:.0f} |" for name, rate in rates.items()]
    share = f"Ours reaches {results['share_of_memory_bound']:.0%} of the memory bound."
    return "\n".join([*lines, "", f"{share} Machine: {results['machine']}."])


if __name__ == "__main__":
    main()
