"""A page as PAGE XML, version 2019-07-15, the format of layout and transcription tools (https://www.primaresearch.org)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from xml.etree.ElementTree import Element

from text_recognizer.documents.layout import Line, ReadPage, Rival, Table, Word, blocks_of, box_around, lines_of
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
    blocks = blocks_of(page)
    if blocks:
        order = add(add(node, "ReadingOrder"), "OrderedGroup", id="order")
        lines = lines_of(page)
        for number, block in enumerate(blocks, 1):
            own = f"table{number}" if isinstance(block, Table) else f"text{number}"
            add(order, "RegionRefIndexed", index=number - 1, regionRef=own)
            if isinstance(block, Table):
                _add_table(node, own, block, lines, alternatives)
            else:
                _add_lines(_add_region(node, own, block, lines), block, lines, alternatives)
    return serialized(root)


def _add_region(parent: Element, own: str, places: Sequence[int], lines: list[Line]) -> Element:
    region = add(parent, "TextRegion", id=own)
    add(region, "Coords", points=points(corners(box_around([lines[place].box for place in places]))))
    return region


def _add_table(page: Element, own: str, table: Table, lines: list[Line], alternatives: int) -> None:
    """A table with a region for each cell, which says its row and column."""
    region = add(page, "TableRegion", id=own, rows=table.rows, columns=table.columns)
    add(region, "Coords", points=points(table.polygon))
    for cell in table.cells:
        node = add(region, "TextRegion", id=f"{own}-{cell.row + 1}-{cell.column + 1}")
        add(node, "Coords", points=points(cell.polygon))
        where = {"rowIndex": cell.row, "columnIndex": cell.column, "rowSpan": cell.rows, "colSpan": cell.columns}
        add(add(node, "Roles"), "TableCellRole", **where)
        if cell.lines:
            _add_lines(node, cell.lines, lines, alternatives)


def _add_lines(region: Element, places: Sequence[int], lines: list[Line], alternatives: int) -> None:
    own = [lines[place] for place in places]
    for place, line in zip(places, own, strict=True):
        _add_line(region, f"line{place + 1}", line, alternatives)
    count = sum(len(line.text) for line in own)
    confidence = sum(line.confidence * len(line.text) for line in own) / count
    _add_text(region, "\n".join(line.text for line in own), confidence)


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
