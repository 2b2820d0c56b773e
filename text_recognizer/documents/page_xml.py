"""A page as PAGE XML, version 2019-07-15, the format of layout and transcription tools (https://www.primaresearch.org)."""

from __future__ import annotations

from datetime import UTC, datetime
from xml.etree.ElementTree import Element

from text_recognizer.documents.layout import Line, ReadPage, Rival, Word, box_around, lines_of
from text_recognizer.documents.xml import add, corners, points, program, serialized

NAMESPACE = "http://schema.primaresearch.org/PAGE/gts/pagecontent/2019-07-15"


def page_xml_of(page: ReadPage, alternatives: int) -> str:
    """A PAGE document, which holds one page; ``alternatives`` of each line and character follow its first text."""
    root = Element("PcGts", {"xmlns": NAMESPACE})
    metadata = add(root, "Metadata")
    now = datetime.now(UTC).isoformat(timespec="seconds")
    for name, said in (("Creator", program()), ("Created", now), ("LastChange", now)):
        add(metadata, name, said)
    size = {"imageWidth": page.width, "imageHeight": page.height}
    node = add(root, "Page", imageFilename=page.file, **size)
    lines = lines_of(page)
    if lines:
        order = add(add(node, "ReadingOrder"), "OrderedGroup", id="order")
        add(order, "RegionRefIndexed", index=0, regionRef="text")
        region = add(node, "TextRegion", id="text")
        add(region, "Coords", points=points(corners(box_around([line.box for line in lines]))))
        for number, line in enumerate(lines, 1):
            _add_line(region, f"line{number}", line, alternatives)
        _add_text(region, page.text, page.confidence)
    return serialized(root)


def _add_line(region: Element, own: str, line: Line, alternatives: int) -> None:
    node = add(region, "TextLine", id=own)
    add(node, "Coords", points=points(line.polygon))
    add(node, "Baseline", points=points(line.baseline))
    for number, word in enumerate(line.words, 1):
        _add_word(node, f"{own}-word{number}", word, alternatives)
    _add_text(node, line.text, line.confidence, line.alternatives[:alternatives])


def _add_word(line: Element, own: str, word: Word, alternatives: int) -> None:
    node = add(line, "Word", id=own)
    add(node, "Coords", points=points(word.polygon))
    for number, glyph in enumerate(word.glyphs, 1):
        child = add(node, "Glyph", id=f"{own}-glyph{number}")
        add(child, "Coords", points=points(corners(glyph.box)))
        _add_text(child, glyph.text, glyph.confidence, glyph.alternatives[:alternatives])
    _add_text(node, word.text, word.confidence)


def _add_text(parent: Element, text: str, confidence: float, others: tuple[Rival, ...] = ()) -> None:
    for index, (said, probability) in enumerate(((text, confidence), *others)):
        number = {"index": index} if others else {}
        add(add(parent, "TextEquiv", conf=f"{probability:.4f}", **number), "Unicode", said)
