"""The Dockerfile, without an engine: what it says, and, slow, its steps carried out in a folder."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from text_recognizer.commands import serve as serve_command

ROOT = Path(__file__).parents[2]


def instructions() -> list[tuple[str, str]]:
    lines = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ").splitlines()
    pairs = (line.split(maxsplit=1) for line in lines if line.strip() and not line.startswith("#"))
    return [(name, arguments) for name, arguments in pairs]


def arguments_of(name: str) -> list[str]:
    return [arguments for other, arguments in instructions() if other == name]


def ignored(names: list[str]) -> set[str]:
    """Those of the paths that .dockerignore keeps from the engine."""
    patterns = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
    kept = {pattern[1:] for pattern in patterns if pattern.startswith("!")}
    assert patterns[0] == "*"
    return {name for name in names if name not in kept}


def test_its_steps_are_those_of_make() -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    recipe = subprocess.run(
        ["make", "-n", "install"], cwd=ROOT, check=True, capture_output=True, text=True, env=environment
    ).stdout
    *steps, forget = recipe.splitlines()
    assert arguments_of("RUN") == steps
    assert forget == "rm -f .venv/.installed"


def test_what_it_copies_is_there() -> None:
    sources = [name for copy in arguments_of("COPY") if "--from" not in copy for name in copy.split()[:-1]]
    assert sources
    assert all((ROOT / name).exists() for name in sources)
    assert not ignored(sources)


def test_it_runs_as_a_user_without_rights() -> None:
    names = [name for name, _ in instructions()]
    (user,) = arguments_of("USER")
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user)
    assert names.index("USER") > max(place for place, name in enumerate(names) if name in ("FROM", "RUN", "COPY"))


def test_it_starts_the_server_and_watches_it(monkeypatch: pytest.MonkeyPatch) -> None:
    from text_recognizer import cli

    seen = {}
    monkeypatch.setattr(serve_command, "_listening", lambda host, port: seen.update(host=host, port=port))
    (entrypoint,) = map(json.loads, arguments_of("ENTRYPOINT"))
    assert Path(entrypoint[0]).name == "text-recognizer"
    with pytest.raises(TypeError):  # what stands in for the socket is none
        cli.main(entrypoint[1:])
    assert seen == {"host": "0.0.0.0", "port": int(arguments_of("EXPOSE")[0])}
    (health,) = arguments_of("HEALTHCHECK")
    assert f"http://127.0.0.1:{seen['port']}/health" in health


@pytest.mark.slow
def test_its_steps_make_a_server(tmp_path: Path) -> None:
    for copy in arguments_of("COPY"):
        if "--from" not in copy:
            *sources, target = copy.split()
            for source in sources:
                place = tmp_path / target / source if target == "./" else tmp_path / target
                if (ROOT / source).is_dir():
                    shutil.copytree(ROOT / source, place, ignore=shutil.ignore_patterns("__pycache__"))
                else:
                    shutil.copy(ROOT / source, place)
    for step in arguments_of("RUN"):
        subprocess.run(step.replace("python3", sys.executable), shell=True, check=True, cwd=tmp_path)
    installed = subprocess.run(
        [".venv/bin/python", "-m", "pip", "list"], cwd=tmp_path, check=True, capture_output=True, text=True
    ).stdout
    assert "onnxruntime" in installed
    assert not re.search(r"^(torch|lightning|numba)\b", installed, re.MULTILINE)
    (entrypoint,) = map(json.loads, arguments_of("ENTRYPOINT"))
    (health,) = (json.loads(line[line.index("[") :]) for line in arguments_of("HEALTHCHECK"))
    server = subprocess.Popen(
        [*entrypoint, "--host=127.0.0.1", "--port=18000"], cwd=tmp_path, env={"PYTHONDONTWRITEBYTECODE": "1"}
    )
    try:
        check = [part.replace("8000", "18000") for part in health]
        deadline = time.monotonic() + 60
        while subprocess.run(check, cwd=tmp_path, capture_output=True).returncode and time.monotonic() < deadline:
            time.sleep(0.2)
        assert subprocess.run(check, cwd=tmp_path).returncode == 0
        for page in ("", "docs", "reference.css"):
            assert urllib.request.urlopen(f"http://127.0.0.1:18000/{page}", timeout=10).status == 200
    finally:
        server.send_signal(signal.SIGTERM)
    assert server.wait(60) == 0
