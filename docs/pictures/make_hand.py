"""Draws the pictures of docs/hand.md: ``PYTHONPATH=benchmarks python docs/pictures/make_hand.py``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from photographs import Camera, Writer, fill, print_sheet, return_sheet
from PIL import Image

from text_recognizer.hand.sheet.contact import contact_sheet
from text_recognizer.hand.sheet.layout import Sheet
from text_recognizer.hand.sheet.photo import find_sheet

FOLDER = Path(__file__).parent
HEIGHT = 760
CAMERA = Camera(
    megapixels=4.0, tilt=18.0, toward=200.0, turn=7.0, curl=6.0, along=30.0, shadow=0.35, falloff=0.2, seed=8
)


def main() -> None:
    sheet, writer = Sheet(), Writer.of(11)
    boxes = fill(sheet, writer)
    boxes[9] = []
    boxes[26] = [stroke + np.array([0.0, 3.0]) for stroke in boxes[26]]
    first = sheet.boxes[62]
    boxes[62] = [*boxes[62], np.array([(first.x + 1.5 + 4.5 * (k % 2), first.y + 3 + 0.4 * k) for k in range(11)])]
    photo = CAMERA.photograph(return_sheet(sheet, boxes, writer))
    empty = Image.fromarray(print_sheet(sheet, False))
    pictures = [empty, Image.fromarray(photo), contact_sheet(find_sheet(photo))]
    small = [picture.resize((picture.width * HEIGHT // picture.height, HEIGHT)) for picture in pictures]
    gap = 12
    page = Image.new("RGB", (sum(picture.width for picture in small) + 2 * gap, HEIGHT), "white")
    x = 0
    for picture in small:
        page.paste(picture, (x, 0))
        x += picture.width + gap
    page.quantize(64, Image.Quantize.FASTOCTREE).save(FOLDER / "hand-sheet.png", optimize=True)


if __name__ == "__main__":
    main()
