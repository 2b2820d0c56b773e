"""Hands over HTTP: listed, learned, read with, deleted."""

import base64
import errno
import json
import os
import signal
import stat
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Timer
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from filelock import FileLock
from hand_tools import hand_of, shipped_weights, write_samples, written_on_a_page
from reading_tools import bars
from serving_tools import Server, png, serving

from text_recognizer.hand import store
from text_recognizer.hand.store import hand_names, hand_path, save_hand
from text_recognizer.reading.recognizer import TextRecognizer
from text_recognizer.serving import readers
from text_recognizer.serving.app import create_app
from text_recognizer.serving.readers import Readers
from text_recognizer.serving.schema import Hands, Progress
from text_recognizer.serving.teaching import hands as serving_hands

LINE = png(bars([20, 60]))
SAMPLES = write_samples()
WRITTEN = written_on_a_page(SAMPLES)
BLANK = png(np.full((48, 36), 255, np.uint8))
FEW = {"characters": {text: WRITTEN["characters"][text] for text in "abc"}}
JSON = {"Content-Type": "application/json"}


@pytest.fixture(autouse=True)
def no_hands(hands: Path) -> None:
    for file in hands.glob("*"):
        file.unlink()


def learn(client: TestClient, name: str, written: Any = WRITTEN, headers: dict[str, str] = JSON) -> Any:
    return client.post(f"/v1/hands/{name}", content=json.dumps(written), headers=headers)


def ended(ask: Callable[[], dict[str, Any]], seconds: float = 60) -> dict[str, Any]:
    """What is said of learning when it has ended."""
    end = time.monotonic() + seconds
    while (progress := ask())["state"] == "learning":
        assert time.monotonic() < end, progress
        time.sleep(0.05)
    return progress


def progress_of(client: TestClient, name: str) -> Callable[[], dict[str, Any]]:
    return lambda: client.get(f"/v1/hands/{name}/learning").json()


def texts(client: TestClient, query: str = "") -> list[str]:
    return [result["text"] for result in client.post(f"/v1/read{query}", content=LINE).json()]


def test_without_hands(client):
    assert client.get("/v1/hands").json() == {"hands": [], "learning": None, "cannot_learn": None}


@pytest.mark.parametrize("name", ["other", "no.name", "..%2F..%2Fetc", "con", "ü"])
def test_reading_with_no_such_hand(client, crosses, name):
    save_hand("mine", crosses)
    answer = client.post(f"/v1/read?hand={name}", content=LINE)
    assert answer.status_code == 404
    assert name.replace("%2F", "/") in answer.json()["error"]


def test_reading_with_a_hand(client, crosses):
    save_hand("mine", crosses)
    assert texts(client) == ["II"]
    assert texts(client, "?hand=mine") == ["XX"]
    save_hand("mine", hand_of(shipped_weights()).to_bytes())
    alone = TextRecognizer(decoder="greedy").read(LINE).text
    assert texts(client, "?hand=mine&decoder=greedy") == [alone] != ["XX"]


def test_a_hand_that_is_damaged(client, crosses):
    save_hand("mine", crosses[: len(crosses) // 2])
    save_hand("good", crosses)
    answer = client.post("/v1/read?hand=mine", content=LINE)
    assert answer.status_code == 422
    assert answer.json()["error"].startswith("the hand 'mine': damaged")
    assert texts(client) == ["II"]
    good, mine = client.get("/v1/hands").json()["hands"]
    assert (good["name"], good["before"], good["error"]) == ("good", 0.2, None)
    assert mine["error"] == answer.json()["error"]
    assert client.delete("/v1/hands/mine").status_code == 204
    assert hand_names() == ["good"]


def test_learning_a_hand(client, crosses, hands, quick_job):
    answer = learn(client, "mine")
    assert answer.status_code == 202
    assert Progress.model_validate(answer.json(), strict=True).state == "learning"
    progress = ended(progress_of(client, "mine"))
    assert (progress["state"], progress["done"], progress["before"], progress["after"]) == ("learned", 1, 0.2, 0.05)
    assert texts(client, "?hand=mine") == ["XX"]
    listed = Hands.model_validate(client.get("/v1/hands").json(), strict=True)
    assert [(hand.name, hand.before, hand.after) for hand in listed.hands] == [("mine", 0.2, 0.05)]
    assert listed.hands[0].learned.startswith("20")
    assert hand_path("mine").read_bytes() == crosses
    if os.name == "posix":
        assert stat.S_IMODE(hand_path("mine").stat().st_mode) == 0o600
        assert stat.S_IMODE(hands.stat().st_mode) == 0o700


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("bad", "It cannot be learned."),
        ("broken", "Learning failed. The server's log says why."),
        ("killed", "Learning was interrupted. Start it again."),
    ],
)
def test_learning_that_fails(client, quick_job, caplog, name, error):
    assert learn(client, name).status_code == 202
    progress = ended(progress_of(client, name))
    assert (progress["state"], progress["error"]) == ("failed", error)
    assert client.get("/v1/hands").json()["hands"] == []
    if name == "broken":
        fields = next(record.fields for record in caplog.records if record.msg == "learning")
        assert "something the log should hold" in fields["error"]
    assert learn(client, "next").status_code == 202
    assert ended(progress_of(client, "next"))["state"] == "learned"


def test_the_next_hand_is_learned_although_the_last_lets_go_a_moment_after_its_last_word(client, quick_job, hands):
    lock = FileLock(hands / "learning.lock", thread_local=False)
    lock.acquire()
    Timer(0.3, lock.release).start()
    assert learn(client, "next").status_code == 202
    assert ended(progress_of(client, "next"))["state"] == "learned"


def test_hands_are_there_although_the_disk_is_full(client, crosses, quick_job, hands, monkeypatch):
    save_hand("mine", crosses)
    assert learn(client, "killed").status_code == 202
    ended(progress_of(client, "killed"))
    (hands / "learning.json").write_text(Progress(name="killed", state="learning").model_dump_json())
    no_room = OSError(errno.ENOSPC, "No space left on device")
    monkeypatch.setattr(Path, "write_text", lambda *_, **__: (_ for _ in ()).throw(no_room))
    assert [hand["name"] for hand in client.get("/v1/hands").json()["hands"]] == ["mine"]
    progress = client.get("/v1/hands/killed/learning").json()
    assert (progress["state"], progress["error"]) == ("failed", "Learning was interrupted. Start it again.")
    answer = learn(client, "mine")
    assert answer.status_code == 422
    assert answer.json()["error"] == "The folder of hands cannot be written (No space left on device)."


def test_a_hand_that_cannot_be_deleted(client, crosses, monkeypatch):
    save_hand("mine", crosses)
    monkeypatch.setattr(Path, "unlink", lambda *_, **__: (_ for _ in ()).throw(PermissionError(1, "not permitted")))
    answer = client.delete("/v1/hands/mine")
    assert (answer.status_code, answer.json()["error"]) == (422, "The hand 'mine' cannot be deleted (not permitted).")


def test_one_hand_at_a_time_until_the_server_ends(model, crosses, quick_job):
    save_hand("slow", crosses)
    readers = Readers(str(model))
    with TestClient(create_app(readers), base_url="http://localhost") as client:
        assert learn(client, "slow").status_code == 202
        refused = learn(client, "other")
        assert refused.status_code == 409
        assert "being learned already" in refused.json()["error"]
        other = TestClient(create_app(readers), base_url="http://localhost")  # as another worker would
        assert learn(other, "other").status_code == 409
        assert other.get("/v1/hands").json()["learning"] == "slow"
        assert other.get("/v1/hands/slow/learning").json()["state"] == "learning"
        assert other.get("/v1/hands/other/learning").status_code == 404
    progress = other.get("/v1/hands/slow/learning").json()
    assert (progress["state"], progress["error"]) == ("failed", "Learning was interrupted. Start it again.")
    assert hand_path("slow").read_bytes() == crosses


def test_learning_can_be_stopped_and_begun_again(model, crosses, quick_job, hands):
    save_hand("slow", crosses)
    readers = Readers(str(model))
    with TestClient(create_app(readers), base_url="http://localhost") as client:
        other = TestClient(create_app(readers), base_url="http://localhost")  # as another worker would
        for _ in range(2):
            assert other.delete("/v1/hands/slow/learning").status_code == 404
            assert learn(client, "slow").status_code == 202
            assert other.delete("/v1/hands/other/learning").status_code == 404
            foreign = {"Origin": "http://evil.example"}
            assert other.delete("/v1/hands/slow/learning", headers=foreign).status_code == 403
            assert other.delete("/v1/hands/slow/learning").status_code == 204
            progress = ended(progress_of(client, "slow"))
            assert (progress["state"], progress["error"]) == ("failed", "Learning was stopped.")
        assert hand_path("slow").read_bytes() == crosses
        assert learn(client, "slow").status_code == 202
        (hands / "go on").touch()
        assert ended(progress_of(client, "slow"))["state"] == "learned"


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ([], "must be"),
        ({}, "must be"),
        ({"characters": {"a": ["?"]}}, "'a': not a PNG in base64"),
        ({"characters": {"ab": []}, "lines": []}, "Only 0 characters"),
        ({"characters": {"é": WRITTEN["characters"]["a"]}}, "é"),
        (FEW, "Only 3 characters were written"),
        ({**WRITTEN, "lines": [{"text": "a"}]}, "must be"),
        ({**WRITTEN, "seed": -1}, "seed is -1"),
        ({**WRITTEN, "seed": "x"}, "seed is 'x'"),
        ({"characters": {"a": ["?"] * 1001}}, "1001 pictures"),
        ({"characters": {" ": WRITTEN["characters"]["a"]}}, "not be blank"),
        ({"characters": {"a": [base64.b64encode(BLANK).decode()]}}, "'a': nothing is written in it"),
    ],
)
def test_what_cannot_be_learned_from(client, quick_job, written, words):
    answer = learn(client, "mine", written)
    assert answer.status_code == 422
    assert words in answer.json()["error"]
    assert client.get("/v1/hands").json()["learning"] is None


def test_too_large_and_no_json(client, quick_job):
    assert learn(client, "mine", {"characters": {}, "filling": "x" * (1 << 20)}).status_code == 413
    answer = client.post("/v1/hands/mine", content=b"{", headers=JSON)
    assert (answer.status_code, answer.json()) == (422, {"error": "The body is not JSON."})
    assert client.post("/v1/hands/no.name", content=b"{}", headers=JSON).status_code == 422


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", None])
def test_pages_of_other_sites_can_neither_teach_nor_delete(client, crosses, quick_job, kind):
    save_hand("mine", crosses)
    assert learn(client, "mine", headers={"Content-Type": kind} if kind else {}).status_code == 415
    foreign = {"Origin": "http://evil.example"}
    assert learn(client, "mine", headers={**JSON, **foreign}).status_code == 403
    assert client.delete("/v1/hands/mine", headers=foreign).status_code == 403
    assert hand_path("mine").read_bytes() == crosses
    preflight = client.options("/v1/hands/mine", headers={**foreign, "Access-Control-Request-Method": "DELETE"})
    assert not [name for name in preflight.headers if name.lower().startswith("access-control")]


def test_deleting_no_such_hand(client):
    answer = client.delete("/v1/hands/mine")
    assert answer.status_code == 404
    assert "'mine'" in answer.json()["error"]


def test_a_hand_that_is_deleted_meanwhile(client, crosses, hands, monkeypatch):
    save_hand("good", crosses)
    for module in (store, readers, serving_hands):  # it was there when it was looked for
        monkeypatch.setattr(module, "hand_path", lambda name: hands / f"{name}.hand")
    monkeypatch.setattr(serving_hands, "hand_names", lambda: ["gone", "good"])
    assert [hand["name"] for hand in client.get("/v1/hands").json()["hands"]] == ["good"]
    for answer in (client.delete("/v1/hands/gone"), client.post("/v1/read?hand=gone", content=LINE)):
        assert answer.status_code == 404
        assert answer.json()["error"].startswith("There is no hand 'gone'. There are: good.")


def test_the_light_install_reads_with_hands_and_says_what_learning_needs(client, crosses, light_install):
    save_hand("mine", crosses)
    assert texts(client, "?hand=mine") == ["XX"]
    listed = client.get("/v1/hands").json()
    assert [hand["name"] for hand in listed["hands"]] == ["mine"]
    assert "pip install 'text-recognizer[train]'" in listed["cannot_learn"]
    answer = learn(client, "mine")
    assert (answer.status_code, answer.json()["error"]) == (501, listed["cannot_learn"])


def test_a_server_of_the_light_install(model, crosses):
    save_hand("mine", crosses)
    with serving(f"--model={model}") as server:
        (result,) = ask(server, "/v1/read?hand=mine", LINE)
        assert result["text"] == "XX"
        assert "training extra" in ask(server, "/v1/hands")["cannot_learn"]


def ask(server: Server, path: str, content: bytes | None = None, kind: str = "image/png") -> Any:
    request = urllib.request.Request(server.address + path, content, {"Content-Type": kind})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


@contextmanager
def full_server() -> Iterator[Server]:
    """The command with all that learning needs, in two processes."""
    command = "import sys; from text_recognizer.cli import main; sys.exit(main())"
    process = subprocess.Popen(
        [sys.executable, "-c", command, "serve", "--port=0", "--workers=2"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    assert process.stdout
    try:
        yield Server(process, process.stdout.readline().split()[1])
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


@pytest.mark.slow
def test_learning_for_real_in_a_server_that_is_killed(crosses):
    """Whichever process is asked. The slow test of the page learns to the end."""
    save_hand("mine", crosses)
    body = json.dumps({**WRITTEN, "seed": 3}).encode()
    with full_server() as server:
        assert ask(server, "/v1/hands/mine", body, "application/json")["state"] == "learning"
        for _ in range(10):  # whichever of them answers
            assert ask(server, "/v1/hands")["learning"] == "mine"
            with pytest.raises(urllib.error.HTTPError, match="409"):
                ask(server, "/v1/hands/other", body, "application/json")
        while ask(server, "/v1/hands/mine/learning")["phase"] != "learning":
            time.sleep(0.2)
    assert hand_path("mine").read_bytes() == crosses
    with full_server() as server:
        progress = ask(server, "/v1/hands/mine/learning")
        assert (progress["state"], progress["error"]) == ("failed", "Learning was interrupted. Start it again.")
        assert ask(server, "/v1/hands/mine", body, "application/json")["state"] == "learning"
        while ask(server, "/v1/hands/mine/learning")["phase"] != "learning":
            time.sleep(0.2)
