"""The contact sheet: what was found on a sheet, box by box, for a person to look over."""

from __future__ import annotations

from collections import Counter
from os import PathLike

from PIL import Image, ImageDraw, ImageFont

from text_recognizer.files import replacing
from text_recognizer.hand.sheet.boxes import FilledBox, State
from text_recognizer.hand.sheet.photo import FoundSheet
from text_recognizer.hand.sheet.straighten import MARGIN, PIXELS_PER_MM

_COLOURS: dict[State, tuple[int, int, int]] = {"ok": (0, 130, 60), "empty": (90, 90, 90), "doubtful": (205, 60, 0)}
_PAPERS: dict[State, tuple[int, int, int]] = {
    "ok": (255, 255, 255),
    "empty": (225, 225, 225),
    "doubtful": (255, 232, 222),
}
_SIGNS: dict[State, str] = {"ok": "", "empty": "-", "doubtful": "?"}
_Font = ImageFont.ImageFont | ImageFont.FreeTypeFont
_TEXT = round(2.6 * PIXELS_PER_MM)
_HEAD = 3 * _TEXT


def contact_sheet(found: FoundSheet) -> Image.Image:
    """The straightened sheet with what was cut from each box in place, and each box framed by its state.

    Empty boxes are grey and bear a dash, doubtful ones are red and bear a question mark. Reasons are listed
    below, and a line above says how many there are of each.
    """
    paper = Image.fromarray(found.picture)
    notes = _notes(found.boxes)
    height = _HEAD + paper.height + _TEXT * 3 // 2 * len(notes) + _TEXT
    page = Image.new("RGB", (paper.width, height), "white")
    page.paste(Image.blend(paper, Image.new("L", paper.size, 255), 0.4), (0, _HEAD))
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(_TEXT)
    draw.text((MARGIN * PIXELS_PER_MM, _TEXT), _summary(found.boxes), (0, 0, 0), font)
    for box in found.boxes:
        _show(page, draw, font, box)
    for row, note in enumerate(notes):
        draw.text(
            (MARGIN * PIXELS_PER_MM, _HEAD + paper.height + _TEXT * 3 // 2 * row), note, _COLOURS["doubtful"], font
        )
    return page


def write_contact_sheet(path: str | PathLike[str], found: FoundSheet) -> None:
    """Write the contact sheet as a PNG file.

    Raises:
        UserError: If the file cannot be written.
    """
    picture = contact_sheet(found)
    with replacing(str(path)) as temporary:
        picture.save(temporary, "PNG")


def _summary(boxes: tuple[FilledBox, ...]) -> str:
    counts = Counter(box.state for box in boxes)
    return f"{len(boxes)} boxes: {counts['ok']} fine, {counts['empty']} empty (-), {counts['doubtful']} doubtful (?)"


def _notes(boxes: tuple[FilledBox, ...]) -> list[str]:
    """A line for each reason of doubt: which boxes it is true of."""
    texts: dict[str, Counter[str]] = {}
    for box in boxes:
        if box.state == "doubtful":
            texts.setdefault(box.reason, Counter())[box.text] += 1
    return [
        f"? {reason}: " + "   ".join(text if count == 1 else f"{text} ({count})" for text, count in counter.items())
        for reason, counter in sorted(texts.items())
    ]


def _show(page: Image.Image, draw: ImageDraw.ImageDraw, font: _Font, filled: FilledBox) -> None:
    """Put a box's ink in its place and frame it in the colour of its state."""
    box, colour = filled.box, _COLOURS[filled.state]
    left, top = (round((side + MARGIN) * PIXELS_PER_MM) for side in (box.x, box.y))
    right, bottom = left + round(box.width * PIXELS_PER_MM), top + round(box.height * PIXELS_PER_MM)
    top, bottom = top + _HEAD, bottom + _HEAD
    inset = (right - left - filled.image.shape[1]) // 2
    draw.rectangle(
        (left + 2, top + 2, right - 2, bottom - 2), _PAPERS[filled.state], colour, 1 if filled.state == "ok" else 3
    )
    ink = Image.new("RGB", filled.image.shape[::-1], colour if filled.state == "doubtful" else (0, 0, 0))
    page.paste(ink, (left + inset, top + inset), Image.fromarray(filled.image))
    draw.text((right - 6, top + 4), _SIGNS[filled.state], colour, font, anchor="ra")
