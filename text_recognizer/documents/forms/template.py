"""The template of a form: a picture of it without writing, and its fields."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from text_recognizer.errors import UserError
from text_recognizer.imaging.pages import pages_of
from text_recognizer.reading.fields.expected import Expected

START = ("file", "page", "look", "error")
"""The first columns of a table of forms."""
Pixel = Annotated[float, Field(ge=0, le=100_000)]


def columns_of(field: str) -> tuple[str, str]:
    """The columns of a field of this name: its text, and its confidence."""
    return field, f"{field}_confidence"


class FormField(BaseModel):
    """A field of a form.

    Attributes:
        name: Of its column.
        box: Left, top, right, bottom, in pixels of the template's picture; a PDF has 200 pixels an inch.
        allow, pattern, words, date: What it may hold, as :class:`~text_recognizer.reading.fields.expected.Expected`
            takes it.
    """

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(min_length=1, max_length=100)]
    box: tuple[Pixel, Pixel, Pixel, Pixel]
    allow: str | None = None
    pattern: str | None = None
    words: list[str] | None = None
    date: bool = False

    @model_validator(mode="after")
    def _makes_sense(self) -> FormField:
        left, top, right, bottom = self.box
        if left >= right or top >= bottom:
            raise ValueError("a box is left, top, right, bottom")
        Expected.of(allow=self.allow, pattern=self.pattern, words=self.words, date=self.date)
        return self


class _Template(BaseModel):
    model_config = ConfigDict(extra="forbid")

    form: str
    fields: Annotated[list[FormField], Field(min_length=1, max_length=500)]


class Template:
    """A form without writing, and its fields.

    Attributes:
        file: Of the template.
        blank: uint8 (h, w), the form.
        fields: In the order of their columns.

    Args:
        file: JSON: ``form``, a picture or PDF beside the file, of which the first page counts, and ``fields``.

    Raises:
        UserError: If the file cannot be read, is no template, or its form cannot be read.
    """

    def __init__(self, file: Path) -> None:
        try:
            said = _Template.model_validate_json(file.read_bytes())
        except OSError as error:
            raise UserError(f"{file}: cannot be read ({error.strerror or error}).") from None
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(map(str, first["loc"])) or "all of it"
            raise UserError(
                f"{file}: not a template of a form: {place}: {first['msg']}. docs/forms.md shows one."
            ) from None
        names = [field.name for field in said.fields]
        if twice := [name for name in names if names.count(name) > 1]:
            raise UserError(f"{file}: two fields are called {twice[0]!r}. Give each a name of its own.")
        columns = [*START, *(column for name in names for column in columns_of(name))]
        if twice := [column for column in columns if columns.count(column) > 1]:
            raise UserError(f"{file}: the table would have two columns {twice[0]!r}. Give the field another name.")
        form = file.parent / said.form
        page = next(pages_of(str(form), str(form), numbers=[1]))
        if isinstance(page.grey, UserError):
            raise page.grey
        self.file, self.blank, self.fields = file, page.grey, said.fields
        height, width = page.grey.shape
        for field in said.fields:
            if field.box[2] > width or field.box[3] > height:
                raise UserError(
                    f"{file}: the box of {field.name!r} reaches beyond the form of {width} x {height} pixels."
                )
        self._check_size(form, page.grey)

    @staticmethod
    def _check_size(form: Path, blank: np.ndarray) -> None:
        if min(blank.shape) < 200:
            raise UserError(f"{form}: {blank.shape[1]} x {blank.shape[0]} pixels are too few to find the form by.")
