"""What the API takes and gives, as OpenAPI describes it."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from text_recognizer.reading.pictures import FORMATS
from text_recognizer.reading.recognizer import Decoder


class Options(BaseModel):
    """How to read."""

    model_config = ConfigDict(extra="forbid")

    prepared: bool = Field(False, description="Add to each line the picture that the model saw.")
    lines: bool = Field(False, description="Each picture is a page or paragraph: split it into lines, read in order.")
    decoder: Decoder = Field(
        "beam", description="beam weighs what the picture leaves open by how English it is; greedy does not."
    )


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
    confidence: float = Field(description="Calibrated probability, from 0 to 1, that all of it is right.")
    characters: list[ReadCharacter]
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


class Problem(BaseModel):
    """Why there is no answer."""

    model_config = ConfigDict(extra="forbid")

    error: str = Field(description="What is wrong, what was expected, what to do.")


_PROBLEMS = {
    400: "Not a form that can be understood.",
    403: "Asked under a name, or by the page of a site, that the server does not know.",
    408: "The request did not arrive in time.",
    413: "The request is too large.",
    422: "No picture in it can be read, or a parameter is wrong.",
    503: "Too many requests are waiting. Retry-After says when to try again.",
}

READ: dict[str, Any] = {
    "summary": "Read pictures of lines",
    "description": "Send one picture as the body, or several as the files of a form. The answer has one object per "
    "picture, in order: those of `text-recognizer read --json`.",
    "responses": {
        200: {"description": "At least one picture was read.", "model": list[ReadPicture | RefusedPicture]},
        **{status: {"description": description, "model": Problem} for status, description in _PROBLEMS.items()},
    },
    "openapi_extra": {
        "requestBody": {
            "required": True,
            "description": f"Pictures ({', '.join(FORMATS)}). What they are is seen from their bytes.",
            "content": {
                "image/*": {"schema": {"type": "string", "format": "binary"}},
                "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
                "multipart/form-data": {
                    "schema": {
                        "type": "object",
                        "properties": {"file": {"type": "array", "items": {"type": "string", "format": "binary"}}},
                    }
                },
            },
        },
    },
}
"""What the route that reads tells FastAPI about itself."""
