"""A download whose connection breaks at any place ends in the whole file."""

from __future__ import annotations

import hashlib
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from text_recognizer.data import download
from text_recognizer.data.download import CACHE_SETTING, MIRROR_SETTING, DataFile

CONTENT = np.random.default_rng(0).bytes(1_500_000)
CUTS = 20


class Cutting(BaseHTTPRequestHandler):
    """Serves CONTENT, and breaks off each connection at the next of the server's places."""

    def do_GET(self) -> None:
        sent = re.findall(r"\d+", self.headers["Range"] or "")
        start = int(sent[0]) if sent else 0
        places = self.server.places  # type: ignore[attr-defined]
        end = next((place for place in places if place > start), len(CONTENT))
        if end in places:
            places.remove(end)
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(CONTENT) - start))
        self.send_header("Content-Range", f"bytes {start}-{len(CONTENT) - 1}/{len(CONTENT)}")
        self.end_headers()
        self.wfile.write(CONTENT[start:end])

    def log_message(self, *_: object) -> None:
        pass


@pytest.mark.parametrize("seed", range(2))
def test_a_download_that_is_cut_at_20_places(seed, tmp_path, monkeypatch):
    monkeypatch.setenv(CACHE_SETTING, str(tmp_path))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delenv(MIRROR_SETTING, raising=False)
    monkeypatch.setattr(download, "PAUSE", 0)
    places = sorted([1, *np.random.default_rng(seed).integers(2, len(CONTENT), CUTS - 1).tolist()])
    with ThreadingHTTPServer(("127.0.0.1", 0), Cutting) as server:
        server.places = places  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        address = f"http://127.0.0.1:{server.server_port}/a.bin"
        file = DataFile("set", "a.bin", (address,), (f"sha256:{hashlib.sha256(CONTENT).hexdigest()}",))
        try:
            assert file.fetch().read_bytes() == CONTENT
        finally:
            server.shutdown()
            thread.join()
    assert not server.places  # type: ignore[attr-defined]
