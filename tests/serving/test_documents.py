"""docs/serving.md: its examples work as they are written, and it names what there is."""

from __future__ import annotations

import csv
import inspect
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from reading_tools import bars
from serving_tools import Server, png, serving

from text_recognizer.commands.serve import serve
from text_recognizer.serving import limits

PAGE = (Path(__file__).parents[2] / "docs" / "serving.md").read_text(encoding="utf-8")
ADDRESS = "http://127.0.0.1:8000"


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def server(model: Path) -> Iterator[Server]:
    with serving(f"--model={model}") as server:
        yield server


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    (tmp_path / "line.png").write_bytes(png(bars([20, 60])))
    (tmp_path / "other.jpg").write_bytes(png(bars([20, 60, 100])))
    Image.fromarray(bars([20, 60])).save(tmp_path / "scan.pdf", resolution=200)
    return tmp_path


@pytest.mark.skipif(not shutil.which("curl"), reason="needs curl")
@pytest.mark.parametrize(
    ("command", "texts"),
    list(zip(blocks("sh")[0].splitlines(), [["II"], ["II", "III"]], strict=True)),
    ids=["one", "two"],
)
def test_curl(server: Server, pictures: Path, command: str, texts: list[str]) -> None:
    assert ADDRESS in command
    command = command.replace(ADDRESS, server.address)
    done = subprocess.run(command, shell=True, cwd=pictures, check=True, capture_output=True, text=True)
    assert [picture["text"] for picture in json.loads(done.stdout)] == texts


@pytest.mark.skipif(not shutil.which("curl"), reason="needs curl")
def test_curl_gets_documents(server: Server, pictures: Path) -> None:
    commands = blocks("sh")[1].replace(ADDRESS, server.address)
    done = subprocess.run(commands, shell=True, cwd=pictures, check=True, capture_output=True, text=True)
    assert (pictures / "read.pdf").read_bytes().startswith(b"%PDF")
    assert [row["text"] for row in csv.DictReader(done.stdout.splitlines())] == ["II", "III"]
    [page] = json.loads((pictures / "read.json").read_text())["pages"]
    assert page["text"] == "II"
    assert "alternatives" in page["lines"][0]


@pytest.mark.parametrize("example", blocks("python"), ids=["pictures", "documents"])
def test_python(server: Server, pictures: Path, example: str) -> None:
    assert ADDRESS in example
    example = example.replace(ADDRESS, server.address)
    done = subprocess.run([sys.executable, "-c", example], cwd=pictures, check=True, capture_output=True, text=True)
    assert done.stdout.startswith("II ")
    if "alto" in example:
        assert b"<alto" in (pictures / "scan.alto.xml").read_bytes()


def test_the_example_of_an_answer_has_its_fields(client) -> None:
    answer = client.post("/v1/read", content=png(bars([20]))).json()
    (example,) = (json.loads(block) for block in blocks("json"))
    assert example[0].keys() == answer[0].keys()
    assert example[0]["characters"][0].keys() == answer[0]["characters"][0].keys()


def test_flags_limits_parameters_and_metrics(client) -> None:
    parameters = inspect.signature(serve).parameters
    for name, parameter in parameters.items():
        assert f"`--{name}`" in PAGE
        if name.startswith("max_"):
            assert f"`--{name}` ({parameter.default})" in PAGE
    assert f"more than {limits.MAX_PICTURES} files" in PAGE
    assert f"{limits._MEGABYTES_OF_ALL} MB" in PAGE
    assert f"within {limits._SECONDS_TO_SEND} seconds" in PAGE
    operation = client.get("/openapi.json").json()["paths"]["/v1/read"]["post"]
    assert {name for name, *_ in re.findall(r"^\| `(\w+)=(\w+)`", PAGE, re.MULTILINE)} == {
        parameter["name"] for parameter in operation["parameters"]
    }
    assert {"200", *re.findall(r"^\| (\d+)", PAGE, re.MULTILINE)} >= operation["responses"].keys()
    counted = client.get("/metrics").text
    for metric in re.findall(r"`(text_recognizer_\w+)`", PAGE):
        assert f"# TYPE {metric} " in counted
