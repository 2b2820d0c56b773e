import logging
import socket

import pytest
from fastapi.testclient import TestClient
from reading_tools import bars
from serving_tools import png

from text_recognizer.commands.serve import _allowed_hosts
from text_recognizer.serving.app import create_app
from text_recognizer.serving.readers import Readers
from text_recognizer.serving.security import ANY_HOST, LOOPBACK_NAMES

LINE = png(bars([20, 60]))


@pytest.mark.parametrize("path", ["/", "/v1/read", "/docs", "/nothing"])
def test_headers_that_protect_browsers(client, path):
    headers = client.get(path).headers
    policy = dict(part.strip().split(" ", 1) for part in headers["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == "'self'"
    assert policy["img-src"] == "'self' data: blob:"
    assert policy["frame-ancestors"] == "'none'"
    assert not {"unsafe-inline", "unsafe-eval", "*"} & set(headers["Content-Security-Policy"].replace("'", " ").split())
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert "Server" not in headers


def test_what_the_server_knows_now_comes_from_no_cache(client):
    for path in ("/v1/hands", "/v1/corrections", "/v1/hands/mine/learning", "/health", "/nothing"):
        assert client.get(path).headers["Cache-Control"] == "no-store"
    assert client.get("/style.css").headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8000", "127.0.0.1:80", "[::1]", "[::1]:8000"])
def test_names_of_this_machine(client, host):
    assert client.get("/health", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8000", "localhost.evil.example", "127.0.0.1.evil", ""])
def test_a_foreign_name_for_this_machine_is_refused(client, host):
    answer = client.get("/health", headers={"Host": host})
    assert answer.status_code == 403
    assert "--allowed_hosts" in answer.json()["error"]


def test_more_names_can_be_allowed(model):
    for allowed, expected in ((("reader.example",), 200), ((ANY_HOST,), 200), ((), 403)):
        client = TestClient(create_app(Readers(str(model)), allowed_hosts=allowed), base_url="https://Reader.example")
        assert client.get("/docs").status_code == expected


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("192.168.1.5:8000", 200),
        ("[fe80::1]:8000", 200),
        ("localhost", 200),
        (socket.gethostname(), 200),
        ("evil.example", 403),
        ("192.168.1.5.evil.example", 403),
        ("", 403),
    ],
)
def test_a_server_of_a_network_is_asked_by_address_or_its_own_name(model, host, status):
    app = create_app(Readers(str(model)), allowed_hosts=_allowed_hosts("0.0.0.0", None))
    with TestClient(app, base_url="http://localhost") as client:
        assert client.get("/health", headers={"Host": host}).status_code == status


def test_a_server_of_this_machine_is_not_asked_by_other_addresses():
    assert _allowed_hosts("127.0.0.1", None) == LOOPBACK_NAMES
    assert _allowed_hosts("localhost", "a.example, b.example") == (*LOOPBACK_NAMES, "a.example", "b.example")


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://localhost", 200),
        ("https://localhost", 200),  # what a proxy that adds TLS makes of it
        ("http://localhost:8001", 403),
        ("http://evil.example", 403),
        ("null", 403),
    ],
)
def test_pages_of_other_sites_may_not_post(client, origin, status):
    answer = client.post("/v1/read", content=LINE, headers={"Origin": origin})
    assert answer.status_code == status
    assert status == 200 or origin in answer.json()["error"]
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_one_entry_per_request_and_nothing_of_what_was_read(client, caplog):
    caplog.set_level(logging.INFO, "text_recognizer.serving")
    client.post("/v1/read?decoder=greedy", files=[("a", ("secret.png", LINE)), ("b", ("private.txt", b"secret"))])
    (record,) = [record for record in caplog.records if record.name.startswith("text_recognizer")]
    entry = record.fields
    assert {name: entry[name] for name in ("method", "path", "status", "pictures")} == {
        "method": "POST",
        "path": "/v1/read",
        "status": 200,
        "pictures": 2,
    }
    assert entry["bytes"] > len(LINE)
    assert 0 < entry["ms"] < 10_000
    assert set(entry) == {"method", "path", "status", "pictures", "bytes", "ms"}
