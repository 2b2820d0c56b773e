"""Reading the fields of photographed forms."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import cv2
import numpy as np

from text_recognizer.documents.forms.registration import Registration
from text_recognizer.documents.forms.template import FormField, Template
from text_recognizer.errors import UserError, attempt, naming
from text_recognizer.imaging.pages import pages_of
from text_recognizer.reading.recognizer import Reading, TextRecognizer

_SCALES = (0.5, 3.0)  # of a field as it is read, to the template


@dataclass(frozen=True, eq=False)
class ReadForm:
    """A form that was read, or what is wrong with it.

    Attributes:
        file: Its file.
        page: Its page, from 1.
        readings: Of the fields, by name.
        error: Why it could not be read.
    """

    file: str
    page: int
    readings: dict[str, Reading] = field(default_factory=dict)
    error: UserError | None = None


class FormReader:
    """Reads the fields of a template in photographs of the form.

    Args:
        recognizer: Reads them.
        template: Says where they are and what they may hold.

    Raises:
        UserError: If too little is printed on the form to find it by.
        UsageError: If what a field may hold cannot be followed.
    """

    def __init__(self, recognizer: TextRecognizer, template: Template) -> None:
        with naming(str(template.file)):
            self._registration = Registration(template.blank)
            self._fields = [
                (one, recognizer.expecting(allow=one.allow, pattern=one.pattern, words=one.words, date=one.date))
                for one in template.fields
            ]

    def read(self, files: Iterable[str]) -> Iterator[ReadForm]:
        """One form for each page of the files, in order. Nothing is raised; one bad page harms no other."""
        for file in files:
            pages = pages_of(file, file)
            while page := attempt(file, lambda pages=pages: next(pages, None)):  # type: ignore[misc]
                if isinstance(page, UserError):
                    yield ReadForm(file, 1, error=page)
                    break
                yield self._form(file, page.number, page.grey)

    def _form(self, file: str, number: int, grey: np.ndarray | UserError) -> ReadForm:
        def read() -> dict[str, Reading]:
            if isinstance(grey, UserError):
                raise grey
            with naming(f"{file}, page {number}"):
                homography = self._registration.homography(grey)
                return {one.name: _read_field(grey, homography, one, reader) for one, reader in self._fields}

        readings = attempt(file, read)
        if isinstance(readings, UserError):
            return ReadForm(file, number, error=readings)
        return ReadForm(file, number, readings)


def _read_field(grey: np.ndarray, homography: np.ndarray, field: FormField, reader: TextRecognizer) -> Reading:
    [line] = reader.lines(cut_field(grey, homography, field.box), split=False)
    [reading] = reader.read_normalized([line])
    if isinstance(reading, UserError):
        raise reading
    return reading


def cut_field(photo: np.ndarray, homography: np.ndarray, box: tuple[float, float, float, float]) -> np.ndarray:
    """A box of a form as it is seen from above, uint8 (h, w), at about the photograph's resolution.

    Args:
        photo: uint8 (h, w).
        homography: From pixels of the form to pixels of the photograph.
        box: Left, top, right, bottom in pixels of the form.
    """
    left, top, right, bottom = box
    corners = np.array([[[left, top], [right, top], [right, bottom], [left, bottom]]], np.float64)
    seen = cv2.perspectiveTransform(corners, homography)[0].astype(np.float32)
    scale = float(np.sqrt(cv2.contourArea(seen) / ((right - left) * (bottom - top))))
    scale = min(max(scale, _SCALES[0]), _SCALES[1])
    size = max(1, round((right - left) * scale)), max(1, round((bottom - top) * scale))
    from_field = np.array([[1 / scale, 0, left], [0, 1 / scale, top], [0, 0, 1]])
    return cv2.warpPerspective(
        photo,
        homography @ from_field,
        size,
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
