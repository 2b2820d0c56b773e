"""Lines of pages: PAGE XML and ALTO, each file beside the picture of its page."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from text_recognizer.errors import counted
from text_recognizer.imaging.pictures import SUFFIXES
from text_recognizer.labels.lines import LabelledLine, Labels, Outline, is_there, within

_MOST_BYTES = 64 << 20
Points = tuple[tuple[float, float], ...]


def kind_of(file: Path) -> str | None:
    """``PAGE`` or ``ALTO``, if a file is that, by its first element."""
    try:
        for _, element in ET.iterparse(file, events=("start",)):
            return {"PcGts": "PAGE", "alto": "ALTO"}.get(_local(element))
    except (ET.ParseError, OSError, ValueError, LookupError):
        return None
    return None


def read_page(labels: Labels, file: Path) -> None:
    """Add the lines of a PAGE XML or ALTO file to ``labels``, or say what is wrong with it."""
    name = within(labels.folder, file)
    try:
        if file.stat().st_size > _MOST_BYTES:
            raise ValueError(f"more than {_MOST_BYTES >> 20} MB")
        root = ET.parse(file).getroot()
        found = list(_lines_of_page(root) if _local(root) == "PcGts" else _lines_of_alto(root))
    except (ET.ParseError, OSError, ValueError, LookupError) as error:
        labels.faults.append(f"{name}: cannot be read as PAGE XML or ALTO ({error}); its lines were left out.")
        return
    picture = _picture_of(file, _named_picture(root))
    if picture is None:
        labels.faults.append(
            f"{name}: there is no picture of its page beside it; {counted(len(found), 'line')} left out."
        )
        return
    page = within(labels.folder, picture)
    for number, (identity, text, outline) in enumerate(found, 1):
        line = f"{name}#{identity or number}"
        if outline is None:
            labels.faults.append(f"{line}: has no outline and was left out.")
        else:
            labels.lines.append(LabelledLine(line, picture, text, {"page": page}, outline))


def _local(element: ET.Element) -> str:
    return element.tag.rpartition("}")[2]


def _all(element: ET.Element, *names: str) -> Iterator[ET.Element]:
    return (one for one in element.iter() if _local(one) in names)


def _child(element: ET.Element, name: str) -> ET.Element | None:
    return next((one for one in element if _local(one) == name), None)


def _named_picture(root: ET.Element) -> str:
    for element in _all(root, "Page", "fileName"):
        named = element.get("imageFilename") if _local(element) == "Page" else element.text
        if named and named.strip():
            return named.strip()
    return ""


def _picture_of(file: Path, named: str) -> Path | None:
    """The picture that a file names, beside it or above its folder, else the one that has its name."""
    path = PurePosixPath(named.replace("\\", "/"))
    places = [file.parent, file.parent.parent]
    wanted = [place / name for place in places for name in (str(path), path.name) if named]
    wanted += [place / (file.stem + suffix) for place in places for suffix in sorted(SUFFIXES)]
    root = file.parent.parent
    return next((one for one in wanted if is_there(one) and one.resolve().is_relative_to(root.resolve())), None)


def _numbers(text: str) -> Points:
    """Points of ``x,y x,y`` or ``x y x y``."""
    values = [float(value) for value in text.replace(",", " ").split()]
    if len(values) % 2:
        raise ValueError(f"points {text[:40]!r} are no pairs")
    return tuple(zip(values[::2], values[1::2], strict=True))


def _size(page: ET.Element | None, width: str, height: str) -> tuple[float, float] | None:
    if page is None:
        return None
    size = float(page.get(width) or 0), float(page.get(height) or 0)
    return size if min(size) > 0 else None


def _lines_of_page(root: ET.Element) -> Iterator[tuple[str, str, Outline | None]]:
    page = next(_all(root, "Page"), None)
    size = _size(page, "imageWidth", "imageHeight")
    for line in _all(root, "TextLine"):
        texts = [one for one in line if _local(one) == "TextEquiv"]
        best = min(texts, key=lambda one: int(one.get("index") or 0), default=None)
        unicode = None if best is None else _child(best, "Unicode")
        coords = _child(line, "Coords")
        points = _points_of_page(coords)
        text = "" if unicode is None else unicode.text or ""
        yield line.get("id") or "", text, Outline(points, size) if len(points) > 1 else None


def _points_of_page(coords: ET.Element | None) -> Points:
    if coords is None:
        return ()
    if coords.get("points"):
        return _numbers(coords.get("points") or "")
    return tuple((float(one.get("x") or 0), float(one.get("y") or 0)) for one in _all(coords, "Point"))


def _lines_of_alto(root: ET.Element) -> Iterator[tuple[str, str, Outline | None]]:
    page = next(_all(root, "Page"), None)
    size = _size(page, "WIDTH", "HEIGHT")
    for line in _all(root, "TextLine"):
        words = [one.get("CONTENT") or "" for one in line if _local(one) == "String"]
        hyphen = next((one.get("CONTENT") or "-" for one in line if _local(one) == "HYP"), "")
        text = " ".join(words) + hyphen
        points = _points_of_alto(line)
        yield line.get("ID") or "", text, Outline(points, size) if len(points) > 1 else None


def _points_of_alto(line: ET.Element) -> Points:
    shape = _child(line, "Shape")
    polygon = None if shape is None else _child(shape, "Polygon")
    if polygon is not None and polygon.get("POINTS"):
        return _numbers(polygon.get("POINTS") or "")
    box = [line.get(name) for name in ("HPOS", "VPOS", "WIDTH", "HEIGHT")]
    if any(value is None for value in box):
        return ()
    x, y, width, height = (float(value or 0) for value in box)
    return (x, y), (x + width, y + height)
