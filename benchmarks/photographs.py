"""Sheets as people return them: filled in by one hand each, printed, and photographed by a phone. All from a seed.

What is simulated: a laser's screen of dots in place of grey; pens and pencils of several widths and darknesses; a page
that lies with a curl, seen by a pinhole camera from up to 30 degrees off, any way up; light that falls off, and
shadows; blur, noise, JPEG; tables of wood, dark or light.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from text_recognizer.alphabet import ALPHABET
from text_recognizer.data.glyphs.strokes import _skeletons
from text_recognizer.data.synthesis.handwriting import _ZONE_OF
from text_recognizer.hand.sheet.boxes import FilledBox, crop
from text_recognizer.hand.sheet.layout import FIELD_HEIGHT, FIELD_WIDTH, Box, Paper, Sheet
from text_recognizer.hand.sheet.printing import Label, draw_sheet
from text_recognizer.hand.sheet.straighten import MARGIN, PIXELS_PER_MM

PAGE_SCALE = 12
"""Pixels a millimetre of the printed page."""
_SHIFT = 4
_ROOM = 0.8
"""That a writer leaves between the ink and the frame, in mm."""

Stroke = np.ndarray
"""Points of a pen's way, float64 (n, 2), in mm: x to the right, y down."""


@dataclass(frozen=True)
class Writer:
    """One hand: its forms of the letters, their sizes and slant, and its pen. Lengths are in mm.

    Attributes:
        seed: Decides the letter forms and how each is bent.
        x_height: Height of a small x.
        capital_height, ascender_height, descender_depth: As in ``HandwritingStyle``.
        width: Of letters, as a multiple of their natural width.
        slant: Tangent of the angle to the right.
        letter_gap, word_gap: In x-heights.
        unsteadiness: Of the hand, in x-heights.
        pen_width: Of a stroke.
        darkness: Of the ink, from 0 to 1.
        bend: Standard deviation of the bends of each form.
    """

    seed: int
    x_height: float
    capital_height: float
    ascender_height: float
    descender_depth: float
    width: float
    slant: float
    letter_gap: float
    word_gap: float
    unsteadiness: float
    pen_width: float
    darkness: float
    bend: float = 0.12

    @classmethod
    def of(cls, seed: int) -> Writer:
        """The writer of a seed."""
        rng = np.random.default_rng([seed, 0])
        return cls(
            seed=seed,
            x_height=rng.uniform(2.2, 3.0),
            capital_height=rng.uniform(1.4, 1.8),
            ascender_height=rng.uniform(0.95, 1.1),
            descender_depth=rng.uniform(0.5, 0.75),
            width=rng.uniform(0.75, 1.15),
            slant=rng.uniform(-0.2, 0.35),
            letter_gap=rng.uniform(0.15, 0.45),
            word_gap=rng.uniform(0.7, 1.2),
            unsteadiness=rng.uniform(0.01, 0.04),
            pen_width=rng.uniform(0.35, 0.8),
            darkness=rng.uniform(0.5, 0.95),
        )

    def write(self, text: str, rng: np.random.Generator) -> list[Stroke]:
        """Strokes of a text that begins at x = 0 on the baseline y = 0."""
        strokes, x = [], 0.0
        for character in text:
            if character == " ":
                x += self.word_gap * self.x_height * rng.uniform(0.85, 1.15)
                continue
            letter = self._letter(character, rng)
            points = np.concatenate(letter)
            left, right = points[:, 0].min(), points[:, 0].max()
            strokes += [stroke + np.array([x - left, 0.0]) for stroke in letter]
            x += right - left + self.pen_width + self.letter_gap * self.x_height * rng.uniform(0.7, 1.3)
        return [stroke - stroke[:, 1:] * np.array([self.slant, 0.0]) for stroke in strokes]

    def _letter(self, character: str, rng: np.random.Generator) -> list[Stroke]:
        """A character in its zone, upright, in mm: the writer's form of it, a little different each time."""
        strokes = [self._wobble(stroke, rng) for stroke in self._form(character)]
        x_share, capital_share, ascender_share, bottom_share, descender_share, widest = _ZONE_OF[
            ALPHABET.index(character)
        ]
        top = x_share + (capital_share + ascender_share * self.ascender_height) * self.capital_height
        bottom = bottom_share - descender_share * self.descender_depth
        points = np.concatenate(strokes)
        low, high = points.min(0), points.max(0)
        down = max(high[1] - low[1], 1e-3)
        scale = min(max((top - bottom) * self.x_height - self.pen_width, 0.05) / down, 0.16 * 20 * self.x_height)
        across = min(scale * self.width, widest * self.width * self.x_height / max(high[0] - low[0], 1e-3))
        size = rng.normal(1, 0.04)
        rise = rng.normal(0, self.unsteadiness)
        base = -(bottom + rise) * self.x_height - self.pen_width / 2
        return [(stroke - (low[0], high[1])) * (across * size, scale * size) + (0.0, base) for stroke in strokes]

    def _form(self, character: str) -> list[Stroke]:
        """The writer's form of a character: a skeleton, bent in the writer's way."""
        skeletons, index = _skeletons(), ALPHABET.index(character)
        rng = np.random.default_rng([self.seed, 1, index])
        first, last = skeletons.skeleton_offsets[index : index + 2]
        weights = skeletons.weights[first:last]
        k = first + rng.choice(last - first, p=weights / weights.sum())
        ends = skeletons.point_offsets[skeletons.stroke_offsets[k] : skeletons.stroke_offsets[k + 1] + 1]
        bend = rng.normal(0, self.bend, (3, 2))
        strokes = []
        for start, end in pairwise(ends):
            points = np.stack([skeletons.x[start:end], skeletons.y[start:end]], axis=1)
            x, y = points.T
            strokes.append(points + np.stack([x * x, x * y, y * y], axis=1) @ bend)
        return strokes

    def _wobble(self, stroke: Stroke, rng: np.random.Generator) -> Stroke:
        t = np.linspace(0, 1, len(stroke))[:, None]
        start, end, middle = rng.normal(0, self.unsteadiness, (3, 2))
        return stroke + (1 - t) * start + t * end + 2 * t * (1 - t) * middle


def fill(sheet: Sheet, writer: Writer, seed: int = 0) -> list[list[Stroke]]:
    """Strokes in each box of a sheet, in mm of the field, all of it well inside the frame."""
    rng = np.random.default_rng([writer.seed, 2, seed])
    return [_fit(writer.write(box.text, rng), box, writer, rng) for box in sheet.boxes]


def _fit(strokes: list[Stroke], box: Box, writer: Writer, rng: np.random.Generator) -> list[Stroke]:
    points = np.concatenate(strokes)
    margin = _ROOM + writer.pen_width / 2
    room = box.width - 2 * margin
    low, high = points.min(0), points.max(0)
    squeeze = min(1.0, room / max(high[0] - low[0], 1e-3))
    spare = room - squeeze * (high[0] - low[0])
    lead = min(spare, 1.0) * rng.uniform(0, 1) if len(box.text) > 1 else spare * rng.uniform(0.3, 0.7)
    top, bottom = box.y + margin, box.y + box.height - margin
    fall = np.clip(box.baseline, top - low[1], max(bottom - high[1], top - low[1]))
    flat = min(1.0, (bottom - top) / max(high[1] - low[1], 1e-3))
    return [
        np.stack([box.x + margin + lead + squeeze * (x - low[0]), fall + flat * y], axis=1)
        for x, y in (stroke.T for stroke in strokes)
    ]


def true_ink(boxes: list[list[Stroke]], writer: Writer) -> np.ndarray:
    """The ink where a perfect straightened picture has it, uint8, ink 255 on 0."""
    shape = tuple(round((side + 2 * MARGIN) * PIXELS_PER_MM) for side in (FIELD_HEIGHT, FIELD_WIDTH))
    return draw_ink(boxes, writer.pen_width, shape, PIXELS_PER_MM, (MARGIN, MARGIN))


def draw_ink(
    boxes: list[list[Stroke]], width: float, shape: tuple[int, ...], scale: float, origin: tuple[float, float]
) -> np.ndarray:
    """Strokes with round ends, four times finer than asked for and averaged."""
    fine = np.zeros((2 * shape[0], 2 * shape[1]), np.uint8)
    factor = 2 * scale * 2**_SHIFT
    for strokes in boxes:
        for stroke in strokes:
            points = np.rint((stroke + origin) * factor - 2 ** (_SHIFT - 1)).astype(np.int32)
            thickness = max(1, round(2 * scale * width))
            cv2.polylines(fine, [points[:, None]], False, 255, thickness, cv2.LINE_AA, _SHIFT)
            if len(points) == 1 or np.ptp(points, axis=0).max() < 2**_SHIFT:
                cv2.circle(fine, points[0].tolist(), round(factor * width / 2), 255, -1, cv2.LINE_AA, _SHIFT)
    return cv2.resize(fine, shape[::-1], interpolation=cv2.INTER_AREA)


@cache
def print_sheet(sheet: Sheet, screened: bool) -> np.ndarray:
    """The empty printed page, uint8, ``PAGE_SCALE``; ``screened``: a laser's, whose greys are dots."""
    scale = 2 * PAGE_SCALE
    width, height = (round(side * scale) for side in sheet.size)
    page = Image.new("L", (width, height), 255)
    draw = ImageDraw.Draw(page)
    for shape in draw_sheet(sheet):
        if isinstance(shape, Label):
            font = ImageFont.load_default(shape.size * scale)
            draw.text(
                (shape.x * scale, shape.y * scale), shape.text, round(255 * shape.grey), font, anchor="ls",
                stroke_width=round(0.02 * scale * shape.size) if shape.bold else 0,
            )  # fmt: skip
        else:
            corners = [shape.x, shape.y, shape.x + shape.width, shape.y + shape.height]
            left, top, right, bottom = (round(corner * scale) for corner in corners)
            draw.rectangle((left, top, right - 1, bottom - 1), round(255 * shape.grey))
    grey = np.asarray(page)
    if screened:
        grey = _screened(grey, scale)
    return cv2.resize(grey, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)


def _screened(grey: np.ndarray, scale: float, pitch: float = 0.24) -> np.ndarray:
    """Greys as black dots in a grid at 45 degrees."""
    y, x = np.mgrid[: grey.shape[0], : grey.shape[1]].astype(np.float32) * np.float32(
        2 * np.pi / (pitch * scale) / 2**0.5
    )
    ranks = np.cos(x + y) + np.cos(x - y)
    steps = np.quantile(ranks[: 10 * scale, : 10 * scale], np.linspace(0, 1, 257))
    return np.where(ranks < steps[grey.astype(int) + (grey == 255)], 255, 0).astype(np.uint8)


def return_sheet(sheet: Sheet, boxes: list[list[Stroke]], writer: Writer, screened: bool = False) -> np.ndarray:
    """The printed page with the ink on it, uint8, ``PAGE_SCALE``."""
    page = print_sheet(sheet, screened)
    ink = draw_ink(boxes, writer.pen_width, page.shape, PAGE_SCALE, sheet.origin)
    rng = np.random.default_rng([writer.seed, 3])
    grain = cv2.resize(
        rng.normal(1, 0.12, (page.shape[0] // 6, page.shape[1] // 6)).astype(np.float32), page.shape[::-1]
    )
    covered = np.clip(1 - writer.darkness * grain * (ink / np.float32(255)), 0.04, 1)
    return np.minimum(page, (255 * covered).astype(np.uint8))


@dataclass(frozen=True)
class Camera:
    """How a page is photographed.

    Attributes:
        megapixels: Of the photograph, whose sides are as 4 to 3.
        upright: Whether it is higher than wide.
        tilt, toward: Angle between the line of sight and the page's normal, and where to, in degrees.
        turn: The page's rotation in the photograph, in degrees.
        curl, along: Rise of the page at its furthest corner, in mm, and in which direction, in degrees.
        distance: Of the camera, in mm.
        fill: Share of the photograph's width or height that the page takes up.
        light: Brightness of white paper, from 0 to 1.
        falloff: Loss of light across the photograph, as a share.
        shadow: Loss of light in the shadow, as a share.
        blur: Standard deviation, in mm on the page.
        noise: Standard deviation, in grey levels.
        quality: Of JPEG.
        table: ``wood``, ``dark`` or ``light``.
        seed: Decides what else is random.
    """

    megapixels: float = 6.0
    upright: bool = True
    tilt: float = 0.0
    toward: float = 0.0
    turn: float = 0.0
    curl: float = 0.0
    along: float = 0.0
    distance: float = 420.0
    fill: float = 0.9
    light: float = 0.85
    falloff: float = 0.0
    shadow: float = 0.0
    blur: float = 0.06
    noise: float = 2.0
    quality: int = 85
    table: str = "wood"
    seed: int = 0

    @classmethod
    def of(cls, seed: int) -> Camera:
        """The camera of a seed: all that a sheet must be found in spite of."""
        rng = np.random.default_rng([seed, 4])
        quarter = int(rng.integers(4))
        return cls(
            megapixels=float(np.exp(rng.uniform(0, np.log(12)))),
            upright=quarter % 2 == 0,
            tilt=rng.uniform(0, 30),
            toward=rng.uniform(0, 360),
            turn=90 * quarter + rng.uniform(-8, 8),
            curl=rng.uniform(-8, 8),
            along=rng.uniform(0, 180),
            distance=rng.uniform(350, 550),
            fill=rng.uniform(0.85, 0.97),
            light=rng.uniform(0.5, 0.97),
            falloff=rng.uniform(0, 0.4),
            shadow=rng.uniform(0, 0.5) if rng.uniform() < 0.6 else 0.0,
            blur=rng.uniform(0.02, 0.16),
            noise=rng.uniform(1, 6),
            quality=int(rng.integers(40, 96)),
            table=str(rng.choice(["wood", "dark", "light"])),
            seed=seed,
        )

    def photograph(self, page: np.ndarray) -> np.ndarray:
        """A picture of a page, uint8 (h, w)."""
        long = round((self.megapixels * 1e6 * 4 / 3) ** 0.5)
        width, height = (long * 3 // 4, long) if self.upright else (long, long * 3 // 4)
        rng = np.random.default_rng([self.seed, 5])
        on_page, focal = self._rays(page, width, height)
        scene = self._scene(page, on_page, focal / self.distance, width, height, rng)
        y, x = np.mgrid[:height, :width].astype(np.float32)
        angle = rng.uniform(0, 2 * np.pi)
        across = (np.cos(angle) * (x / width - 0.5) + np.sin(angle) * (y / height - 0.5)) / 1.42 + 0.5
        scene *= self.light * (1 - self.falloff * np.clip(across, 0, 1)) * self._shadow(width, height, rng)
        sigma = np.hypot(self.blur * focal / self.distance, 0.35)
        scene = cv2.GaussianBlur(scene, (0, 0), float(sigma)) + rng.normal(0, self.noise, scene.shape).astype(
            np.float32
        )
        coded = cv2.imencode(".jpg", np.clip(scene, 0, 255).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, self.quality])[
            1
        ]
        return np.asarray(cv2.imdecode(coded, cv2.IMREAD_GRAYSCALE))

    def _rays(self, page: np.ndarray, width: int, height: int) -> tuple[np.ndarray, float]:
        """Where on the page each pixel looks, float32 (h, w, 2) in mm, and the focal length in pixels."""
        size = np.array(page.shape[::-1]) / PAGE_SCALE
        toward, turn, tilt = np.radians([self.toward, self.turn, self.tilt])
        sight = np.array([np.sin(tilt) * np.cos(toward), np.sin(tilt) * np.sin(toward), -np.cos(tilt)])
        right = np.array([np.cos(turn), np.sin(turn), 0.0])
        right -= sight * (right @ sight)
        right /= np.linalg.norm(right)
        axes = np.stack([right, np.cross(right, sight), sight])
        eye = -self.distance * sight
        corners = np.array([(x, y, 0.0) for x in (-0.5, 0.5) for y in (-0.5, 0.5)]) * (*size, 1.0) - eye
        seen = corners @ axes.T
        seen = seen[:, :2] / seen[:, 2:]
        low, high = seen.min(0), seen.max(0)
        focal = self.fill * float(min(np.array([width, height]) / (high - low)))
        centre = (low + high) / 2
        step = 16
        v, u = np.mgrid[: height + step : step, : width + step : step].astype(float)
        plane = np.stack([(u + 0.5 - width / 2) / focal + centre[0], (v + 0.5 - height / 2) / focal + centre[1]], -1)
        rays = np.concatenate([plane, np.ones_like(plane[..., :1])], -1) @ axes
        coarse = self._hit(eye, rays, float(np.linalg.norm(size)) / 2) + size / 2
        grid = np.array([[1 / step, 0, 0], [0, 1 / step, 0]])
        fine = cv2.warpAffine(
            coarse.astype(np.float32), grid, (width, height), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        )
        return fine, focal

    def _hit(self, eye: np.ndarray, rays: np.ndarray, radius: float) -> np.ndarray:
        """Where rays meet the curled page, along its surface, in mm from its middle."""
        direction = np.array([np.cos(np.radians(self.along)), np.sin(np.radians(self.along))])
        bend = self.curl / radius**2
        z = np.zeros(rays.shape[:2])
        for _ in range(6):
            points = eye[:2] + rays[..., :2] * ((z - eye[2]) / rays[..., 2])[..., None]
            along = np.clip(points @ direction, -1.3 * radius, 1.3 * radius)
            z = bend * along**2
        return points + (2 / 3 * bend**2 * along**3)[..., None] * direction

    def _scene(
        self, page: np.ndarray, on_page: np.ndarray, scale: float, width: int, height: int, rng: np.random.Generator
    ) -> np.ndarray:
        """The page on the table, float32, averaged over each pixel where the page is finer."""
        table = self._table(width, height, rng)
        shrink = min(1.0, scale / PAGE_SCALE)
        if shrink < 1:
            page = cv2.resize(page, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
        maps = on_page * np.float32(PAGE_SCALE * shrink) - np.float32(0.5)
        seen = cv2.remap(page, maps[..., 0], maps[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        size = np.array(page.shape[::-1])
        inside = ((maps > -0.5) & (maps < size - 0.5)).all(-1)
        return np.where(inside, seen, table).astype(np.float32)

    def _table(self, width: int, height: int, rng: np.random.Generator) -> np.ndarray:
        noise = rng.normal(0, 1, (height // 4 + 1, 24)).astype(np.float32)
        if self.table == "wood":
            grain = cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC)
            return 120 + 22 * cv2.GaussianBlur(grain, (0, 0), 1.5)
        base = 35.0 if self.table == "dark" else 205.0
        return base + 4 * cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC)

    def _shadow(self, width: int, height: int, rng: np.random.Generator) -> np.ndarray:
        """What is left of the light beside and in a shadow that falls in from one side."""
        size = 256
        y, x = np.mgrid[:size, :size].astype(np.float32) / size - 0.5
        angle, offset, bow = rng.uniform(0, 2 * np.pi), rng.uniform(-0.25, 0.35), rng.uniform(-0.6, 0.6)
        depth = np.cos(angle) * x + np.sin(angle) * y - offset + bow * (np.cos(angle) * y - np.sin(angle) * x) ** 2
        edge = rng.uniform(0.01, 0.12)
        shade = 1 - self.shadow / (1 + np.exp(-np.clip(depth / edge * 4, -30, 30)))
        return cv2.resize(shade.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)


@dataclass(frozen=True, eq=False)
class Return:
    """A sheet that came back: who wrote on it, the photograph, uint8 (h, w), and the true ink of :func:`true_ink`."""

    sheet: Sheet
    writer: Writer
    photo: np.ndarray
    ink: np.ndarray


def simulate(seed: int, camera: Camera | None = None) -> Return:
    """The sheet, filled-in in all boxes, that a seed stands for, taken with its camera or another one."""
    papers: tuple[Paper, ...] = ("A4", "Letter")
    sheet, writer = Sheet(papers[seed % 2]), Writer.of(seed)
    boxes = fill(sheet, writer)
    page = return_sheet(sheet, boxes, writer, screened=seed % 3 == 0)
    return Return(sheet, writer, (camera or Camera.of(seed)).photograph(page), true_ink(boxes, writer))


def is_cut_right(filled: FilledBox, ink: np.ndarray) -> bool:
    """Whether a box that was written in was cut right.

    It is if it counts as ``ok``, at least 95 % of the true ink is within a quarter millimetre of ink that was found,
    and at least 95 % of what was found is within a quarter millimetre of true ink: no letter lacks a part, and there
    is nothing of a frame, a guide or a neighbour.
    """
    truth = crop(ink, filled.box) > 127
    found = filled.image > 127
    return filled.state == "ok" and _covers(found, truth) and _covers(truth, found)


def _covers(one: np.ndarray, other: np.ndarray) -> bool:
    reach = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (PIXELS_PER_MM // 2 + 1,) * 2)
    near = cv2.dilate(one.astype(np.uint8), reach) > 0
    return bool((near & other).sum() >= 0.95 * other.sum())
