"""Make the sample of UNIPEN's writing that ships with the package, from all of it.

``python -m text_recognizer.training.shipped.build_pen_sample``
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

from text_recognizer.command_line import run_safely
from text_recognizer.data.glyphs.unipen import PEN_SAMPLE, SAMPLE_UNIT, PenWriting, load_all_unipen
from text_recognizer.files import replacing

SEED = 0
LONGEST = 40
"""Characters of the longest piece."""


def chosen(writing: PenWriting, words: int, alphabets: int) -> np.ndarray:
    """Numbers of the pieces to keep, int64.

    Of each writer so many words or texts; and of so many writers, those who wrote most different characters, one piece
    of each character.
    """
    rng = np.random.default_rng(SEED)
    is_character = writing.levels == "character"
    short = np.char.str_len(writing.labels) <= LONGEST
    kept: list[int] = []
    own_characters = []
    for writer in np.unique(writing.writers):
        own = writing.writers == writer
        kept += rng.permutation(np.flatnonzero(own & ~is_character & short))[:words].tolist()
        numbers = rng.permutation(np.flatnonzero(own & is_character))
        own_characters.append(numbers[np.unique(writing.labels[numbers], return_index=True)[1]])
    for numbers in sorted(own_characters, key=len, reverse=True)[:alphabets]:
        kept += numbers.tolist()
    return np.sort(kept)


def packed(writing: PenWriting, shares: np.ndarray, numbers: np.ndarray) -> dict[str, np.ndarray]:
    """The arrays of these pieces; points as steps in parts of a band height, so that the file is small."""
    strokes = [writing.strokes_of(number) for number in numbers.tolist()]
    points = np.rint(np.concatenate([stroke for one in strokes for stroke in one]) * SAMPLE_UNIT).astype(np.int32)
    _, writers = np.unique(writing.writers[numbers], return_inverse=True)
    return {
        "steps": np.diff(points, axis=0, prepend=0).astype(np.int16),
        "strokes": np.cumsum([0, *(len(stroke) for one in strokes for stroke in one)], dtype=np.int32),
        "segments": np.cumsum([0, *map(len, strokes)], dtype=np.int32),
        "labels": writing.labels[numbers].astype(f"<U{LONGEST}"),
        "writers": writers.astype(np.int16),
        "levels": writing.levels[numbers],
        "heights": writing.heights[numbers],
        "shares": shares[numbers],
    }


def main() -> int:
    """Build the sample."""
    parser = argparse.ArgumentParser(description="Make the sample of UNIPEN's writing.")
    parser.add_argument("--words", type=int, default=8, help="Words or texts of each writer, at most.")
    parser.add_argument("--alphabets", type=int, default=80, help="Writers whose characters are kept.")
    parser.add_argument("--output", type=Path, default=PEN_SAMPLE)
    arguments = parser.parse_args()

    def command() -> None:
        writing, shares = load_all_unipen()
        numbers = chosen(writing, arguments.words, arguments.alphabets)
        with replacing(arguments.output) as temporary, temporary.open("wb") as file:
            np.savez_compressed(file, **packed(writing, shares, numbers))  # type: ignore[arg-type]
        writers = len(np.unique(writing.writers[numbers]))
        size = arguments.output.stat().st_size / 1e3
        print(f"{arguments.output}: {len(numbers)} pieces by {writers} writers, {size:.0f} kB")

    return run_safely(command)


if __name__ == "__main__":
    sys.exit(main())
