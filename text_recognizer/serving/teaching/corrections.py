"""Lines that people corrected, kept where the server was told to keep them."""

from __future__ import annotations

import base64
import json

from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from text_recognizer.errors import UserError
from text_recognizer.labels.corrections import Corrections as Folder
from text_recognizer.labels.corrections import Kept
from text_recognizer.serving.decoding import Limits
from text_recognizer.serving.schema import CORRECTIONS, FORGET, KEEP, Correction, Corrections


def add_corrections(app: FastAPI, limits: Limits, folder: Folder | None) -> None:
    """Add the routes of corrections.

    Args:
        app: Gets them.
        limits: Limit what is sent.
        folder: Keeps them; None if this server keeps none.
    """

    @app.get("/v1/corrections", **CORRECTIONS)
    def corrections() -> Corrections:
        kept = folder.kept() if folder else Kept(0, 0)
        return Corrections(kept=folder is not None, lines=kept.lines, bytes=kept.bytes)

    @app.post("/v1/corrections", **KEEP)
    async def keep(request: Request) -> Response:
        keeping = _needed(folder)
        with limits.limiter.admit() as admission:
            picture, text = await limits.decoding.parsed(await admission.json(request), _sent)
            async with limits.decoding.place(picture):
                name = await run_in_threadpool(keeping.keep, picture, text)
        return JSONResponse(Correction(name=name).model_dump(), 201)

    @app.delete("/v1/corrections/{name}", **FORGET)
    def forget(name: str) -> Response:
        try:
            _needed(folder).remove(name)
        except UserError as error:
            raise HTTPException(404, str(error)) from None
        return Response(status_code=204)


def _needed(folder: Folder | None) -> Folder:
    if folder is None:
        raise HTTPException(404, "This server keeps no corrections. Start it with --corrections FOLDER.")
    return folder


def _sent(body: bytes) -> tuple[bytes, str]:
    """Picture and text of a request.

    Raises:
        UserError: If it has another form.
    """
    try:
        sent = json.loads(body)
        picture, text = base64.b64decode(sent["picture"], validate=True), sent["text"]
    except (ValueError, RecursionError, KeyError, TypeError):
        raise UserError('A correction is JSON: {"text": "...", "picture": "a picture in base64"}.') from None
    if not isinstance(text, str):
        raise UserError(f"text is {type(text).__name__}, but must be a string.")
    return picture, text
