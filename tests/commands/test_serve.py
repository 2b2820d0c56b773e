import http.client
import json
import signal
import socket
import threading
import time
import urllib.error
import urllib.request

import cv2
import numpy as np
import pytest
from reading_tools import bars
from serving_tools import Server, png, serving

from text_recognizer.cli import main
from text_recognizer.commands.serve import _listening

LINE = png(bars([20, 60, 100]))


def ask(server: Server, content: bytes = LINE, query: str = "") -> list[dict]:
    request = urllib.request.Request(f"{server.address}/v1/read{query}", content, {"Content-Type": "image/png"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def send_slowly(server: Server) -> tuple[http.client.HTTPConnection, threading.Thread, list[int]]:
    """A request that has begun, whose last bytes come when the thread runs."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    connection.putrequest("POST", "/v1/read")
    connection.putheader("Content-Length", str(len(LINE)))
    connection.endheaders(LINE[:-10])
    statuses: list[int] = []

    def finish() -> None:
        time.sleep(0.5)
        connection.send(LINE[-10:])
        statuses.append(connection.getresponse().status)

    return connection, threading.Thread(target=finish), statuses


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_answers_what_it_has_accepted_and_stops(model, number):
    with serving(f"--model={model}") as server:
        assert ask(server)[0]["text"] == "III"
        idle = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        idle.request("GET", "/health")
        idle.getresponse().read()
        _, thread, statuses = send_slowly(server)
        thread.start()
        time.sleep(0.2)
        start = time.monotonic()
        assert server.stop(number) == 0
        assert time.monotonic() - start < 20
        thread.join()
        assert statuses == [200]
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", server.port))


def test_the_log_is_json_without_what_was_read():
    with serving() as server:
        (result,) = ask(server)
        with pytest.raises(urllib.error.HTTPError):
            ask(server, b"secret words")
        assert server.stop() == 0
    entries = server.entries()
    assert [(entry["status"], entry["pictures"], entry["bytes"]) for entry in entries] == [
        (200, 1, len(LINE)),
        (422, 1, 12),
    ]
    assert result["text"]
    assert "secret" not in server.log
    assert '"text"' not in server.log
    assert server.output == ""


@pytest.mark.parametrize("workers", [1, 2])
def test_what_libraries_print_is_logged_as_json(model, workers):
    broken = bytearray(cv2.imencode(".tiff", bars([20, 60, 100]), [cv2.IMWRITE_TIFF_COMPRESSION, 8])[1].tobytes())
    broken[8:40] = bytes(32)  # the beginning of what is packed
    with serving(f"--model={model}", f"--workers={workers}") as server:
        with pytest.raises(urllib.error.HTTPError):
            ask(server, bytes(broken))
        assert server.stop() == 0
    assert {"library", "request"} <= {entry["event"] for entry in server.entries()}
    assert "ZIPDecode" in next(entry["said"] for entry in server.entries() if entry["event"] == "library")


def test_workers_share_the_port_and_the_counters(model):
    with serving(f"--model={model}", "--workers=2") as server:
        for _ in range(12):
            assert ask(server)[0]["text"] == "III"
        for _ in range(5):  # whichever of them answers
            with urllib.request.urlopen(f"{server.address}/metrics", timeout=60) as answer:
                assert 'text_recognizer_readings_total{result="read"} 12.0' in answer.read().decode()
        _, thread, statuses = send_slowly(server)
        thread.start()
        time.sleep(0.2)
        assert server.stop() == 0
        thread.join()
        assert statuses == [200]
    assert len(server.entries()) == 18


def test_too_large_a_body_on_the_wire(model):
    with serving(f"--model={model}", "--max-upload-mb=1") as server:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        for _ in range(2):  # the connection stays usable
            connection.request(
                "POST",
                "/v1/read",
                iter([b"x" * 65536] * 40),
                encode_chunked=True,
                headers={"Transfer-Encoding": "chunked"},
            )
            answer = connection.getresponse()
            assert answer.status == 413
            assert "1 MB" in json.load(answer)["error"]
        connection.request("POST", "/v1/read", LINE)
        assert connection.getresponse().status == 200
        with socket.create_connection(("127.0.0.1", server.port), timeout=60) as client:
            client.sendall(b"POST /v1/read HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000000000\r\n\r\n")
            assert client.recv(100).startswith(b"HTTP/1.1 413")


def test_what_is_no_http(model):
    with serving(f"--model={model}") as server:
        for nonsense in (
            b"\x16\x03\x01\x02\x00\x01\x00",
            b"GET\r\n\r\n",
            b"POST / HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
        ):
            with socket.create_connection(("127.0.0.1", server.port), timeout=60) as client:
                client.sendall(nonsense)
                client.shutdown(socket.SHUT_WR)
                client.recv(1000)
        assert ask(server)[0]["text"] == "III"
        assert server.stop() == 0
    assert "Traceback" not in server.log
    assert server.entries()


def test_answers_are_sent_without_delay() -> None:
    """asyncio sets TCP_NODELAY where the listener says that it is TCP; otherwise each answer may wait 40 ms."""
    with _listening("127.0.0.1", 0) as listener:
        assert listener.proto == socket.IPPROTO_TCP


def test_a_port_that_is_taken(model, capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["serve", f"--port={port}", f"--model={model}"]) == 1
    assert f"port {port}: something else does" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flags", "code", "words"),
    [
        (["--port=70000"], 2, "port is 70000, but must be from 0 to 65535"),
        (["--workers=0"], 2, "workers is 0"),
        (["--max-upload-mb=0"], 2, "max_upload_mb is 0"),
        (["--max-queue=0"], 2, "max_queue is 0"),
        (["--host=no.such.host.invalid"], 1, "no.such.host.invalid"),
        (["--host=192.0.2.1"], 1, "no address of this machine"),
        (["--port=0", "--model=none.onnx"], 1, "none.onnx"),
        (["--port=0", "--model=none.onnx", "--workers=2"], 1, "none.onnx"),
    ],
)
def test_what_cannot_be_is_said_in_a_line(flags, code, words, capsys):
    assert main(["serve", *flags]) == code
    output = capsys.readouterr()
    assert words in output.err
    assert "Traceback" not in output.err
    assert output.out == ""


def test_a_client_that_sends_its_head_slowly_is_cut_off(model):
    code = (
        "import sys; from text_recognizer.serving import connections; connections.SECONDS_FOR_HEADERS = 1;"
        "from text_recognizer.cli import main; sys.exit(main())"
    )
    with serving(f"--model={model}", code=code) as server:
        for sent in (b"", b"POST /v1/read HTTP/1.1\r\nHost: localhost\r\nX-Slow: "):
            with socket.create_connection(("127.0.0.1", server.port), timeout=20) as client:
                client.sendall(sent)
                assert closes(client)
        kept = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
        for _ in range(2):
            kept.request("GET", "/health")
            assert kept.getresponse().read() == b'{"status":"ok"}'
        kept.sock.sendall(b"GET /health HTTP/1.1\r\nHo")
        assert closes(kept.sock)
        assert ask(server)[0]["text"] == "III"


def test_idle_connections_make_room_for_new_ones(model):
    code = (
        "import sys; from text_recognizer.serving import connections; connections.MOST_CONNECTIONS = 8;"
        "from text_recognizer.cli import main; sys.exit(main())"
    )
    with serving(f"--model={model}", code=code) as server:
        idle = [socket.create_connection(("127.0.0.1", server.port), timeout=20) for _ in range(20)]
        assert ask(server)[0]["text"] == "III"
        assert closes(idle[0])
        for client in idle:
            client.close()


def test_a_client_that_takes_no_answer_is_cut_off(model):
    noise = np.random.default_rng(0).integers(0, 256, (3000, 4000), np.uint8)
    picture = cv2.imencode(".jpg", noise)[1].tobytes()
    code = (
        "import sys; from text_recognizer.serving import connections; connections.SECONDS_OF_TAKING = 1;"
        "from text_recognizer.cli import main; sys.exit(main())"
    )
    with serving(f"--model={model}", code=code) as server, socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.settimeout(60)
        client.connect(("127.0.0.1", server.port))
        connection = http.client.HTTPConnection("127.0.0.1", server.port)
        connection.sock = client
        connection.request("POST", "/v1/page", picture)
        answer = connection.getresponse()
        time.sleep(3)
        with pytest.raises((http.client.IncompleteRead, ConnectionResetError)):
            answer.read()
        assert ask(server)[0]["text"] == "III"


def test_a_client_that_sends_first_and_reads_then_learns_that_it_sends_too_much(model):
    with serving(f"--model={model}", "--max_upload_mb=1") as server, pytest.raises(urllib.error.HTTPError) as refused:
        ask(server, bytes(30_000_000))  # urllib wants the connection closed after the answer
    assert "larger than 1 MB" in json.load(refused.value)["error"]


def closes(client: socket.socket) -> bool:
    """Whether the server closes the connection, before the client's own time is over."""
    try:
        return client.recv(1) == b""
    except ConnectionResetError:
        return True
