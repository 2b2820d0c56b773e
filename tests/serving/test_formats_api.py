"""Formats and fields over HTTP."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Any, get_args

import jsonschema
import numpy as np
import pytest
from documents import ROOT
from fastapi.testclient import TestClient
from PIL import Image
from reading_tools import bars
from serving_tools import png

from text_recognizer.commands.read import read
from text_recognizer.documents.formats import TRAITS, Format
from text_recognizer.imaging.pictures import load_picture
from text_recognizer.serving import documents

LINE = png(bars([20, 60, 100]))


def pdf(*pages: np.ndarray) -> bytes:
    first, *others = map(Image.fromarray, pages)
    data = io.BytesIO()
    first.save(data, "PDF", resolution=200, save_all=True, append_images=others)
    return data.getvalue()


@pytest.mark.parametrize("form", get_args(Format))
def test_what_is_written_is_what_the_command_line_writes(
    form: Format, client: TestClient, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("picture").write_bytes(LINE)
    assert read(["picture"], format=form, alternatives=2, out="out", model=str(model)) == 0
    answer = client.post("/v1/read", content=LINE, params={"format": form, "alternatives": 2})
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == TRAITS[form].media_type
    assert without_times(answer.content) == without_times(Path("out").read_bytes())


def without_times(data: bytes) -> bytes:
    """A file without the times at which it was written: a second may pass between two."""
    return re.sub(rb"\d{4}-?\d\d-?\d\d[T ]?\d\d:?\d\d:?\d\d", b"", data)


@pytest.mark.parametrize("form", ["json", "jsonl"])
def test_lines_of_a_document_as_the_model_saw_them(form: Format, client: TestClient) -> None:
    said = client.post("/v1/read", content=LINE, params={"format": form, "prepared": True}).json()
    schema = json.loads((ROOT / "docs" / "document.schema.json").read_text(encoding="utf-8"))
    jsonschema.validate(said if form == "json" else {"pages": [said]}, schema)
    [page] = said["pages"] if form == "json" else [said]
    [alone] = client.post("/v1/read", content=LINE, params={"prepared": True}).json()
    assert [line["prepared"] for line in page["lines"]] == [alone["prepared"]]


def test_pages_of_a_document(client: TestClient) -> None:
    scan = pdf(bars([20]), bars([20, 60]), bars([20, 60, 100]))
    answer = client.post("/v1/read", content=scan, params={"format": "json", "pages": "2-3"}).json()
    assert [(page["page"], page["pages"], page["text"]) for page in answer["pages"]] == [(2, 3, "II"), (3, 3, "III")]
    for form in ("page", "alto"):
        files = [("file", (name, scan)) for name in ("a.pdf", "b.pdf")]
        refused = client.post("/v1/read", files=files, params={"format": form})
        assert refused.status_code == 422
        assert "holds one" in refused.json()["error"]
    assert client.post("/v1/read", content=scan, params={"format": "alto"}).status_code == 200


def test_one_bad_file_takes_no_other_along(client: TestClient) -> None:
    files = [("file", ("good.png", LINE)), ("file", ("bad.pdf", b"%PDF-1.4 broken"))]
    good, bad = client.post("/v1/read", files=files, params={"format": "json"}).json()["pages"]
    assert good["text"] == "III"
    assert bad["error"].startswith("bad.pdf: ")
    refused = client.post("/v1/read", files=files, params={"format": "csv"})
    assert refused.status_code == 422
    assert "bad.pdf" in refused.json()["error"]
    assert "format=json" in refused.json()["error"]
    assert client.post("/v1/read", files=files[1:], params={"format": "json"}).status_code == 422


def test_what_lines_may_say(client: TestClient) -> None:
    def texts(**options: object) -> str:
        [answer] = client.post("/v1/read", content=LINE, params=options).json()
        return str(answer["text"])

    assert texts(pattern="I{4}") == "IIII"
    assert texts(words=["I", "IIIII", "oo"]) in ("I", "IIIII")
    assert set(texts(allow="o")) <= {"o"}
    assert texts() == "III"
    [answer] = client.post("/v1/read", content=LINE, params={"pattern": "I{90}"}).json()
    assert answer["unmatched"]
    csv = client.post("/v1/read", content=LINE, params={"pattern": "I{4}", "format": "csv"}).text
    assert ",IIII," in csv


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"pattern": "I(?=o)"}, "wrong at character 2"),
        ({"pattern": ".*I.{40}"}, "cannot be followed"),
        ({"pattern": "I" * 1001}, "1,001 characters"),
        ({"pattern": "[Io]{0,4000}", "date": True}, "pattern and date are given"),
        ({"words": ["I"] * 1001}, "1000"),
        ({"pages": "2"}, "format"),
        ({"turn": False}, "format"),
        ({"alternatives": 11, "format": "json"}, "10"),
        ({"format": "docx"}, "alto"),
        ({"format": "json", "pages": "x"}, "pages"),
        ({"format": "csv", "prepared": True}, "prepared"),
        ({"pattern": ""}, "pattern is empty"),
        ({"allow": ""}, "allow is empty"),
        ({"format": "csv", "corrected": "x"}, "parameters. corrected: "),
        ({"format": "csv", "corrected": "1:a\nb"}, r"cannot be printed: '\n'"),
        ({"format": "csv", "corrected": "1:a\0b"}, "cannot be printed"),
        ({"decoder": ["beam", "greedy"]}, "decoder: given more than once"),
    ],
)
def test_what_makes_no_sense_is_refused(client: TestClient, options: dict[str, object], said: str) -> None:
    answer = client.post("/v1/read", content=LINE, params=options)
    assert answer.status_code == 422
    assert said in answer.json()["error"]


def test_documents_are_bounded(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    scan = pdf(*[bars([20])] * 3)
    monkeypatch.setattr(documents, "MOST_PAGES", 2)
    assert "more than 2 pages" in client.post("/v1/read", content=scan, params={"format": "json"}).json()["error"]
    assert client.post("/v1/read", content=scan, params={"format": "json", "pages": "1-2"}).status_code == 200
    monkeypatch.setattr(documents, "MOST_KEPT_PIXELS", 1000)
    assert "pixels" in client.post("/v1/read", content=scan, params={"format": "pdf", "pages": "1-2"}).json()["error"]
    monkeypatch.setattr(documents, "MOST_SECONDS", 0.0)
    assert "seconds" in client.post("/v1/read", content=LINE, params={"format": "json"}).json()["error"]
    monkeypatch.setattr(documents, "MOST_ARCS", 1)
    assert "possible" in client.post("/v1/read", content=LINE, params={"pattern": "II"}).json()["error"]


def test_openapi_names_formats_and_gives_examples(client: TestClient) -> None:
    operation = client.get("/openapi.json").json()["paths"]["/v1/read"]["post"]
    content = operation["responses"]["200"]["content"]
    assert {traits.media_type for traits in TRAITS.values()} == set(content)
    example = content["application/json"]["example"]
    answer = client.post("/v1/read", content=LINE).json()
    assert example[0].keys() == answer[0].keys()
    assert "[A-Z]{2}-[0-9]{4}" in json.dumps(operation["parameters"])


def test_what_people_corrected_comes_into_formats(client) -> None:
    for form in ("text", "csv", "alto"):
        answer = client.post("/v1/read", content=LINE, params={"format": form, "corrected": ["1:seen: by, me"]})
        assert all(word in answer.text for word in ("seen:", "by,", "me"))
    wrong = client.post("/v1/read", content=LINE, params={"format": "text", "corrected": ["one: no number"]})
    assert wrong.status_code == 422
    beyond = client.post("/v1/read", content=LINE, params={"format": "text", "corrected": ["9:x"]})
    assert (beyond.status_code, "Line 9" in beyond.json()["error"]) == (422, True)
    alone = client.post("/v1/read", content=LINE, params={"corrected": ["1:x"]})
    assert "give a format" in alone.json()["error"]


def test_a_form_holds_what_people_corrected(client: TestClient) -> None:
    def answer(*corrected: str, field: str = "corrected", path: str = "/v1/read", **options: object) -> Any:
        return client.post(path, files={"file": ("a.png", LINE)}, data={field: corrected}, params=options)

    assert answer("1:seen: by, mé", format="text").text.strip() == "seen: by, mé"
    longest = [f"1:{'é' * 399}{number % 10}" for number in range(499)]
    assert answer(*longest, format="text", corrected="1:a").text.strip() == longest[-1][2:]
    refused = [
        (answer("1:a"), 422, "give a format"),
        (answer("x", format="text"), 422, "parameters. corrected: "),
        (answer("1:a\0b", format="text"), 422, "cannot be printed"),
        (answer("9:x", format="text"), 422, "Line 9"),
        (answer(*longest, "1:a", format="text", corrected="1:a"), 422, "at most 500 items"),
        (answer(*longest, "1:a", "1:a", format="text"), 400, "500"),
        (answer("1:" + "a" * 3000, format="text"), 400, "2KB"),
        (answer("csv", field="format"), 400, "field 'format'"),
        (answer("1:a", path="/v1/page"), 400, "no other fields"),
    ]
    assert [(one.status_code, said in one.json()["error"]) for one, _, said in refused] == [
        (status, True) for _, status, _ in refused
    ]


def test_a_page_of_a_file_as_a_picture(client) -> None:
    document = pdf(*(np.full((60, 90 + 30 * k), 200, np.uint8) for k in range(2)))
    for number, width in ((1, 90), (2, 120)):
        answer = client.post("/v1/page", content=document, params={"number": number})
        assert (answer.headers["Content-Type"], answer.headers["Page-Count"]) == ("image/jpeg", "2")
        assert abs(load_picture(answer.content).shape[1] - width) <= 1
    assert "page: Extra inputs" in client.post("/v1/page", content=document, params={"page": 1}).json()["error"]
    for content, number in ((document, 3), (b"no picture", 1)):
        answer = client.post("/v1/page", content=content, params={"number": number})
        assert answer.status_code == 422
        assert answer.json()["error"].startswith("picture: ")
        assert "--" not in answer.json()["error"]
