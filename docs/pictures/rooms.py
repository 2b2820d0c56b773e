"""Draw docs/pictures/rooms.svg, the rooms of the package, from the contract of layers in pyproject.toml.

python docs/pictures/rooms.py
"""

from __future__ import annotations

import tomllib
from html import escape
from pathlib import Path

FOLDER = Path(__file__).parent
WIDTH, ROW, GAP, MARGIN = 760, 44, 14, 10
ABOUT = {
    "__main__": "python -m",
    "cli": "the table of commands",
    "commands": "one file a command",
    "ocrmypdf": "a plug-in of OCRmyPDF",
    "serving": "HTTP and the page",
    "course": "names of its notebooks",
    "documents": "files to pages to formats",
    "hand": "learns one person's writing",
    "training": "trains and exports a reader",
    "evaluation": "how well readers read",
    "data": "characters + text: lines",
    "models": "one file a model",
    "reading": "line to text, confidence",
    "labels": "pictures and what they say",
    "imaging": "a picture, normalized",
    "registry": "names of classes",
    "alphabet": "characters, indices",
    "cluster": "Ray, on many machines",
    "command_line": "parser of flags",
    "files": "written whole",
    "processors": "how many cores",
    "errors": "messages to the user",
}


def layers() -> list[list[str]]:
    """The rooms of the first contract, row by row: those that import above those that are imported."""
    project = tomllib.loads((FOLDER.parents[1] / "pyproject.toml").read_text(encoding="utf-8"))
    return [row.split(" | ") for row in project["tool"]["importlinter"]["contracts"][0]["layers"]]


def drawing() -> str:
    """The picture, an SVG file: a room imports from the rows below its own."""
    rows = layers()
    height = len(rows) * (ROW + GAP) - GAP + 2 * MARGIN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif">',
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
    ]
    for number, row in enumerate(rows):
        y = MARGIN + number * (ROW + GAP)
        width = (WIDTH - 2 * MARGIN - (len(row) - 1) * GAP) / len(row)
        for place, room in enumerate(row):
            x = MARGIN + place * (width + GAP)
            parts += [
                f'<rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="{ROW}" rx="6" fill="#e8f0fa" '
                'stroke="#46688f"/>',
                f'<text x="{x + 12:.1f}" y="{y + 18}" font-size="14" font-weight="bold">{escape(room)}</text>',
                f'<text x="{x + 12:.1f}" y="{y + 35}" font-size="12" fill="#333">{escape(ABOUT[room])}</text>',
            ]
        if number:
            tip = y - 2
            parts.append(f'<path d="M{WIDTH / 2} {y - GAP}V{tip}l-4 -5h8l-4 5" fill="#46688f" stroke="#46688f"/>')
    return "\n".join([*parts, "</svg>\n"])


if __name__ == "__main__":
    (FOLDER / "rooms.svg").write_text(drawing(), encoding="utf-8")
