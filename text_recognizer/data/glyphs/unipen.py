"""UNIPEN: the way of the pen in characters, words and texts of hundreds of writers.

The official layout: files under ``data/`` name files under ``include/`` and label runs of their components, which are
stretches of the pen on or off the paper. See ``data/raw/unipen/readme.md``. A sample ships with the package.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Literal

import numpy as np
from tqdm import tqdm

from text_recognizer.data.download import data_file, explain_damage, made_once, processed_folder
from text_recognizer.data.splits import Split
from text_recognizer.errors import UserError
from text_recognizer.imaging.band import fit_band

LEVELS = {"1a": "character", "1b": "character", "1c": "character", "1d": "character", "7": "word", "8": "text"}
"""Categories of UNIPEN and what their segments are."""
PenSource = Literal["unipen", "builtin"]
PEN_SAMPLE = Path(__file__).with_name("pen_sample") / "writing.npz"
SAMPLE_UNIT = 64
"""Steps of the sample's pen in a band height."""
VERSION = 5
HELD_OUT_SITES = frozenset({"ced"})
"""The evaluation draws on these sites."""
CAPITAL_WRITERS = frozenset({"apd/Mark_Crawford", "pap/bmcaps"})
"""Writers of capitals alone, whose labels have small letters."""

_SEGMENT = re.compile(r'\.SEGMENT\s+\w+\s+([\d:,\-\s]+?)\s+(\S+)?\s*"(.*)"')
_COMPONENTS = re.compile(r"(\d+)(?::(\d+))?(?:-(\d+)(?::(\d+))?)?")
_SPACED = ((re.compile(r" +([.,;:!?%)\]}]|n't\b|')"), r"\1"), (re.compile(r"([(\[{$#'] *) "), r"\1"))
_DIGITS_APART = (
    (re.compile(r"(?<![\w/.:])(\d) (?=\d(?:[ .,]|$))"), r"\1"),
    (re.compile(r"(\d) (?=(?:st|nd|rd|th)\b)"), r"\1"),
)
_TIME_APART = re.compile(r"\d [:/] \d|[:/] \d \d\b")  # where one number ends and the next begins is not said
_POINTS_PER_HEIGHT = 12
_WIDTH_PER_CHARACTER = (0.15, 2.5)  # of a line's height; other words have a wrong label or run over several rows
_FAR, _MOST_FAR = 1.4, 0.12  # more ink than this share, so many heights off the centre, is another row
_SHARES: dict[Split, tuple[int, int]] = {"train": (0, 90), "val": (90, 95), "test": (95, 100)}


@dataclass(frozen=True, eq=False)
class PenWriting:
    """Labelled writing of many writers, each piece with its centre line level at y = 0 and its band one unit high.

    Attributes:
        points: float32 (P, 2), x to the right and y downwards, evenly spaced along the strokes.
        strokes: int64 (S + 1,), first point of each stroke.
        segments: int64 (N + 1,), first stroke of each segment.
        labels: <U (N,), what is written.
        writers: int64 (N,), number of the writer.
        levels: <U9 (N,), ``character``, ``word`` or ``text``.
        heights: float32 (N,), height of the band in the writer's own units, by which pieces of one writer compare.
    """

    points: np.ndarray
    strokes: np.ndarray
    segments: np.ndarray
    labels: np.ndarray
    writers: np.ndarray
    levels: np.ndarray
    heights: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)

    def strokes_of(self, segment: int) -> list[np.ndarray]:
        """The strokes of a segment, each float32 (points, 2)."""
        bounds = self.strokes[self.segments[segment] : self.segments[segment + 1] + 1]
        return [self.points[start:end] for start, end in pairwise(bounds)]


def load_unipen(split: Split, source: PenSource = "unipen") -> tuple[PenWriting, np.ndarray]:
    """UNIPEN's writing, downloaded and decoded first if need be, and which segments belong to a split.

    Writers are dealt to the splits by the hash of their site and name: 90, 5 and 5 %.

    Args:
        split: ``train``, ``val`` or ``test``.
        source: ``unipen`` for all of it, ``builtin`` for the sample that ships with the package.

    Returns:
        All writing, and int64 (n,) the numbers of the split's segments.

    Raises:
        UserError: If the archive cannot be had or is not UNIPEN.
    """
    writing, shares = load_all_unipen(source)
    low, high = _SHARES[split]
    return writing, np.flatnonzero((shares >= low) & (shares < high))


def load_all_unipen(source: PenSource = "unipen") -> tuple[PenWriting, np.ndarray]:
    """All writing, and uint8 (N,) by which segments are dealt to the splits; as :func:`load_unipen`."""
    return _load(prepare_unipen(source))


def prepare_unipen(source: PenSource = "unipen") -> Path:
    """Download and decode UNIPEN unless the cache holds it; returns where the arrays are.

    Raises:
        UserError: As :func:`load_unipen` does.
    """
    if source == "builtin":
        return PEN_SAMPLE
    archive = data_file("unipen", "unipen-english.tar.xz")
    path = processed_folder() / f"unipen-{archive.key}-{VERSION}"
    return made_once(path, lambda folder: _decode(archive.fetch(), folder))


@lru_cache(maxsize=2)
def _load(path: Path) -> tuple[PenWriting, np.ndarray]:
    if path == PEN_SAMPLE:
        values = dict(np.load(path))
        values["points"] = (np.cumsum(values.pop("steps"), axis=0, dtype=np.int32) / SAMPLE_UNIT).astype(np.float32)
        return _parted(values)
    with explain_damage(path):
        return _parted({file.stem: np.load(file, mmap_mode="r") for file in path.glob("*.npy")})


def _parted(values: dict[str, np.ndarray]) -> tuple[PenWriting, np.ndarray]:
    shares = values.pop("shares")
    return PenWriting(**values), shares


def _decode(archive: Path, folder: Path) -> None:
    release = folder / "release"
    try:
        with tarfile.open(archive) as members:
            members.extractall(release, filter="data")
    except (tarfile.TarError, EOFError) as error:
        raise UserError(f"{archive} is not a readable archive ({error}).") from error
    roots = [data.parent for data in release.rglob("data") if (data.parent / "include").is_dir()]
    if not roots:
        raise UserError(f"{archive} is not UNIPEN: it needs the folders data/ and include/.")
    for name, array in _collect(_segments(roots[0])).items():
        np.save(folder / f"{name}.npy", array)
    shutil.rmtree(release)


def _segments(root: Path) -> Iterator[tuple[str, str, str, list[np.ndarray]]]:
    """Level, writer, label and raw strokes of every labelled segment; shows how far it is."""
    folders = {category: root / "data" / category for category in LEVELS}
    files = [(path, category) for category, folder in folders.items() for path in sorted(folder.rglob("*.dat"))]
    for path, category in tqdm(files, desc="UNIPEN", unit="file", disable=None):
        site = path.relative_to(folders[category]).parts[0]
        if site in HELD_OUT_SITES:
            continue
        lines = path.read_text(encoding="latin-1").replace("\r", "\n").split("\n")
        names = [line.split()[1] for line in lines if line.startswith(".INCLUDE") and line.rstrip().endswith(".dat")]
        components: list[tuple[bool, np.ndarray]] = []
        writer = ""
        for name in names:
            found, found_writer = _read_components(root / "include" / name)
            components += found
            writer = writer or found_writer
        writer = f"{site}/{writer}" if writer else f"{site}//{path.stem}"
        for line in lines:
            match = _SEGMENT.match(line)
            if match and match[2] != "BAD" and (label := clean_label(match[3], LEVELS[category])):
                strokes = _cut(match[1], components)
                if strokes:
                    as_written = label.upper() if writer in CAPITAL_WRITERS else label
                    yield LEVELS[category], writer, as_written, strokes


@lru_cache(maxsize=64)
def _read_components(path: Path) -> tuple[list[tuple[bool, np.ndarray]], str]:
    """Stretches of the pen that hold points, on the paper (True) or off, and the writer's name if it is stated."""
    components: list[tuple[bool, np.ndarray]] = []
    points: list[tuple[float, float]] = []
    column_x, column_y, writer, down = 0, 1, "", None

    def end() -> None:
        if down is not None and points:
            components.append((down, np.array(points, np.float32)))
        points.clear()

    if not path.is_file():
        return components, writer
    for line in path.read_text(encoding="latin-1").replace("\r", "\n").split("\n"):
        words = line.split()
        if not words:
            continue
        if words[0] in (".PEN_DOWN", ".PEN_UP"):
            end()
            down = words[0] == ".PEN_DOWN"
        elif line.startswith(".") and words[0] != ".DT":
            end()
            down = None
            if words[0] == ".COORD":
                column_x, column_y = words[1:].index("X"), words[1:].index("Y")
            elif words[0] == ".WRITER_ID" and len(words) > 1:
                writer = words[1]
        elif down is not None and not line.startswith("."):
            try:
                points.append((float(words[column_x]), -float(words[column_y])))
            except (ValueError, IndexError):
                continue
    end()
    return components, writer


def _cut(numbers: str, components: list[tuple[bool, np.ndarray]]) -> list[np.ndarray]:
    """The strokes that a segment names, as ``3-5`` or ``3:10-5:2`` (component:point), or none if one is missing."""
    strokes = []
    for part in re.split(r"[,\s]+", numbers.strip()):
        match = _COMPONENTS.fullmatch(part)
        if not match:
            return []
        first, last = int(match[1]), int(match[3] or match[1])
        if last >= len(components):
            return []
        for number in range(first, last + 1):
            down, points = components[number]
            start = int(match[2] or 0) if number == first else 0
            end = int(match[4]) + 1 if match[4] and number == last else len(points)
            if down and end > start:
                strokes.append(points[start:end])
    return strokes


def clean_label(label: str, level: str) -> str:
    """What was written, or nothing if the label cannot be trusted.

    Labels of texts stand with a space before each punctuation mark ("wasn ' t", "all .") and, of some writers, between
    the digits of a number ("1 8 7 4"), which the ink has not.
    """
    if "\\" in label or not label.isascii() or not label.isprintable():
        return ""
    label = " ".join(label.split())
    if level == "character":
        return label if len(label) == 1 else ""
    if "&&" in label:
        return ""
    if " " in label and all(len(word) == 1 for word in label.split()):  # a date, one character a word
        label = label.replace(" ", "")
    if level == "text":
        if _TIME_APART.search(label):
            return ""
        for pattern, replacement in (*_SPACED, *_DIGITS_APART):
            label = pattern.sub(replacement, label)
    return label


def _collect(segments: Iterator[tuple[str, str, str, list[np.ndarray]]]) -> dict[str, np.ndarray]:
    """The arrays of :class:`PenWriting`, and ``shares`` uint8 (N,), by which writers are dealt to the splits."""
    points: list[np.ndarray] = []
    stroke_counts, labels, writers, levels, heights = [], [], [], [], []
    for level, writer, label, strokes in segments:
        level_strokes = _level(strokes, label, level)
        if level_strokes is None:
            continue
        resampled, height = level_strokes
        points += resampled
        stroke_counts.append(len(resampled))
        labels.append(label)
        writers.append(writer)
        levels.append(level)
        heights.append(height)
    if not labels:
        raise UserError("This is not UNIPEN: it holds no labelled writing of a usable size.")
    names, numbers = np.unique(np.array(writers), return_inverse=True)
    shares = np.array([int(hashlib.sha256(name.encode()).hexdigest(), 16) % 100 for name in names], np.uint8)
    return {
        "points": np.concatenate(points).astype(np.float32),
        "strokes": np.cumsum([0, *map(len, points)]),
        "segments": np.cumsum([0, *stroke_counts]),
        "labels": np.array(labels),
        "writers": numbers,
        "levels": np.array(levels),
        "heights": np.array(heights, np.float32),
        "shares": shares[numbers],
    }


def _level(strokes: list[np.ndarray], label: str, level: str) -> tuple[list[np.ndarray], float] | None:
    """Strokes moved, turned and scaled so that their band is level and one unit high, and the height that it had.

    None if the size of the ink does not fit the label.
    """
    middles = np.concatenate([(s[1:] + s[:-1]) / 2 if len(s) > 1 else s for s in strokes])
    if level == "character":
        everything = np.concatenate(strokes)
        height = max(float(np.ptp(everything[:, 1])), float(np.ptp(everything[:, 0])) / 2, 1e-3)
        centre, slope = float(everything[:, 1].min() + everything[:, 1].max()) / 2, 0.0
    else:
        steps = [np.hypot(*np.diff(stroke, axis=0).T) for stroke in strokes]
        weights = np.concatenate([step if len(step) else np.zeros(1) for step in steps]) + 1e-3
        band = fit_band(middles[:, 0], middles[:, 1], weights)
        height, centre, slope = band.height, band.centre, band.slope
        width = float(np.ptp(middles[:, 0])) / height / len(label)
        if not _WIDTH_PER_CHARACTER[0] < width < _WIDTH_PER_CHARACTER[1] or height <= 1e-3:
            return None
        above = np.abs(middles[:, 1] - centre - slope * middles[:, 0]) > _FAR * height
        if float(weights[above].sum()) > _MOST_FAR * float(weights.sum()):
            return None
    left = float(middles[:, 0].min())
    placed = []
    for stroke in strokes:
        x, y = stroke[:, 0], stroke[:, 1]
        flat = np.stack([(x - left) / height, (y - centre - slope * x) / height], axis=1)
        placed.append(_resample(flat))
    return placed, height


def _resample(stroke: np.ndarray) -> np.ndarray:
    """A smoothed stroke with evenly spaced points; stair-steps of coarse tablets go."""
    along = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(stroke, axis=0).T))])
    count = int(np.ceil(along[-1] * _POINTS_PER_HEIGHT)) + 1
    if count < 3 or len(stroke) < 3:
        return stroke[[0, -1]] if along[-1] > 0 else stroke[:1]
    even = np.linspace(0, along[-1], count)
    points = np.stack([np.interp(even, along, stroke[:, axis]) for axis in (0, 1)], axis=1)
    for _ in range(2):
        points[1:-1] = (points[:-2] + 2 * points[1:-1] + points[2:]) / 4
    return points.astype(np.float32)
