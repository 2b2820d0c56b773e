"""Pages as hOCR 1.2, web pages that carry their layout (https://kba.github.io/hocr-spec/1.2/)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from xml.etree.ElementTree import Element

from text_recognizer.documents.layout import Box, Line, ReadPage, Table, blocks_of, box_around, lines_of
from text_recognizer.documents.xml import add, program, serialized

_CAPABILITIES = "ocr_page ocr_carea ocr_par ocr_table ocr_line ocrx_word ocrp_poly ocrp_wconf"


def hocr_of(pages: Sequence[ReadPage]) -> str:
    """One web page of all pages."""
    root = Element("html", {"xmlns": "http://www.w3.org/1999/xhtml", "lang": "en"})
    head = add(root, "head")
    add(head, "title", pages[0].file if pages else "")
    add(head, "meta", **{"http-equiv": "Content-Type", "content": "text/html; charset=utf-8"})
    add(head, "meta", name="ocr-system", content=program())
    add(head, "meta", name="ocr-capabilities", content=_CAPABILITIES)
    add(head, "meta", name="ocr-number-of-pages", content=len(pages))
    body = add(root, "body")
    for number, page in enumerate(pages, 1):
        _add_page(body, number, page)
    return serialized(root)


def _add_page(body: Element, number: int, page: ReadPage) -> None:
    own = f"page_{number}"
    file = page.file.replace("\\", "/").replace('"', "'").replace(";", ",")
    title = f'image "{file}"; bbox 0 0 {page.width} {page.height}; ppageno {page.number - 1}'
    node = add(body, "div", **{"class": "ocr_page", "id": own, "title": title})
    lines = lines_of(page)
    for block_number, block in enumerate(blocks_of(page), 1):
        if isinstance(block, Table):
            _add_table(node, f"{number}_{block_number}", block, number, lines)
            continue
        title = _bbox(box_around([lines[place].box for place in block]))
        names = {kind: f"{kind}_{number}_{block_number}" for kind in ("area", "par")}
        area = add(node, "div", **{"class": "ocr_carea", "id": names["area"], "title": title})
        paragraph = add(area, "p", **{"class": "ocr_par", "id": names["par"], "title": title})
        for place in block:
            _add_line(paragraph, f"{number}_{place + 1}", lines[place])


def _add_table(page: Element, own: str, table: Table, number: int, lines: list[Line]) -> None:
    """A table of a web page, in whose cells the lines stand."""
    node = add(page, "table", **{"class": "ocr_table", "id": f"table_{own}", "title": _bbox(table.box)})
    for _, row in groupby(table.cells, key=lambda cell: cell.row):
        line = add(node, "tr")
        for cell in row:
            spans = {"rowspan": cell.rows, "colspan": cell.columns}
            inside = add(line, "td", **{name: span for name, span in spans.items() if span > 1})
            for place in cell.lines:
                _add_line(inside, f"{number}_{place + 1}", lines[place])


def _add_line(paragraph: Element, own: str, line: Line) -> None:
    polygon = " ".join(f"{x} {y}" for x, y in line.polygon)
    title = f"{_bbox(line.box)}; baseline {_baseline(line)}; poly {polygon}; x_wconf {_percent(line.confidence)}"
    node = add(paragraph, "span", **{"class": "ocr_line", "id": f"line_{own}", "title": title})
    for number, word in enumerate(line.words, 1):
        title = f"{_bbox(word.box)}; x_wconf {_percent(word.confidence)}"
        add(node, "span", word.text, **{"class": "ocrx_word", "id": f"word_{own}_{number}", "title": title})


def _baseline(line: Line) -> str:
    """Slope and offset of the baseline from the lower left corner of the line's box."""
    (x0, y0), (x1, y1) = line.baseline[0], line.baseline[-1]
    slope = (y1 - y0) / max(x1 - x0, 1)
    return f"{slope:.4f} {round(y0 - line.box[3] + slope * (line.box[0] - x0))}"


def _bbox(box: Box) -> str:
    return "bbox " + " ".join(map(str, box))


def _percent(confidence: float) -> int:
    return round(100 * confidence)
