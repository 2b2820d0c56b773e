"""What every request passes: the check of who asks, the headers that protect a browser, the log and the counters."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import time
import traceback
from collections.abc import Collection
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from text_recognizer.serving.metrics import Metrics

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")
ANY_HOST = "*"
ANY_ADDRESS = "any IP address"
"""Among the allowed names: what needs no name can come from no foreign one."""

_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data: blob:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
_GONE = 499  # nginx's code for a client that left before the answer; only the log sees it
_log = logging.getLogger(__name__)


class SecurityMiddleware:
    """ASGI middleware around the whole application.

    A page of a foreign site can make a browser send requests here, and can give its own name the address of this
    machine ("DNS rebinding"). So the Host must be one of ``allowed_hosts``, and a request that is not a mere GET must
    not come from another origin.

    Args:
        app: The application.
        metrics: Counts requests and their seconds.
        allowed_hosts: Host names by which the server may be asked, without port; ``ANY_ADDRESS`` allows all IP
            addresses, ``*`` everything.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics, allowed_hosts: Collection[str]) -> None:
        self._app = app
        self._metrics = metrics
        self._allowed_hosts = {host.lower() for host in allowed_hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start = time.perf_counter()
        seen: dict[str, Any] = {"status": _GONE, "bytes": 0}

        async def counted_receive() -> Message:
            message = await receive()
            seen["bytes"] += len(message.get("body", b""))
            return message

        async def protected_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                seen["status"] = message["status"]
                headers = MutableHeaders(scope=message)
                headers.update(_HEADERS)
                headers.setdefault("Cache-Control", "no-store")  # who goes back would see what was
            await send(message)

        scope.setdefault("state", {})
        try:
            refusal = self._refusal(scope)
            await (refusal or self._app)(scope, counted_receive, protected_send)
        except ClientDisconnect:
            pass
        except asyncio.CancelledError:  # the server stops, and has waited for long enough
            if seen["status"] == _GONE:
                answer = JSONResponse({"error": "The server stops. Start it again, and send this again."}, 503)
                await answer(scope, receive, protected_send)
        except Exception:
            seen["error"] = traceback.format_exc()
            if seen["status"] == _GONE:
                answer = JSONResponse({"error": "The server failed. Its log says why."}, 500)
                await answer(scope, receive, protected_send)
        self._report(scope, seen, time.perf_counter() - start)

    def _refusal(self, scope: Scope) -> ASGIApp | None:
        headers = Headers(scope=scope)
        host = headers.get("host", "").lower()
        if not self._knows(_without_port(host)):
            names = ", ".join(sorted(self._allowed_hosts))
            return JSONResponse(
                {
                    "error": f"This server is not called {_without_port(host)!r}, but {names}. "
                    "Start it with --allowed_hosts to allow other names."
                },
                403,
            )
        origin = headers.get("origin")
        if scope["method"] not in ("GET", "HEAD") and origin and origin.lower().partition("://")[2] != host:
            return JSONResponse({"error": f"A page of {origin} may not use this server ({host})."}, 403)
        return None

    def _knows(self, host: str) -> bool:
        if ANY_HOST in self._allowed_hosts or host in self._allowed_hosts:
            return True
        return ANY_ADDRESS.lower() in self._allowed_hosts and _is_address(host)

    def _report(self, scope: Scope, seen: dict[str, Any], seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "other")
        self._metrics.requests.labels(route, str(seen["status"])).inc()
        self._metrics.seconds.labels(route).observe(seconds)
        entry = {
            "method": scope["method"],
            "path": scope["path"][:200],
            "status": seen["status"],
            "ms": round(seconds * 1000, 1),
            "bytes": seen["bytes"],
            "pictures": scope["state"].get("pictures", 0),
        }
        if "error" in seen:
            _log.error("request", extra={"fields": {**entry, "error": seen["error"]}})
        else:
            _log.info("request", extra={"fields": entry})


def _without_port(host: str) -> str:
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdecimal() else host


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError:
        return False
    return True
