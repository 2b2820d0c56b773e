"""What the XML formats share."""

from __future__ import annotations

import re
from collections.abc import Iterable
from importlib.metadata import version
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from text_recognizer.documents.layout import Box

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def add(parent: Element, tag: str, text: str | None = None, /, **attributes: object) -> Element:
    """A new last child; what XML cannot hold, as control characters of a file's name, becomes U+FFFD."""
    child = SubElement(parent, tag, {name: plain(str(value)) for name, value in attributes.items()})
    child.text = text if text is None else plain(text)
    return child


def plain(text: str) -> str:
    """Text as XML can hold it."""
    return _NOT_XML.sub("\ufffd", text)


def points(polygon: Iterable[tuple[int, int]]) -> str:
    """``x,y x,y ...``"""
    return " ".join(f"{x},{y}" for x, y in polygon)


def corners(box: Box) -> tuple[tuple[int, int], ...]:
    """The corners of a box, clockwise from the upper left."""
    left, top, right, bottom = box
    return (left, top), (right, top), (right, bottom), (left, bottom)


def program() -> str:
    """The name and version of what wrote a file."""
    return f"text-recognizer {version('text-recognizer')}"


def serialized(root: Element) -> str:
    """The document, indented."""
    indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(root, encoding="unicode") + "\n"
