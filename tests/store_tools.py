"""A folder as an object store that speaks as much of S3 as reading takes: the list of a bucket, and its files."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

BUCKET = "scans"


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """Serve a folder as a bucket within the block; gives what follows ``s3://scans/NAME?`` in addresses."""

    class Store(Handler):
        root = folder

    server = ThreadingHTTPServer(("127.0.0.1", 0), Store)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"endpoint_override=127.0.0.1:{server.server_port}&scheme=http&region=us-east-1"
    finally:
        server.shutdown()
        server.server_close()


class Handler(BaseHTTPRequestHandler):
    root: Path

    def do_HEAD(self) -> None:
        self._answer_file()

    def do_GET(self) -> None:
        asked = parse_qs(urlsplit(self.path).query)
        if "list-type" in asked:
            self._answer(200, self._listing(asked).encode(), "application/xml")
        else:
            self._answer_file()

    def _listing(self, asked: dict[str, list[str]]) -> str:
        prefix, delimiter = (asked.get(name, [""])[0] for name in ("prefix", "delimiter"))
        keys = sorted(path.relative_to(self.root).as_posix() for path in self.root.rglob("*") if path.is_file())
        keys = [key for key in keys if key.startswith(prefix)]
        below = {prefix + key[len(prefix) :].split("/")[0] + "/" for key in keys if "/" in key[len(prefix) :]}
        direct = keys if not delimiter else [key for key in keys if "/" not in key[len(prefix) :]]
        contents = "".join(
            f"<Contents><Key>{escape(key)}</Key><Size>{(self.root / key).stat().st_size}</Size>"
            "<LastModified>2026-01-01T00:00:00.000Z</LastModified></Contents>"
            for key in direct
        )
        prefixes = "".join(f"<CommonPrefixes><Prefix>{escape(one)}</Prefix></CommonPrefixes>" for one in sorted(below))
        return (
            f"<ListBucketResult><Name>{BUCKET}</Name><Prefix>{escape(prefix)}</Prefix><IsTruncated>false</IsTruncated>"
            f"<KeyCount>{len(direct)}</KeyCount>{contents}{prefixes if delimiter else ''}</ListBucketResult>"
        )

    def _answer_file(self) -> None:
        bucket, _, key = unquote(urlsplit(self.path).path).lstrip("/").partition("/")
        file = self.root / key
        if bucket != BUCKET or not (file.is_file() or not key):
            self._answer(404, b"", "application/xml")
            return
        content = file.read_bytes() if key else b""
        if said := self.headers.get("Range"):
            first, last = said.removeprefix("bytes=").split("-")
            self._answer(206, content[int(first) : int(last) + 1], "application/octet-stream")
        else:
            self._answer(200, content, "application/octet-stream")

    def _answer(self, status: int, content: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Last-Modified", "Thu, 01 Jan 2026 00:00:00 GMT")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, *said: object) -> None:
        """Nothing."""
