"""The notebooks: what is committed ran from top to bottom and shows pictures, and runs again."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from text_recognizer.data import EMNISTLines
from text_recognizer.data.download import CACHE_SETTING, MIRROR_SETTING

ROOT = Path(__file__).parents[1]
PICTURES = {
    "01-look-at-emnist.ipynb": 6,
    "02-look-at-emnist-lines.ipynb": 5,
    "02b-cnn-for-simple-emnist-lines.ipynb": 8,
}
MAX_BYTES = 600_000


def code_cells(path: Path) -> list[dict[str, Any]]:
    return [cell for cell in json.loads(path.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == "code"]


def check_it_ran(path: Path, pictures: int) -> None:
    """Every cell ran, in order and without an error, and drew so many pictures."""
    cells = code_cells(path)
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    outputs = [output for cell in cells for output in cell["outputs"]]
    assert {output["output_type"] for output in outputs} <= {"stream", "execute_result"}
    assert {output.get("name", "stdout") for output in outputs} == {"stdout"}  # no warning of any library
    assert sum("image/png" in output.get("data", {}) for output in outputs) == pictures


def test_all_notebooks_are_checked() -> None:
    assert {path.name for path in (ROOT / "notebooks").glob("*.ipynb")} == set(PICTURES)


@pytest.mark.parametrize("name", PICTURES)
def test_committed_notebook_ran_and_is_clean(name: str) -> None:
    path = ROOT / "notebooks" / name
    check_it_ran(path, PICTURES[name])
    text = path.read_text(encoding="utf-8")
    assert len(text) < MAX_BYTES
    assert not re.search(r"/(home|root|Users|tmp|work)/|[A-Z]:\\\\", text)
    assert not re.search(r"\b20\d\d-\d\d-\d\dT", text)  # when cells ran
    assert "widget" not in text
    assert all(cell["metadata"] == {} for cell in code_cells(path))


def printed_by(path: Path) -> str:
    return "".join("".join(output.get("text", "")) for cell in code_cells(path) for output in cell["outputs"])


def padding_share(printed: str) -> float:
    """What a notebook says that a model scores which always says padding."""
    [share] = re.findall(r"always says padding scores (0\.\d\d) here", printed)
    return float(share)


@pytest.mark.parametrize("name", PICTURES)
def test_a_notebook_that_prints_accuracies_says_what_padding_alone_is_worth(name: str) -> None:
    printed = printed_by(ROOT / "notebooks" / name)
    assert ("always says padding" in printed) == ("lines" in name)
    accuracies = [float(figure) for figure in re.findall(r"test_acc (0\.\d\d)", printed)]
    assert bool(accuracies) == name.startswith("02b")
    assert all(accuracy > padding_share(printed) > 0.3 for accuracy in accuracies)


@pytest.mark.slow
@pytest.mark.parametrize("data", ["mirror", "built in"])
def test_notebooks_run(
    data: str, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    if importlib.util.find_spec("nbclient") is None:
        pytest.skip("needs the extra notebooks: make extras")
    if data == "mirror":
        request.getfixturevalue("mirror")
    else:
        monkeypatch.delenv(MIRROR_SETTING, raising=False)
        monkeypatch.setenv(CACHE_SETTING, str(tmp_path / "cache"))
    command = [sys.executable, str(ROOT / "scripts" / "run_notebooks.py"), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr[-2000:]
    for name, pictures in PICTURES.items():
        check_it_ran(tmp_path / name, pictures)
        printed = "".join(output.get("text", [""])[0] for output in code_cells(tmp_path / name)[1]["outputs"])
        assert ("strokes" in printed) == (data == "built in")
    if data == "built in":
        lines = EMNISTLines(glyphs="strokes", text="builtin", max_length=8, max_overlap=0)
        lines.setup()
        share = np.mean(lines.datasets["test"].batch(np.arange(2_000)).targets == lines.inverse_mapping["<P>"])
        shown = padding_share(printed_by(tmp_path / "02b-cnn-for-simple-emnist-lines.ipynb"))
        assert shown == pytest.approx(share, abs=0.006)
