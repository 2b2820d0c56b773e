"""The reference of ``benchmarks/serving.py``: a server of few lines that reads each request alone, as it comes."""

from __future__ import annotations

import sys
from typing import Any

import uvicorn
from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool

from text_recognizer.reading.recognizer import TextRecognizer


def create_app() -> FastAPI:
    """One picture in, one inference, one reading out."""
    recognizer = TextRecognizer(threads=1)
    app = FastAPI()

    @app.post("/v1/read")
    async def read(request: Request) -> list[dict[str, Any]]:
        reading = await run_in_threadpool(recognizer.read, await request.body())
        return [reading.to_json()]

    return app


if __name__ == "__main__":
    uvicorn.run(create_app(), port=int(sys.argv[1]), log_level="warning")
