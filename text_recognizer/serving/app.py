"""The application: pictures in, the command line's JSON out."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from fastapi import Depends, FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from fastapi.routing import APIRoute
from fastapi.staticfiles import StaticFiles
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.routing import Route

from text_recognizer.errors import ProgramFault, UserError, attempt, naming
from text_recognizer.imaging.normalization import NormalizedLine
from text_recognizer.imaging.pictures import load_picture
from text_recognizer.labels.corrections import Corrections
from text_recognizer.processors import usable_cores
from text_recognizer.reading.recognizer import Reading, TextRecognizer
from text_recognizer.reading.results import picture_url, to_json
from text_recognizer.serving.batching import Batcher
from text_recognizer.serving.connections import DrainingMiddleware, while_there
from text_recognizer.serving.decoding import Decoding
from text_recognizer.serving.documents import Documents, expecting
from text_recognizer.serving.limits import (
    MAX_PIXELS,
    MAX_QUEUE,
    MAX_UPLOAD_MB,
    RequestLimiter,
    Upload,
)
from text_recognizer.serving.metrics import Metrics
from text_recognizer.serving.readers import Readers
from text_recognizer.serving.reference import reference_page
from text_recognizer.serving.schema import MOST_CORRECTED, PICTURE, READ, Options, PageOptions
from text_recognizer.serving.security import LOOPBACK_NAMES, SecurityMiddleware
from text_recognizer.serving.teaching.corrections import add_corrections
from text_recognizer.serving.teaching.hands import Learning, add_hands, named

PAGE = Path(__file__).with_name("page")
_log = logging.getLogger(__name__)


class Service:
    """What the routes share: the readers, the limits, the threads that decode and the one that reads, the learning."""

    def __init__(self, readers: Readers, limiter: RequestLimiter) -> None:
        self.readers = readers
        self.limiter = limiter
        self.metrics = Metrics()
        self.batcher = Batcher(self.metrics)
        self.learning = Learning()
        self.decoding = Decoding()
        self.documents = Documents(self.batcher, self.decoding, self.metrics)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Ready to read, with the model loaded and tried, while the block runs."""
        self.readers.get().read(_SAMPLE)
        self.batcher.start()
        try:
            yield
        finally:
            self.learning.close()
            self.batcher.close()
            self.decoding.close()

    async def answer(self, uploads: Sequence[Upload], options: Options) -> Response:
        """The JSON objects of the pictures of a request, in order, or its pages in a format.

        Raises:
            HTTPException: 422 if nothing can be read, or the options make no sense.
        """
        recognizer = await self.decoding.in_thread(self._recognizer, options)
        if options.format is not None:
            return await self.documents.answer(recognizer, uploads, options, options.format)
        results = await asyncio.gather(*(self._answer(recognizer, upload, options) for upload in uploads))
        if all("error" in result for result in results):
            raise HTTPException(422, " ".join(result["error"] for result in results))
        return JSONResponse(results)

    async def _answer(self, recognizer: TextRecognizer, upload: Upload, options: Options) -> dict[str, Any]:
        async with self.decoding.place(upload.data) as place:
            lines = await place.run(attempt, upload.name, partial(_lines, recognizer, upload, options.lines))
            if isinstance(lines, UserError):
                return self._refused(upload, lines)
            await place.shrink(sum(line.image.nbytes for line in lines if line))
            results = await self.batcher.read(recognizer, lines)
        readings = [result for result in results if isinstance(result, Reading)]
        if len(readings) < len(results):
            return self._refused(upload, next(result for result in results if isinstance(result, UserError)))
        self.metrics.readings.labels("read").inc()
        return {"file": upload.name, **_with_prepared(to_json(readings, options.lines), readings, options)}

    def _refused(self, upload: Upload, error: UserError) -> dict[str, Any]:
        self.metrics.readings.labels("refused").inc()
        if isinstance(error, ProgramFault):
            _log.error("picture", exc_info=error.__cause__)
        return {"file": upload.name, "error": str(error)}

    def _recognizer(self, options: Options) -> TextRecognizer:
        if options.hand is None:
            return expecting(self.readers.get(options.decoder), options)
        with named(options.hand):
            recognizer = self.readers.get(options.decoder, options.hand)
        return expecting(recognizer, options)


def _lines(recognizer: TextRecognizer, upload: Upload, split: bool) -> list[NormalizedLine | None]:
    """The lines of a picture as its reader reads them."""
    picture = load_picture(upload.data, upload.name, MAX_PIXELS)
    with naming(upload.name):
        return recognizer.lines(picture, split=split)


_SAMPLE = np.full((40, 120), 255, np.uint8)
_SAMPLE[10:30, 50:54] = 0


def create_app(
    readers: Readers | None = None,
    *,
    max_upload_mb: int = MAX_UPLOAD_MB,
    max_queue: int = MAX_QUEUE,
    allowed_hosts: Sequence[str] = LOOPBACK_NAMES,
    corrections: Corrections | None = None,
) -> FastAPI:
    """Build the application.

    Args:
        readers: The recognizers; by default those of the model that ships with the package.
        max_upload_mb: Megabytes that one request may have.
        max_queue: Requests that may be received, wait or be read at the same time; further ones are answered with 503.
        allowed_hosts: Host names by which the server may be asked; ``*`` allows all.
        corrections: Keeps lines that people correct; by default none are kept.
    """
    service = Service(readers or Readers(threads=usable_cores()), RequestLimiter(max_upload_mb, max_queue))
    app = FastAPI(
        title="Text Recognizer",
        version=version("text-recognizer"),
        description="Reads pictures of handwritten lines.",
        lifespan=lambda app: service.running(),
        docs_url=None,
        redoc_url=None,
    )
    app.add_middleware(SecurityMiddleware, metrics=service.metrics, allowed_hosts=allowed_hosts)
    app.add_middleware(DrainingMiddleware)
    app.exception_handler(HTTPException)(_error_of_http)
    app.exception_handler(RequestValidationError)(_error_of_options)
    app.exception_handler(UserError)(_error_of_reader)
    _add_api(app, service)
    add_hands(app, service, service.learning)
    add_corrections(app, service, corrections)
    _answer_heads(app)
    _add_page(app)
    return app


def _add_api(app: FastAPI, service: Service) -> None:
    @app.post("/v1/read", dependencies=[Depends(_check_given_once)], **READ)
    async def read(request: Request, options: Annotated[Options, Query()]) -> Response:
        with service.limiter.admit() as admission:
            sent = await admission.sent(request, MOST_CORRECTED)
            request.state.pictures = len(sent.uploads)
            return await while_there(request, service.answer(sent.uploads, _with_fields(options, sent.fields)))

    @app.post("/v1/page", dependencies=[Depends(_check_given_once)], **PICTURE)
    async def page(request: Request, options: Annotated[PageOptions, Query()]) -> Response:
        with service.limiter.admit() as admission:
            [upload, *_] = (await admission.sent(request)).uploads
            return await while_there(request, service.documents.picture(upload, options.number))

    @app.get("/health", summary="Whether the server reads", response_description="It does; 503 if not.")
    async def health() -> Response:
        return JSONResponse({"status": "ok"}) if service.batcher.alive else JSONResponse({"status": "failed"}, 503)

    @app.get(
        "/metrics",
        summary="Counters for Prometheus",
        response_description="Prometheus' text format.",
        response_class=PlainTextResponse,
    )
    async def metrics() -> Response:
        return Response(service.metrics.text(), media_type=CONTENT_TYPE_LATEST)

    @app.get("/docs", include_in_schema=False)
    async def docs() -> Response:
        return HTMLResponse(reference_page(app.openapi()))


async def _check_given_once(request: Request) -> None:
    """Whether each parameter that has one value was given once.

    Raises:
        HTTPException: 422 if not.
    """
    counts = Counter(name for name, _ in request.query_params.multi_items() if name not in ("words", "corrected"))
    if repeated := [name for name, count in counts.items() if count > 1]:
        raise HTTPException(422, f"{', '.join(repeated)}: given more than once. Give one value of each.")


def _with_fields(options: Options, fields: list[tuple[str, str]]) -> Options:
    """The options, with the lines that fields of the form correct too.

    Raises:
        HTTPException: 400 if a field says something else.
        RequestValidationError: If they make no sense.
    """
    if others := [name for name, _ in fields if name != "corrected"]:
        raise HTTPException(
            400,
            f"The form has a field {others[0][:50]!r}. Expected files and fields 'corrected'; give other parameters in "
            "the address.",
        )
    if not fields:
        return options
    corrected = [*options.corrected, *(text for _, text in fields)]
    try:
        return Options.model_validate({**options.model_dump(), "corrected": corrected})
    except ValidationError as error:
        raise RequestValidationError([{**one, "loc": ("body", *one["loc"])} for one in error.errors()]) from None


def _answer_heads(app: FastAPI) -> None:
    """What can be got can be asked for its head too."""
    for route in [one for one in app.routes if isinstance(one, APIRoute) and "GET" in (one.methods or ())]:
        app.add_api_route(route.path, route.endpoint, methods=["HEAD"], include_in_schema=False)


def _add_page(app: FastAPI) -> None:
    files = StaticFiles(directory=PAGE)
    for path in sorted(PAGE.rglob("*")):
        name = path.relative_to(PAGE).as_posix()

        async def file(request: Request, name: str = name) -> Response:
            response = await files.get_response(name, request.scope)
            response.headers["Cache-Control"] = "no-cache"
            return response

        if path.is_file():
            app.add_route(
                "/" if name == "index.html" else f"/{name}", file, methods=["GET", "HEAD"], include_in_schema=False
            )


def _with_prepared(result: dict[str, Any], readings: list[Reading], options: Options) -> dict[str, Any]:
    if options.prepared:
        for line, reading in zip(result["lines"] if options.lines else [result], readings, strict=True):
            line["prepared"] = picture_url(reading.prepared) if reading.prepared else None
    return result


async def _error_of_http(request: Request, error: HTTPException) -> Response:
    said = {
        "Not Found": f"There is nothing at {request.url.path}. Pictures are sent to POST /v1/read; /docs describes it.",
        "Method Not Allowed": f"{request.method} does nothing at {request.url.path}. /docs says what does.",
    }
    headers = {"Allow": ", ".join(_methods_at(request))} if error.status_code == 405 else error.headers
    return JSONResponse({"error": said.get(error.detail, error.detail)}, error.status_code, headers)


def _methods_at(request: Request) -> list[str]:
    """What can be done at an address, whichever routes do it."""
    routes = [route for route in request.app.routes if isinstance(route, Route)]
    methods = [route.methods or set() for route in routes if route.path_regex.match(request.url.path)]
    return sorted(set().union(*methods))


async def _error_of_options(request: Request, error: RequestValidationError) -> Response:
    problems = [f"{problem['loc'][:2][-1]}: {problem['msg']}" for problem in error.errors()]
    return JSONResponse({"error": f"Wrong parameters. {'; '.join(problems)}. /docs lists them."}, 422)


async def _error_of_reader(request: Request, error: UserError) -> Response:
    return JSONResponse({"error": str(error)}, 422)
