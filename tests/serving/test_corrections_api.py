"""Corrections over HTTP: off unless asked for, kept as labelled lines, deleted."""

import base64
import errno
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from reading_tools import bars
from serving_tools import png, serving

from text_recognizer.labels.corrections import Corrections
from text_recognizer.labels.find import find_labels
from text_recognizer.serving.app import create_app
from text_recognizer.serving.readers import Readers
from text_recognizer.serving.schema import Corrections as Answer

LINE = png(bars([20, 60]))
JSON = {"Content-Type": "application/json"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "corrections"


@pytest.fixture
def keeping(model: Path, folder: Path) -> Iterator[TestClient]:
    """A server that keeps corrections, at most three."""
    app = create_app(Readers(str(model)), max_upload_mb=1, corrections=Corrections(folder, most_lines=3))
    with TestClient(app, base_url="http://localhost") as client:
        yield client


def correction(text: Any = "II", picture: bytes = LINE) -> dict[str, Any]:
    return {"text": text, "picture": base64.b64encode(picture).decode()}


def keep(client: TestClient, sent: Any, headers: dict[str, str] = JSON) -> Any:
    return client.post("/v1/corrections", content=json.dumps(sent), headers=headers)


def test_a_server_keeps_nothing_unless_it_was_told_to(client):
    assert client.get("/v1/corrections").json() == {"kept": False, "lines": 0, "bytes": 0}
    answer = keep(client, correction())
    assert answer.status_code == 404
    assert "--corrections FOLDER" in answer.json()["error"]
    assert client.delete("/v1/corrections/abc").status_code == 404


def test_a_correction_is_kept_and_deleted(keeping, folder):
    answer = keep(keeping, correction("1 I"))
    assert answer.status_code == 201
    [line] = find_labels(folder).lines
    assert (line.name, line.text) == (f"{answer.json()['name']}.png", "1 I")
    kept = Answer.model_validate(keeping.get("/v1/corrections").json(), strict=True)
    assert (kept.kept, kept.lines, kept.bytes) == (True, 1, sum(file.stat().st_size for file in folder.iterdir()))
    assert keeping.delete(f"/v1/corrections/{answer.json()['name']}").status_code == 204
    assert list(folder.iterdir()) == []
    assert keeping.delete(f"/v1/corrections/{answer.json()['name']}").status_code == 404


@pytest.mark.parametrize("name", ["mine", "F" * 32, "f" * 300])
def test_only_what_the_server_named_is_deleted(keeping, folder, name):
    files = [folder / f"{name[:32]}{suffix}" for suffix in (".png", ".gt.txt")]
    for file in files:
        file.write_bytes(b"of somebody else")
    answer = keeping.delete(f"/v1/corrections/{name}")
    assert (answer.status_code, name in answer.json()["error"]) == (404, True)
    assert all(file.exists() for file in files)


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        ([], "A correction is JSON"),
        ("II", "A correction is JSON"),
        ({"text": "II"}, "A correction is JSON"),
        ({"text": "II", "picture": "not base64!"}, "A correction is JSON"),
        ({"text": "II", "picture": 7}, "A correction is JSON"),
        (correction(text=["II"]), "text is list"),
        (correction(text=""), "0 characters"),
        (correction(text="\ud800"), "cannot be printed"),
        (correction(picture=b"<svg onload=alert(1)>"), "an SVG drawing"),
        (correction(picture=LINE[:60]), "the picture of the line"),
    ],
)
def test_what_is_no_correction_is_refused(keeping, folder, sent, reason):
    answer = keep(keeping, sent)
    assert answer.status_code == 422
    assert reason in answer.json()["error"]
    assert list(folder.iterdir()) == []


def test_a_page_of_another_site_cannot_have_a_correction_kept(keeping, folder):
    assert keep(keeping, correction(), {"Content-Type": "text/plain"}).status_code == 415
    assert keep(keeping, correction(), JSON | {"Origin": "http://evil.example"}).status_code == 403
    assert list(folder.iterdir()) == []


def test_a_full_folder_and_a_large_request(keeping, folder):
    rng = np.random.default_rng(0)
    answers = [keep(keeping, correction(picture=png(rng.integers(0, 256, (8, 30), np.uint8)))) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [201, 201, 201, 422]
    assert "full" in answers[-1].json()["error"]
    assert keep(keeping, correction("x" * (2 << 20))).status_code == 413
    assert len(find_labels(folder).lines) == 3


def test_the_command_says_where_it_keeps_them(model, tmp_path):
    with serving(f"--model={model}", f"--corrections={tmp_path / 'kept'}") as server:
        assert server.process.stdout
        assert server.process.stdout.readline() == f"Lines that are corrected are kept in {tmp_path / 'kept'}\n"
        assert (tmp_path / "kept").is_dir()


def test_a_folder_that_is_deleted_is_made_again(keeping: TestClient, folder: Path) -> None:
    folder.rmdir()
    assert keeping.get("/v1/corrections").json() == {"kept": True, "lines": 0, "bytes": 0}
    assert keeping.post("/v1/corrections", json=correction()).status_code == 201
    assert [line.text for line in find_labels(folder).lines] == ["II"]
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_full_disk_is_told_without_where_the_folder_is(
    keeping: TestClient, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(path: Path, content: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", fail)
    answer = keeping.post("/v1/corrections", json=correction())
    assert answer.status_code == 422
    assert answer.json()["error"] == "The folder of corrections cannot be written (No space left on device)."
    assert list(folder.iterdir()) == []
