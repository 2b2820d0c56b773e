"""What the API takes and gives, as OpenAPI describes it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from text_recognizer.documents.formats import MOST_ALTERNATIVES, TRAITS, Format
from text_recognizer.hand.samples import FEWEST_CHARACTERS, FEWEST_COPIES
from text_recognizer.imaging.pages import MAX_PAGES
from text_recognizer.imaging.pictures import PICTURES
from text_recognizer.labels.corrections import LONGEST, checked_characters
from text_recognizer.reading.recognizer import Decoder

MOST_WORDS = 1000
"""Of which a line may be one."""
MOST_CORRECTED = 500
"""Lines of a request."""


class Options(BaseModel):
    """How to read."""

    model_config = ConfigDict(extra="forbid")

    prepared: bool = Field(False, description="Add to each line the picture that the model saw.")
    lines: bool = Field(False, description="Each picture is a page or paragraph: split it into lines, read in order.")
    decoder: Decoder = Field(
        "beam", description="beam uses a language model where the picture is ambiguous; greedy does not."
    )
    hand: str | None = Field(None, description="Read with the hand of this name.")
    format: Format | None = Field(
        None,
        description="Read documents, PDFs and TIFFs of several pages among them, and write them so. Without it, the "
        "answer is one JSON object per picture.",
    )
    pages: str | None = Field(
        None, description="With format: the pages of each document that are read; by default all.", examples=["2-5,8"]
    )
    turn: bool = Field(
        True,
        description="With format: a page that reads badly is read as it reads best, turned by quarters. With false, "
        "each page is read as it lies.",
    )
    alternatives: int = Field(
        0, ge=0, le=MOST_ALTERNATIVES, description="With format: how many other readings to name (JSON, ALTO, PAGE)."
    )
    tables: bool = Field(
        False, description="With format=csv or tsv: write the rows of tables with ruled lines, and nothing else."
    )
    corrected: list[
        Annotated[str, Field(pattern=r"^[0-9]{1,4}:", max_length=LONGEST + 5), AfterValidator(checked_characters)]
    ] = Field(
        [],
        max_length=MOST_CORRECTED,
        description="With format: what lines say in place of what is read, given one by one as number and text. Lines "
        "with text are counted from 1, over all pages. Fields of a form may say this too: an address holds only few.",
        examples=[["2:What the second line says"]],
    )
    allow: str | None = Field(None, description="The only characters that lines may have.", examples=["0-9.,"])
    pattern: str | None = Field(
        None,
        description="A regular expression that each line matches from beginning to end.",
        examples=["[A-Z]{2}-[0-9]{4}"],
    )
    words: list[str] | None = Field(
        None,
        max_length=MOST_WORDS,
        description="Texts, given one by one, of which each line is one.",
        examples=[["yes", "no"]],
    )
    date: bool = Field(False, description="Each line is a date.")

    @model_validator(mode="after")
    def _together(self) -> Options:
        if self.format is None and (self.pages is not None or not self.turn or self.alternatives or self.corrected):
            raise ValueError(
                "pages, turn, alternatives and corrected are for documents: give a format, such as format=json, too"
            )
        if self.tables and self.format not in ("csv", "tsv"):
            raise ValueError("tables are written as rows: give format=csv or format=tsv too")
        if self.format not in (None, "json", "jsonl") and self.prepared:
            raise ValueError("prepared is a part of json and jsonl alone: leave one of the two out")
        return self


class PageOptions(BaseModel):
    """Which page to show."""

    model_config = ConfigDict(extra="forbid")

    number: int = Field(1, ge=1, le=MAX_PAGES, description="Of the page, from 1.")


class ReadCharacter(BaseModel):
    """A character that was read."""

    model_config = ConfigDict(extra="forbid")

    character: str
    confidence: float = Field(description="Calibrated probability, from 0 to 1, that it is right.")
    x0: float = Field(description="Where it begins in the picture, in pixels.")
    x1: float = Field(description="Where it ends in the picture, in pixels.")


class ReadLine(BaseModel):
    """A line that was read."""

    model_config = ConfigDict(extra="forbid")

    text: str = Field(description="The text; empty for blank paper.")
    confidence: float = Field(description="Expected share, from 0 to 1, of its characters that are right.")
    characters: list[ReadCharacter]
    unmatched: bool | None = Field(
        None, description="True if the line is too short for any text that was expected; otherwise missing."
    )
    prepared: str | None = Field(
        None, description="With prepared=true: the line as the model saw it, dark on white, as a data: URL of a PNG."
    )


class ReadPicture(ReadLine):
    """A picture that was read."""

    file: str = Field(description="Its name in the form, or picture.")
    lines: list[ReadLine] | None = Field(None, description="With lines=true: each line of the page on its own.")


class RefusedPicture(BaseModel):
    """A picture that could not be read, among others that could."""

    model_config = ConfigDict(extra="forbid")

    file: str
    error: str


class Hand(BaseModel):
    """A hand that was learned. Error rates are of what was written but not learned from, null if nothing was."""

    model_config = ConfigDict(extra="forbid")

    name: str
    learned: str = Field(description="When, in ISO 8601.")
    before: float | None = Field(default=None, description="Share of characters that the general reader reads wrongly.")
    after: float | None = Field(default=None, description="Share of characters that are read wrongly with the hand.")
    error: str | None = Field(default=None, description="Why it cannot be used, if it is damaged.")


class Hands(BaseModel):
    """The hands of this server."""

    model_config = ConfigDict(extra="forbid")

    hands: list[Hand]
    learning: str | None = Field(description="The one that is being learned.")
    cannot_learn: str | None = Field(description="Why no hand can be learned here; null if one can.")


class Progress(BaseModel):
    """How far the learning of a hand is."""

    model_config = ConfigDict(extra="forbid")

    name: str
    state: Literal["learning", "learned", "failed"]
    phase: str = Field(default="getting ready", description="What is being done.")
    done: float = Field(default=0.0, description="Share of the work that is done, from 0 to 1.")
    seconds_left: int | None = Field(default=None, description="About; null while that is not known.")
    before: float | None = Field(
        default=None, description="When learned: share of characters read wrongly before, if known."
    )
    after: float | None = Field(default=None, description="The same with the hand.")
    error: str | None = Field(default=None, description="When failed: why.")


class Corrections(BaseModel):
    """What the server keeps of what people corrected."""

    model_config = ConfigDict(extra="forbid")

    kept: bool = Field(description="Whether it keeps corrections: whether it was started with --corrections.")
    lines: int = Field(description="How many lines it keeps.")
    bytes: int = Field(description="Bytes that these take.")


class Correction(BaseModel):
    """A line that was corrected."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(description="By which it is deleted.")


class Problem(BaseModel):
    """Why there is no answer."""

    model_config = ConfigDict(extra="forbid")

    error: str = Field(description="What is wrong, what was expected, what to do.")


_PROBLEMS = {
    400: "Not a form that can be understood.",
    403: "Asked under a name, or by the page of a site, that the server does not know.",
    404: "There is none of that name, or this server keeps none.",
    408: "The request did not arrive in time.",
    409: "A hand is being learned already.",
    413: "The request is too large.",
    415: "The body does not call itself JSON.",
    422: "What was sent cannot be used, or a parameter is wrong.",
    501: "The training extra is not installed.",
    503: "Too many requests are waiting. Retry-After says when to try again.",
}


def _problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    return {status: {"description": _PROBLEMS[status], "model": Problem} for status in statuses}


_EXAMPLE = [
    {
        "file": "line.png",
        "text": "I",
        "confidence": 0.97,
        "characters": [{"character": "I", "confidence": 0.97, "x0": 12.0, "x1": 16.0}],
    }
]
_WRITTEN_FORMATS: dict[str, Any] = {
    traits.media_type: {"schema": {"type": "string"} | ({"format": "binary"} if form == "pdf" else {})}
    for form, traits in TRAITS.items()
    if form != "json"
}
_BYTES = {"type": "string", "format": "binary"}


def _pictures(**fields: dict[str, Any]) -> dict[str, Any]:
    """A body of pictures, or a form of them and of these fields."""
    form = {"type": "object", "properties": {"file": {"type": "array", "items": _BYTES}, **fields}}
    return {
        "required": True,
        "description": f"Pictures ({', '.join(PICTURES)}), and with a format PDFs. What they are is seen from "
        "their bytes.",
        "content": {
            "image/*": {"schema": _BYTES},
            "application/octet-stream": {"schema": _BYTES},
            "multipart/form-data": {"schema": form},
        },
    }


READ: dict[str, Any] = {
    "summary": "Read pictures and documents",
    "description": "Send one picture as the body, or several as the files of a form. The answer has one object per "
    "picture, in order: those of `text-recognizer read --json`. With a format, it is what `text-recognizer read "
    "--format` writes.",
    "responses": {
        200: {
            "description": "At least one picture was read.",
            "model": list[ReadPicture | RefusedPicture],
            "content": {"application/json": {"example": _EXAMPLE}} | _WRITTEN_FORMATS,
        },
        **_problems(400, 403, 404, 408, 413, 422, 503),
    },
    "openapi_extra": {"requestBody": _pictures(corrected={"type": "array", "items": {"type": "string"}})},
}
"""What the route that reads tells FastAPI about itself."""

PICTURE: dict[str, Any] = {
    "summary": "A page of a document as a picture",
    "description": "Upright as the file says, grey, at 200 dots per inch of a PDF. The header Page-Count says how many "
    "pages the file has.",
    "responses": {
        200: {
            "description": "The page.",
            "content": {"image/jpeg": {"schema": _BYTES}},
        },
        **_problems(400, 403, 408, 413, 422, 503),
    },
    "openapi_extra": {"requestBody": _pictures()},
}
"""What the route that shows a page tells FastAPI about itself."""

HANDS: dict[str, Any] = {
    "summary": "Hands that were learned",
    "description": "And whether more can be.",
    "response_description": "The hands.",
}

_PICTURE = {"type": "string", "format": "byte"}
_WRITTEN = {
    "type": "object",
    "required": ["characters"],
    "properties": {
        "characters": {"type": "object", "additionalProperties": {"type": "array", "items": _PICTURE}},
        "lines": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["text", "picture"],
                "properties": {"text": {"type": "string"}, "picture": _PICTURE},
            },
        },
        "seed": {"type": "integer", "minimum": 0, "default": 0},
    },
}

LEARN: dict[str, Any] = {
    "summary": "Learn a hand",
    "description": "Begins to learn from pictures of what one person wrote, one hand at a time. A hand of that name is "
    "replaced when the new one is learned.",
    "status_code": 202,
    "responses": {
        202: {"description": "It begins.", "model": Progress},
        **_problems(403, 408, 409, 413, 415, 422, 501, 503),
    },
    "openapi_extra": {
        "requestBody": {
            "required": True,
            "description": "characters: characters, each with its pictures, all to one scale; at least "
            f"{FEWEST_CHARACTERS} characters need {FEWEST_COPIES} or more. lines: copied words, to the same "
            "scale as the characters, by which the hand is measured; may be missing. seed: of everything random, 0 by "
            "default. Each picture is dark on white, in base64.",
            "content": {"application/json": {"schema": _WRITTEN}},
        },
    },
}

PROGRESS: dict[str, Any] = {
    "summary": "How far learning is",
    "description": "Of the hand that is being learned, or was learned last.",
    "response_description": "How far it is.",
    "responses": _problems(404, 422),
}

STOP: dict[str, Any] = {
    "summary": "Stop learning a hand",
    "description": "It ends within a second. A hand of that name stays as it is.",
    "status_code": 204,
    "responses": {204: {"description": "It will end."}, **_problems(403, 404, 422)},
}

REMOVE: dict[str, Any] = {
    "summary": "Delete a hand",
    "status_code": 204,
    "responses": {204: {"description": "It is deleted."}, **_problems(403, 404, 422)},
}

CORRECTIONS: dict[str, Any] = {
    "summary": "What is kept of corrections",
    "description": "And whether corrections are kept at all. The lines themselves are seen on the machine alone, in "
    "the folder that --corrections names.",
    "response_description": "How much.",
}

_CORRECTED = {
    "type": "object",
    "required": ["text", "picture"],
    "properties": {"text": {"type": "string", "minLength": 1, "maxLength": LONGEST}, "picture": _PICTURE},
}

KEEP: dict[str, Any] = {
    "summary": "Keep a line that was corrected",
    "description": "A line and what it says, from which a reader can learn. A line that is corrected again gets the "
    "new text. Of the picture only the pixels are kept, in grey.",
    "status_code": 201,
    "responses": {
        201: {"description": "It is kept.", "model": Correction},
        **_problems(403, 404, 408, 413, 415, 422, 503),
    },
    "openapi_extra": {
        "requestBody": {
            "required": True,
            "description": "picture: of the line alone, in base64. text: what is written.",
            "content": {"application/json": {"schema": _CORRECTED}},
        },
    },
}

FORGET: dict[str, Any] = {
    "summary": "Delete a line that was corrected",
    "status_code": 204,
    "responses": {204: {"description": "It is deleted."}, **_problems(403, 404, 422)},
}
