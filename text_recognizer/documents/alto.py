"""Pages as ALTO 4, the layout format of libraries (https://www.loc.gov/standards/alto/)."""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree.ElementTree import Element

from text_recognizer.documents.layout import Box, Line, ReadPage, Table, Word, blocks_of, box_around, lines_of
from text_recognizer.documents.xml import add, plain, points, program, serialized

NAMESPACE = "http://www.loc.gov/standards/alto/ns-v4#"


def alto_of(pages: Sequence[ReadPage], alternatives: int) -> str:
    """An ALTO document of the pages of one file; ``alternatives`` of each character are its variants."""
    root = Element("alto", {"xmlns": NAMESPACE, "SCHEMAVERSION": "4.3"})
    description = add(root, "Description")
    add(description, "MeasurementUnit", "pixel")
    add(add(description, "sourceImageInformation"), "fileName", pages[0].file)
    software = add(add(description, "Processing", ID="processing"), "processingSoftware")
    name, version = program().split()
    add(software, "softwareName", name)
    add(software, "softwareVersion", version)
    layout = add(root, "Layout")
    for page in pages:
        _add_page(layout, page, alternatives)
    return serialized(root)


def _add_page(layout: Element, page: ReadPage, alternatives: int) -> None:
    own = f"page{page.number}"
    size = {"WIDTH": page.width, "HEIGHT": page.height}
    node = add(layout, "Page", ID=own, PHYSICAL_IMG_NR=page.number, PC=f"{page.confidence:.4f}", **size)
    space = add(node, "PrintSpace", HPOS=0, VPOS=0, **size)
    lines = lines_of(page)
    for number, block in enumerate(blocks_of(page), 1):
        name = f"{own}-block{number}"
        if isinstance(block, Table):
            _add_table(space, name, block, lines, alternatives)
        else:
            box = box_around([lines[place].box for place in block])
            _add_lines(add(space, "TextBlock", ID=name, **_place(box)), block, lines, alternatives)


def _add_table(space: Element, own: str, table: Table, lines: list[Line], alternatives: int) -> None:
    """A composed block with a block for each cell."""
    node = add(space, "ComposedBlock", ID=own, TYPE="table", **_place(table.box))
    for cell in table.cells:
        block = add(node, "TextBlock", ID=f"{own}-cell{cell.row + 1}-{cell.column + 1}", **_place(cell.box))
        _add_lines(block, cell.lines, lines, alternatives)


def _add_lines(block: Element, places: Sequence[int], lines: list[Line], alternatives: int) -> None:
    page = block.get("ID", "").partition("-")[0]
    for place in places:
        _add_line(block, f"{page}-line{place + 1}", lines[place], alternatives)


def _add_line(block: Element, own: str, line: Line, alternatives: int) -> None:
    node = add(block, "TextLine", ID=own, BASELINE=points(line.baseline), **_place(line.box))
    add(add(node, "Shape"), "Polygon", POINTS=points(line.polygon))
    for number, word in enumerate(line.words, 1):
        if number > 1:
            before = line.words[number - 2].box
            add(node, "SP", HPOS=before[2], VPOS=before[1], WIDTH=max(word.box[0] - before[2], 0))
        _add_word(node, f"{own}-word{number}", word, alternatives)


def _add_word(line: Element, own: str, word: Word, alternatives: int) -> None:
    node = add(line, "String", ID=own, CONTENT=word.text, WC=f"{word.confidence:.4f}", **_place(word.box))
    for number, glyph in enumerate(word.glyphs, 1):
        where = _place(glyph.box)
        child = add(node, "Glyph", ID=f"{own}-glyph{number}", CONTENT=glyph.text, GC=f"{glyph.confidence:.4f}", **where)
        for text, probability in glyph.alternatives[:alternatives]:
            add(child, "Variant", CONTENT=plain(text), VC=f"{probability:.4f}")


def _place(box: Box) -> dict[str, int]:
    left, top, right, bottom = box
    return {"HPOS": left, "VPOS": top, "WIDTH": right - left, "HEIGHT": bottom - top}
