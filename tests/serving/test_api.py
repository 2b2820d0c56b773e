import base64
import json
import socket
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import cv2
import numpy as np
import pytest
from fastapi.testclient import TestClient
from pydantic import TypeAdapter
from reading_tools import bars
from serving_tools import png

from text_recognizer.commands.read import read
from text_recognizer.reading.recognizer import TextRecognizer
from text_recognizer.serving.schema import ReadPicture, RefusedPicture

LINE = png(bars([20, 60, 100]))
NO_PICTURE = b"not a picture"
EXPECTED = (
    "expected a picture (PNG, JPEG, GIF, BMP, WEBP, TIFF, PPM, HEIC, AVIF). "
    "Open it in a picture viewer and save the writing as PNG or JPEG."
)


def described(answer: list[dict]) -> bool:
    """Whether an answer is what OpenAPI says it is."""
    TypeAdapter(list[ReadPicture | RefusedPicture]).validate_python(answer, strict=True)
    return True


@pytest.mark.parametrize("kind", ["image/png", "image/anything", "application/octet-stream", "text/plain", None])
def test_a_body_is_a_picture_whatever_it_calls_itself(client, kind):
    answer = client.post("/v1/read", content=LINE, headers={"Content-Type": kind} if kind else {})
    assert answer.status_code == 200
    assert [result["text"] for result in answer.json()] == ["III"]


def test_the_objects_are_those_of_the_command_line(client, model, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "picture").write_bytes(LINE)
    for flags in ({}, {"lines": True}, {"decoder": "greedy"}):
        assert read(["picture"], json=True, model=str(model), **flags) == 0
        answer = client.post("/v1/read", content=LINE, params=flags).json()
        assert answer == [json.loads(capsys.readouterr().out)]
        assert described(answer)


def test_pictures_of_a_form_in_order(client):
    files = [("file", (f"{n}.png", png(bars(list(range(20, 20 + 30 * n, 30)))))) for n in (3, 1, 2)]
    answer = client.post("/v1/read", files=files).json()
    assert [(result["file"], result["text"]) for result in answer] == [
        ("3.png", "III"),
        ("1.png", "I"),
        ("2.png", "II"),
    ]
    assert described(answer)


def test_a_form_with_some_bad_pictures(client):
    files = [("a", ("good.png", LINE)), ("b", ("bad.txt", NO_PICTURE)), ("c", ("empty.png", b""))]
    answer = client.post("/v1/read", files=files)
    assert answer.status_code == 200
    good, bad, empty = answer.json()
    assert good["text"] == "III"
    assert bad == {"file": "bad.txt", "error": f"bad.txt: text, not a picture; {EXPECTED}"}
    assert "0 bytes" in empty["error"]
    assert described(answer.json())


@pytest.mark.parametrize(
    "body",
    [{"content": NO_PICTURE}, {"content": b""}, {"files": [("a", ("x", NO_PICTURE)), ("b", ("y", LINE[:70]))]}],
    ids=["raw", "empty", "form"],
)
def test_no_picture_at_all_is_an_error(client, body):
    answer = client.post("/v1/read", **body)
    assert answer.status_code == 422
    assert "picture" in answer.json()["error"]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("../../etc/line.png", "line.png"),
        ("C:\\pictures\\line.png", "line.png"),
        ("", "picture"),
        ("a\u202eb\x1b", "ab"),
    ],
)
def test_names_are_plain_text(client, name, shown):
    part = f'--x\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'.encode()
    content = part + LINE + b"\r\n--x--\r\n"
    answer = client.post("/v1/read", content=content, headers={"Content-Type": "multipart/form-data; boundary=x"})
    assert answer.json()[0]["file"] == shown


FIELD = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nb\r\n'
FILE = b'--x\r\nContent-Disposition: form-data; name="a"; filename="b"\r\n\r\n\r\n'


@pytest.mark.parametrize(
    ("content", "boundary", "words"),
    [
        (b"x", "", "boundary"),
        (b"x", "; boundary=x", "form"),
        (FILE + FILE[:-2], "; boundary=x", "closing boundary"),
        (FILE + b"--x--\r\n", "; charset=undefined; boundary=x", "undefined encoding"),
        (FIELD + b"--x--\r\n", "; boundary=x", "@"),
        (b"--x--\r\n", "; boundary=x", "@"),
        (65 * FILE + b"--x--\r\n", "; boundary=x", "at most 64"),
    ],
    ids=["no boundary", "no form", "cut off", "no encoding", "a field", "nothing", "too many"],
)
def test_forms_that_hold_no_pictures(client, content, boundary, words):
    answer = client.post("/v1/read", content=content, headers={"Content-Type": f"multipart/form-data{boundary}"})
    assert answer.status_code in (400, 422)
    assert words in answer.json()["error"]


def test_the_line_as_the_model_saw_it(client):
    (result,) = client.post("/v1/read", content=LINE, params={"prepared": True}).json()
    kind, data = result["prepared"].split(",")
    assert kind == "data:image/png;base64"
    line = cv2.imdecode(np.frombuffer(base64.b64decode(data), np.uint8), cv2.IMREAD_UNCHANGED)
    assert line.shape[0] == 40
    assert np.median(line) == 255
    assert np.count_nonzero(np.diff((line[20] < 128).astype(int)) == 1) == 3  # the bars, dark on white
    assert described([result])


def test_prepared_lines_of_a_page_and_of_blank_paper(client):
    page = np.vstack([bars([20, 60]), bars([100, 130, 160]), bars([40, 75])])
    (result,) = client.post("/v1/read", content=png(page), params={"prepared": True, "lines": True}).json()
    assert result["text"] == "II\nIII\nII"
    assert all(line["prepared"].startswith("data:image/png") for line in result["lines"])
    assert "prepared" not in result
    (blank,) = client.post("/v1/read", content=png(np.full((40, 90), 240, np.uint8)), params={"prepared": True}).json()
    assert (blank["text"], blank["confidence"], blank["characters"], blank["prepared"]) == ("", 0, [], None)
    (empty,) = client.post("/v1/read", content=png(np.full((99, 90), 240, np.uint8)), params={"lines": True}).json()
    assert (empty["text"], empty["lines"]) == ("", [])
    assert described([result, blank, empty])


@pytest.mark.parametrize("query", ["decoder=best", "prepared=perhaps", "lines=2", "image_url=http://localhost"])
def test_wrong_parameters_are_named(client, query):
    answer = client.post(f"/v1/read?{query}", content=LINE)
    assert answer.status_code == 422
    assert query.partition("=")[0] in answer.json()["error"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/read", 405),
        ("POST", "/", 405),
        ("DELETE", "/metrics", 405),
        ("GET", "/v1", 404),
        ("GET", "/../x", 404),
    ],
)
def test_wrong_addresses_are_answered_in_json(client, method, path, status):
    answer = client.request(method, path)
    assert answer.status_code == status
    assert "/docs" in answer.json()["error"]
    assert status != 405 or answer.headers["Allow"]


def test_no_address_that_a_client_names_is_fetched(client):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.2)
        address = f"http://127.0.0.1:{listener.getsockname()[1]}/line.png"
        svg = f'<svg xmlns="http://www.w3.org/2000/svg"><image href="{address}"/></svg>'
        for content in (json.dumps({"image_url": address}), address, svg):
            assert client.post("/v1/read", content=content.encode()).status_code == 422
        with pytest.raises(TimeoutError):
            listener.accept()


def test_a_picture_of_too_many_pixels(client):
    answer = client.post("/v1/read", content=png(np.full((6000, 6000), 255, np.uint8)))
    assert answer.status_code == 422
    assert "30 million" in answer.json()["error"]


def test_readings_go_back_to_those_who_asked(client: TestClient):
    together = Barrier(12)

    def ask(number: int) -> None:
        together.wait()
        for count in range(1, 6):
            count = (count + number) % 6
            picture = png(bars([20 + 25 * place for place in range(count)]))
            assert client.post("/v1/read", content=picture).json()[0]["text"] == "I" * count

    with ThreadPoolExecutor(12) as pool:
        list(pool.map(ask, range(12)))


def test_broken_files_are_refused_and_harm_nothing(client):
    rng = np.random.default_rng(5)
    statuses = []
    for whole in (LINE, cv2.imencode(".jpg", bars([20, 60]))[1].tobytes()):
        for _ in range(60):
            data = bytearray(whole)
            for place in rng.integers(0, len(data), 6):
                data[place] = rng.integers(256)
            answer = client.post("/v1/read", content=bytes(data[: rng.integers(len(data) // 2, len(data) + 1)]))
            statuses.append(answer.status_code)
            assert ("error" in answer.json()) == (answer.status_code != 200)
    assert set(statuses) == {200, 422}
    assert client.post("/v1/read", content=LINE).json()[0]["text"] == "III"


def test_metrics_count_what_was_done(client):
    def value(name: str) -> float:
        lines = client.get("/metrics").text.splitlines()
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(name))

    read, refused, answered = (
        'text_recognizer_readings_total{result="read"}',
        'text_recognizer_readings_total{result="refused"}',
        'text_recognizer_requests_total{route="/v1/read",status="200"}',
    )
    before = [value(name) for name in (read, refused, answered)]
    batches = value("text_recognizer_batch_lines_sum")
    client.post("/v1/read", files=[("a", ("a.png", LINE)), ("b", ("b.png", LINE)), ("c", ("c.png", NO_PICTURE))])
    assert [value(name) for name in (read, refused, answered)] == [before[0] + 2, before[1] + 1, before[2] + 1]
    client.post("/v1/read?format=json", files=[("a", ("a.png", LINE)), ("b", ("b.png", NO_PICTURE))])
    assert [value(name) for name in (read, refused, answered)] == [before[0] + 3, before[1] + 2, before[2] + 2]
    assert value("text_recognizer_batch_lines_sum") == batches + 3
    assert value("text_recognizer_queue_lines") == 0
    assert value("text_recognizer_request_seconds_count") > 0


def test_health(client):
    answer = client.get("/health")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


@pytest.mark.parametrize(
    "path", ["/health", "/docs", "/openapi.json", "/v1/hands", "/v1/corrections", "/", "/style.css"]
)
def test_what_can_be_got_can_be_asked_for_its_head(client, path):
    answer, whole = client.head(path), client.get(path)
    assert (answer.status_code, answer.content) == (200, b"")
    for header in ("Content-Type", "Content-Length"):
        assert answer.headers[header] == whole.headers[header]
    assert client.head("/metrics").headers["Content-Type"] == client.get("/metrics").headers["Content-Type"]


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/v1/hands/mine", "DELETE, POST"),
        ("POST", "/v1/hands/mine/learning", "DELETE, GET, HEAD"),
        ("DELETE", "/v1/corrections", "GET, HEAD, POST"),
        ("POST", "/health", "GET, HEAD"),
        ("GET", "/v1/read", "POST"),
    ],
)
def test_a_wrong_method_is_told_all_others(client, method, path, allowed):
    answer = client.request(method, path)
    assert (answer.status_code, answer.headers["Allow"]) == (405, allowed)


def test_of_a_form_the_others_are_read_when_the_program_fails_on_one(client, monkeypatch, caplog):
    def fail(self, picture, *, split):
        if picture.shape[1] == 300:
            raise IndexError("index 423 is out of bounds for axis 0 with size 423")
        return lines_of(self, picture, split=split)

    lines_of = TextRecognizer.lines
    monkeypatch.setattr(TextRecognizer, "lines", fail)
    wide = png(bars([20, 60], 300))
    for query in ("", "?lines=true"):
        files = [("a", ("good.png", LINE)), ("b", ("bad.png", wide)), ("c", ("last.png", LINE))]
        answer = client.post(f"/v1/read{query}", files=files)
        good, bad, last = answer.json()
        assert (good["text"], last["text"]) == ("III", "III")
        assert "bad.png: the program fails on this picture (IndexError)" in bad["error"]
    assert client.post("/v1/read", files=[("a", ("bad.png", wide))]).status_code == 422
    assert "out of bounds" in caplog.text


def test_the_page_and_its_files(client):
    page = client.get("/")
    assert page.headers["Content-Type"].startswith("text/html")
    assert page.headers["Cache-Control"] == "no-cache"
    assert client.get("/", headers={"If-None-Match": page.headers["ETag"]}).status_code == 304
    assert client.head("/").status_code == 200
