"""Draws where the reader fails, for docs/model-card.md: ``python docs/pictures/failures.py``.

Needs UNIPEN, the handwriting fonts and EMNIST. Of lines whose writers, fonts and glyphs did not train, the worst of
each source are shown with what they say and what was read.
"""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import numpy as np
from rapidfuzz.distance import Levenshtein

from text_recognizer.data.figures import lines_figure, save_figure
from text_recognizer.data.sets.paper_lines import InkShares, PaperLines
from text_recognizer.reading.recognizer import TextRecognizer

OUT = Path(__file__).with_name("failures.png")
LINES, WORST, SEED = 100, 3, 7
SHORTEST = 4


def worst(source: str, recognizer: TextRecognizer) -> list[tuple[np.ndarray, str]]:
    """The lines of a source with the most errors per character, as dark ink on light paper, each with its caption."""
    shares = InkShares(**{field.name: float(field.name == source) for field in fields(InkShares)})
    data = PaperLines(shares=shares, num_test=LINES, seed=SEED)
    data.prepare_data()
    data.setup()
    lines = [data.datasets["test"].line(index) for index in range(LINES)]
    readings = recognizer.read([255 - picture for picture, _, _ in lines])
    rated = [
        (Levenshtein.distance(text, reading.text) / len(text), index)
        for index, ((_, text, _), reading) in enumerate(zip(lines, readings, strict=True))
        if len(text) >= SHORTEST
    ]
    return [
        (lines[index][0], f"{source}: {lines[index][1]!r} was read as {readings[index].text!r}")
        for _, index in sorted(rated, reverse=True)[:WORST]
    ]


def main() -> None:
    recognizer = TextRecognizer()
    shown = [line for field in fields(InkShares) for line in worst(field.name, recognizer)]
    save_figure(lines_figure([picture for picture, _ in shown], [caption for _, caption in shown]), OUT)


if __name__ == "__main__":
    main()
