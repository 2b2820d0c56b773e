"""Pen strokes: characters drawn from skeletons, so that training needs no download.

Skeletons come from the Hershey vector alphabets (A. V. Hershey, U.S. National Bureau of Standards, 1967; public domain)
and from ``SKELETONS``, the forms that people print and Hershey lacks.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import NamedTuple

import numpy as np
from HersheyFonts import HersheyFonts

from text_recognizer.alphabet import ALPHABET, DIGITS, LETTERS
from text_recognizer.data.glyphs.bank import GLYPH_SIZE, GlyphBank
from text_recognizer.data.glyphs.pen import draw
from text_recognizer.errors import UserError

HERSHEY = {"futural": (DIGITS + LETTERS + '!"#&()*+-/:?', 1.0), "cursive": (LETTERS, 0.25)}
"""Hershey alphabets that look hand-written: the characters taken, and their weight (a skeleton below has weight 1)."""

SPACING = 1 / 30
"""Distance between the points of a stroke, in sizes of the character."""

SKELETONS: dict[str, str] = {
    "0": "30~11~04~18~39~58~65~51~30, 61~30~11~05~18~39~58~64~51~20, 40~10~05~29~58~63~40,"
    "30~11~05~18~39~58~65~42~21, 51~30~11~04~18~39~58~65~52, 60~30~05~29~57~53~30~00, 40~10~03~17~49~67~73~40,"
    "30~10~05~29~49~67~62~40~20",
    "1": "8*00-09, 2*02-20-29, 02-20-29 09-49, 20~05~09",
    "2": "11~30~52~36~09-69, 02~30~53~36~19~08~17~48~78, 11~30~50~09-69, 02~20~50~53~08~39~69, 01~40~53~18~07~47~79,"
    "02~30~52~45~18~06~26~69, 02~20~50~53~27~08~06~26~48~78, 12~30~52~37~09~06~37~69, 03~20~51~54~29~08~17~67,"
    "02~20~50~54~08-79, 00~50~27-09-79",
    "3": "01~30~52~24-24~56~39~08, 00-50-24~57~39~08, 01~40~52~34~25~34~66~49~08, 02~30~51~25~66~29~07,"
    "00~40~51~24-24~56~38~09",
    "4": "10-05-65 50-59, 40-06-66 40-49, 00~05~65 60-59, 00~04~35~60-59, 00-05-75 50-49, 50-06-66 50-49,"
    "49-40-05-65, 00-04~65 60-49",
    "5": "60-10-14~44~67~39~08, 10-04~44~66~39~09 10-60, 10~14~35~57~39~08 10-70, 70-20-14~35~57~29~07,"
    "10-04~34~57~29~08 10-60, 20-05~44~67~39~09 20-80",
    "6": "50~04~07~39~57~35~06, 40-06~19~48~46~25~06, 20~04~19~58~56~25~17, 10~06~29~57~45~16~08, 60~05~29~57~35~17,"
    "40~15~07~29~58~56~17, 50~15~08~39~67~55~16, 30~04~08~39~68~56~08, 40-05~08~39~58~46~07, 10~05~08~39~57~45~06,"
    "50~23~08~29~56~46~18, 30-05~29~58~46~16, 20~06~18~49~58~46~26~08, 40~02~08~49~68~55~27",
    "7": "00-60-29, 00-60~33~29, 02-00-60-29, 00-60-29 15-55, 01~20~31~60~35~29, 00-50-59, 02~10-60~34~29",
    "8": "51~30~12~34~56~39~17~35~51, 30~12~34~52~30 34~16~39~57~34, 60~20~12~35~57~39~17~35~60,"
    "30~52~25~07~39~56~23~11~30, 60~30~12~35~57~39~17~34~50, 61~30~12~35~56~39~17~35~62, 50~20~13~46~48~29~07~34~61,"
    "60~20~03~35~47~29~17~35~60, 11~40~52~25~07~39~57~35~12, 10~23~56~39~17~33~50, 50~33~06~29~47~23~10,"
    "00~50~23~07~39~56~23~00",
    "9": "51~20~03~25~51-49, 52~30~03~25~52~57~29~08, 50~20~03~25~50-59, 41~20~02~24~41~39, 62~30~12~44~62-29,"
    "50-20~03~24~51 50-59, 61~30~03~25~60-59",
    "A": "09-30-69 16-56, 09~14~30~54~69 16-56, 09-20~50~69 15-65, 09-10-50-69 15-55, 09-40-69-15-66,"
    "09~21~50~69 15-65, 09-40-49 25-75, 09-50-69 15-75",
    "B": "00-09 00~40~52~34~04-04~46~67~49~09, 09-00~50~52~14-14~66~48~09, 10-19 00~50~62~44~14-14~67~59~09,"
    "00-09-00~50~42~14~66~49~08, 09-00~40~52~24-24~56~48~09~06, 00-09 00~40~42~24-24~56~48~08",
    "C": "62~50~20~05~29~59~67, 61~30~05~39~68, 63-60~20~05~39~68, 50~05~29~69, 60~10~08~49~78, 61~40~14~07~29~69",
    "D": "00-09 00~50~65~49~09, 09-00~60~65~39~09, 10-19 00~50~76~49~09, 00-09~64~00, 20-19 00~40~75~59~09,"
    "00-09-00~50~75~39~08",
    "E": "60-00-09-69 04-54, 61~20~12~34-34~06~19~68, 00-09 00-60 04-54 09-69, 60~10~05~19~69 04-44,"
    "60~10~13~34~06~19~69",
    "F": "00-09 00-60 04-44, 60-00-09 04-44, 10-19 00-60 14-54, 60~30~22-29 04-64, 00~30~60 20~25~19~08 14-54,"
    "70~20~09 04-54",
    "G": "61~30~05~39~67-65-35, 62~40~05~39~66-36 66-69, 61~30~05~39~65-35-65-69, 50~05~29~57~35,"
    "61~30~05~29~67~65-45, 60~20~05~39~65 35-65-68, 60~20~05~29~57 35~65~59, 61~30~05~29~56~36~65~59",
    "H": "2*00-09 60-69 05-65, 00-09-05-64-60-69, 00-09 50-59 04-54",
    "I": "4*00-09, 2*00-60 30-39 09-69, 00-40 20-29 09-49",
    "J": "50-56~39~07, 20-80 50-57~39~07, 00-60 40-47~29~07, 50-57~29~07, 10-50-57~29~07, 40~47~19~08",
    "K": "00-09 60-05-69, 00-09 50-05 24-69, 00-09 60~25~04-04~35~69, 00-09 60-25-69, 00-09 60-14-69",
    "L": "00-09-59, 30~19~09-69, 30~42~29~09-17~39~69, 00~08~29~59, 00~08~49",
    "M": "07-00-45-80-87, 07-10-45-80-97, 07-02~20~37-31~50~67, 00-07-02~30~47-42~70~87, 07-20-45-70-97,"
    "07-10~20~45~80~90-97, 07-00~20~45~50~70~87, 07-20~47~60~87",
    "N": "09-00-69-60, 09-10-59-60, 09~10~20~49~59~60, 00-09 00-69 60-69, 09-00-79-80, 08~10~49~60,"
    "06~10~20~56~70~80, 07-10-57-70",
    "O": "40~10~04~18~49~78~84~71~40, 60~30~11~05~18~39~58~64~51~20, 50~10~05~39~69~84~70~40,"
    "40~10~04~18~49~78~84~51~21, 60~40~10~04~18~49~78~84~62, 70~30~05~29~68~73~40~00",
    "P": "09-00~60~63~05, 00-09 00~50~62~45~04, 10-19 00~60~63~15, 01-09 00~50~62~34~04, 00-09-00~50~62~34~05,"
    "09-00~40~53~25~05",
    "Q": "40~10~04~18~49~78~84~71~40 56-89, 40~10~05~28~58~64~40 46-79, 60~30~11~05~18~39~68~64~51~30 46~57~89,"
    "40~10~04~18~49~68~64~51~40 28~59~89, 40~10~04~17~47~74~71~40 45-59",
    "R": "09-00~50~52~04-59, 00-09 00~50~52~24~04-69, 00-09 00~60~63~14-69, 10-19 00~60~63~14-79, 09-10~50~43~14~69,"
    "09-10~50~43~24~25~69, 00-09-00~50~52~24-69",
    "S": "3*61~30~02~34~56~39~08, 50~10~03~55~47~09, 61~30~12~45~67~39~17, 62~50~10~13~56~38~07, 70~30~12~56~48~09",
    "T": "2*00-60 30-39, 00-60 40-29, 01-61 30-39, 00-70 40-39, 01~30~60 30-29",
    "U": "2*00~06~39~66~60, 2*00-06~39~66-60, 00~08~49~60, 01~10~17~39~66~60, 00~07~39~57-60~68~79",
    "V": "00-39-60, 00~39~60, 00-29~60~70, 02-29-80, 00~37~39~60",
    "W": "00-27-40-67-90, 00~05~27~43-43~57~75~80, 00-27-42-67-90, 00~16~37~43~67~86~90, 00~17~40~67~80",
    "X": "2*00-59 50-09, 00~35~69 60-09, 00-59 50~24~09",
    "Y": "00-34-60 34-39, 00-34 60-09, 00~04~35~60-57~29~08, 00~14~44~60-59, 00-34-60 34-19, 00~24~60 34-29",
    "Z": "3*00-60-09-69, 00-60-09-69 15-55, 01~30~50~09-69",
    "a": "61~20~05~29~57-60-68~89, 61~30~04~29~56~60-69, 60~20~04~29~57~61-59~89, 11~30~52-59 54~14~17~39~56,"
    "80~57~29~05~20~47~89, 60~10~06~29~60-69, 01~40~62~68~89 54~06~29~56, 50~20~04~29~56~51-57~79,"
    "61~20~04~29~56 61-59~79, 50~20~03~26~55~51-59, 50~10~05~38~66~51~56~89, 70~20~05~28~60~67~99",
    "b": "00-08~39~66~34~05, 00-09 05~34~66~49~09, 00-09-05~34~56~48~08, 00-07~29~57~45~06, 00-08~39~67~54~07",
    "c": "62~50~20~04~28~58~66, 61~30~04~38~67, 50~04~28~68, 60~10~07~48~77, 60~20~05~48~88",
    "d": "65~34~06~29~57 60-69, 65~24~06~29~57-60-69, 64~24~07~39~67-60-69~89, 64~25~07~49~70-69",
    "e": "05-64~50~20~05~29~68, 04-65~61~30~05~29~68, 15~54~40~05~39~68, 06~45~61~30~04~19~59~87, 05~54~50~04~19~58",
    "f": "60~30~22-29 04-54, 50~20~12-19 04-44, 60~30~23~28~09 04-54, 60-00-09 04-44, 05~52~40~22~29~09~16~55",
    "g": "52~20~03~25~53 50-57~29~07, 51~20~03~24~52-50-57~29~08, 51~20~03~25~51-58~29~08~65,"
    "51~20~02~24~41~50 24~56~39~08~26~45, 50~20~02~24~51-50-47~29~07~45, 60~20~03~34~60~57~29~17~55",
    "h": "00-09 05~34~56-59, 00-09-05~35~56-59, 00-09-06~35~47-49~69, 00-09 05~44~66-69, 00-09-05~54~69",
    "i": "2*03-09 10, 00-09, 03~08~29 10, 03-09 10-11, 03-09 00-20",
    "j": "43-47~29~07 40, 40-47~29~07, 13-43-47~29~07 40, 43-48~19~57~85 40, 33~37~19~08 40",
    "k": "00-09 53-06-59, 00-09 43-06 25-59, 00-09-06~44~45~06-59, 00-09 50~05-05~59, 00-09 52-15-59",
    "l": "4*00-09, 07~40~30~17~39~68, 00-07~19~38, 05~30~20~08~39",
    "m": "00-05-02~20~41-45-43~60~81-85, 00~15-12~30~45-42~70~75~95, 06-01~20~36-31~50~66, 00-06-02~30~46-42~70~86,"
    "02~10~25-22~40~55-52~70~85~95",
    "n": "00-09-03~30~62-69, 00-09 03~30~62-69, 09-01~40~62-69, 03~10~29-25~50~68~89, 00-09-04~31~63-69,"
    "00-08 04~42~73-78, 02~10~19-14~40~62~69~88, 00-19-13~40~51-59, 00-07-03~30~51-57~77, 02~10-19-14~50~62-69,"
    "05~20-18-14~50~59~77, 08-10-17-50-68, 06~20-17-12~40~47~66, 00-09-05~20~50~62-69",
    "o": "40~10~04~18~49~78~84~71~40, 60~30~11~05~18~39~58~64~51~20, 50~10~05~39~69~84~70~40,"
    "40~10~04~18~49~78~84~51~21, 60~40~10~04~18~49~78~84~62",
    "p": "00-09 02~40~63~45~05, 00-09-02~40~63~45~05, 20-09 12~50~63~35~15, 00-19 12~50~64~46~15,00-09-02~40~54~25~06",
    "q": "52~20~03~25~53 50-59-77, 51~20~03~25~51-59~77, 50~20~03~25~50~49~38~66, 51~20~03~24~51-50-59,"
    "50~20~02~24~51~48~39~46~65",
    "r": "00-09-04~20~61, 00-09 03~30~61, 00-09-02~40~62, 00-19-04~40~61, 00-09 04~30~60~62, 00~09-05~30~51~72,"
    "00-07-03~20-40~62, 02~10~17-14~40~71, 00-06-02~40~72, 00-17-13~50~71, 01~20~28-24~50~72, 00-13-19-14~40~61,"
    "01~12-18-14~50~61, 03-10-17-13~50~72",
    "s": "3*61~30~02~34~56~39~08, 50~10~03~55~47~09, 61~30~12~45~67~39~17, 70~30~12~56~48~09",
    "t": "2*30-39 03-63, 30-39 04-64, 30-38~04-64, 30-39-05-75, 30-37~49~68 03-63, 20-27~39~58 03-53, 40-49 04-84,"
    "30~27~48~68 12-62, 20-28~49~68 12-62, 30-39 02-62",
    "u": "00-06~29~57-60-69, 00~07~29~56~60-69, 00~07~29~57-60~68~89, 01~10~17~38~66~70-79",
    "v": "00-37-60, 00~37~60, 00-27~60~70, 02-27-80, 00~35~37~60, 00~27~50~71",
    "w": "00-25-41-65-90, 00~03~25~42-42~55~73~80, 00-25-42-65-80, 00~14~35~41~65~84~90, 00~15~40~65~80",
    "x": "00-67 60-07, 00~34~67 60-07, 00-67 60~33~07, 00~33~07 60~34~67",
    "y": "00-35 60-09, 00~04~35~60-57~29~08, 00-34-60 34-09, 00~05~35~60-58~29~08~45, 00~14~44~60-59, 00-34-60 34-39",
    "z": "3*00-60-09-69, 00-60-09-69 15-55, 00-60-08~29~68, 00-50-24~57~29~08",
    "!": "00-06 09, 10-06 08",
    '"': "00-03 30-33",
    "#": "20-09 60-49 03-73 06-76",
    "&": "69~30~11~30~42~07~29~66, 69~13~40~42~06~29~66",
    "'": "00-03, 10-03",
    "(": "30~12~03~06~17~39, 20~02~07~29",
    ")": "00~22~33~36~27~09, 00~22~27~09",
    "*": "30-36 01-65 61-05, 30-36 03-63 11-55 51-15",
    "+": "30-36 03-63",
    ",": "20~22~05, 20-05",
    "-": "00-60",
    ".": "00",
    "/": "60-09",
    ":": "00 06",
    ";": "10 15~16~08",
    "?": "02~30~52~35-37 39, 01~40~53~34~26 29",
}
"""Letter forms per character, separated by commas.

A form is a list of strokes separated by spaces. A stroke is a list of points, x then y (down) on a grid of ten by ten:
``-`` joins two by a straight line, ``~`` by a curve that is smooth through its inner points; one point alone is a dot.
``3*`` in front makes a form three times as frequent. Size and place do not matter, as a glyph is fitted to its frame.
"""


class Skeletons(NamedTuple):
    """All skeletons as flat arrays, in the order of the alphabet; see :func:`text_recognizer.data.glyphs.pen.draw`."""

    x: np.ndarray
    y: np.ndarray
    point_offsets: np.ndarray
    stroke_offsets: np.ndarray
    skeleton_offsets: np.ndarray
    weights: np.ndarray


def draw_glyphs(characters: Iterable[str], per_character: int, seed: int) -> GlyphBank:
    """Draw characters with a pen.

    Each glyph has its own letter form, slant, rotation, aspect, warp, stroke width and corners. Glyph k of a character
    is a function of (seed, character, k) alone, whatever else is asked for.

    Args:
        characters: What to draw; a character that occurs twice is drawn once.
        per_character: Glyphs of each character.
        seed: 0 or more; another seed gives other glyphs.

    Returns:
        A bank of uint8 (28, 28) images, ink 255.

    Raises:
        UserError: If there is no skeleton of a character, or ``per_character`` is less than 1.
    """
    if per_character < 1:
        raise UserError(f"per_character is {per_character}, but at least 1 glyph of each character must be drawn.")
    skeletons = _skeletons()
    indices = np.array(sorted({ALPHABET.index(character) for character in characters}), dtype=np.int64)
    for index in indices:
        if skeletons.skeleton_offsets[index] == skeletons.skeleton_offsets[index + 1]:
            raise UserError(f"{ALPHABET[index]!r} cannot be drawn. These can: {''.join(SKELETONS)}")
    streams = np.repeat(indices, per_character)
    counters = np.tile(np.arange(per_character), len(indices))
    images = np.empty((len(streams), GLYPH_SIZE, GLYPH_SIZE), dtype=np.uint8)
    draw(images, seed, streams, counters, *skeletons)
    return GlyphBank.from_arrays(images, streams)


def letter_forms(character: str) -> list[tuple[float, list[np.ndarray]]]:
    """Weight and strokes of each form of a character: points float (n, 2), x then y down, of any size."""
    return [_parse(form) for form in SKELETONS.get(character, "").split(",") if form] + _hershey(character)


@cache
def _skeletons() -> Skeletons:
    weights: list[float] = []
    points: list[np.ndarray] = []
    point_counts: list[int] = []
    stroke_counts: list[int] = []
    skeleton_counts: list[int] = []
    for token in ALPHABET:
        forms = letter_forms(token)
        total = sum(weight for weight, _ in forms)
        weights.extend(weight / total for weight, _ in forms)
        skeleton_counts.append(len(forms))
        for _, strokes in forms:
            strokes = [_evenly_spaced(stroke) for stroke in _normalised(strokes)]
            points.extend(strokes)
            point_counts.extend(len(stroke) for stroke in strokes)
            stroke_counts.append(len(strokes))
    x, y = np.concatenate(points).T
    return Skeletons(
        x.copy(),
        y.copy(),
        np.cumsum([0, *point_counts]),
        np.cumsum([0, *stroke_counts]),
        np.cumsum([0, *skeleton_counts]),
        np.array(weights),
    )


@cache
def _hershey_fonts() -> dict[str, HersheyFonts]:
    return {name: HersheyFonts(load_default_font=name) for name in HERSHEY}


def _hershey(character: str) -> list[tuple[float, list[np.ndarray]]]:
    """Weight and strokes of each Hershey form of a character."""
    forms = []
    for name, font in _hershey_fonts().items():
        characters, weight = HERSHEY[name]
        if character in characters:
            strokes = [np.array(list(stroke), dtype=float) for stroke in font.all_glyphs[character].strokes]
            forms.append((weight, [_dot(stroke) for stroke in strokes]))
    return forms


def _dot(stroke: np.ndarray) -> np.ndarray:
    """The centre of a small outline that Hershey draws for a dot; other strokes as they are."""
    centre = (stroke.min(axis=0) + stroke.max(axis=0)) / 2
    return centre[None] if np.abs(stroke - centre).max() <= 1 else stroke


def _parse(form: str) -> tuple[float, list[np.ndarray]]:
    """Weight and strokes of a form of ``SKELETONS``."""
    weight, _, strokes = form.strip().rpartition("*")
    return float(weight or 1), [_parse_stroke(stroke) for stroke in strokes.split()]


def _parse_stroke(stroke: str) -> np.ndarray:
    curves = [
        np.array([[int(digit) for digit in point] for point in curve.split("~")], dtype=float)
        for curve in stroke.split("-")
    ]
    return np.concatenate([_curve(curve) for curve in curves])


def _curve(knots: np.ndarray, steps: int = 16) -> np.ndarray:
    """A smooth line through ``knots`` float (n, 2) (Catmull and Rom 1974)."""
    if len(knots) < 3:
        return knots
    closed = bool((knots[0] == knots[-1]).all())
    before, after = (knots[-2], knots[1]) if closed else (2 * knots[0] - knots[1], 2 * knots[-1] - knots[-2])
    padded = np.concatenate([[before], knots, [after]])
    t = np.linspace(0, 1, steps)[:, None]
    basis = [-t + 2 * t**2 - t**3, 2 - 5 * t**2 + 3 * t**3, t + 4 * t**2 - 3 * t**3, -(t**2) + t**3]
    pieces = [sum(b * p for b, p in zip(basis, padded[i : i + 4], strict=True)) / 2 for i in range(len(knots) - 1)]
    return np.concatenate(pieces)


def _normalised(strokes: list[np.ndarray]) -> list[np.ndarray]:
    """Strokes moved and scaled so that the larger side of the character lies between -0.5 and 0.5."""
    points = np.concatenate(strokes)
    low, high = points.min(axis=0), points.max(axis=0)
    size = float((high - low).max()) or 1.0
    return [(stroke - (low + high) / 2) / size for stroke in strokes]


def _evenly_spaced(stroke: np.ndarray) -> np.ndarray:
    """The same line with points every ``SPACING``."""
    lengths = np.hypot(*np.diff(stroke, axis=0).T) if len(stroke) > 1 else np.zeros(0)
    along = np.concatenate([[0.0], np.cumsum(lengths)])
    if along[-1] == 0:
        return stroke[:1]
    places = np.linspace(0, along[-1], max(2, round(along[-1] / SPACING) + 1))
    return np.stack([np.interp(places, along, stroke[:, axis]) for axis in range(2)], axis=1)
