"""Every command of the documents runs, as written but for limits that shorten it; their Python too."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sys
from contextlib import ExitStack, redirect_stdout
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest
from documents import PAGES, ROOT, commands, copy_weights, fenced, skip_without_its_extra
from hand_tools import TINY
from photographs import Camera, simulate
from PIL import Image

from text_recognizer import cli
from text_recognizer.data.download import MIRROR_SETTING
from text_recognizer.hand import store as hands
from text_recognizer.hand.learning import learn

NOT_EXECUTED = {
    r"serve\b": "runs until it is stopped; tests/serving starts it",
    r".*--gpus=4": "needs four GPUs",
    r"read s3://": "needs an object store; tests/commands/test_read_addresses.py starts a small one",
    r".*--engine=ray": "starts Ray, which takes seconds; tests/test_cluster.py does",
    r"sweep\b": "trains for minutes; tests/test_cluster.py runs a smaller one",
    r"hand script\b": "trains for minutes on a sheet in another script; tests/hand/test_script.py is smaller",
    r".*\bgreek\.onnx": "reads with what hand script makes; tests/hand/test_script.py reads with a smaller one",
    r".*--help$": "ends the program; tests/test_cli.py asks every command for help",
    r"[a-z]+$": "names a command, and does not call it",
}
"""Commands that are not executed here, and why not."""
EXECUTED = [command for command in commands() if not any(re.match(known, command) for known in NOT_EXECUTED)]
PYTHON_PAGES = [page for page in PAGES if fenced(page, "python") and page.name != "serving.md"]
"""Pages with Python in them; that of serving.md needs a server, and runs in tests/serving/test_documents.py."""
LIMITS = {
    "train": "--max_epochs=1 --limit_train_batches=2 --limit_val_batches=2 --limit_test_batches=2 "
    "--batch_size=16 --enable_progress_bar=false",
    "demo": "--num_lines=320",
    "export": "--calibration_lines=50",
    "finetune": "--epochs=1 --num_workers=0 --batch_size=4",
    "hand learn corrections": "--minutes=0.3",
}
BUILT_IN = "--glyphs=strokes --text=builtin"
SMALL_READER = (
    "train --model_class=LineReader --data_class=EMNISTLines --layout=mixed --prepared --max_length=16 --gpus=0 "
    f"--num_train=32 --num_val=16 --num_test=16 --batch_size=16 --conv_dim=8 --context_dim=16 {BUILT_IN}"
)


def run(command: str) -> int:
    """Exit code of a command in this process; Python starts once, not once for each of them."""
    called, _, output = os.path.expandvars(command).partition(" > ")
    with ExitStack() as opened:
        if output:
            opened.enter_context(redirect_stdout(opened.enter_context(Path(output).open("w", encoding="utf-8"))))
        return cli.main(shlex.split(called))


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all that the documents' commands take for granted."""
    folder = tmp_path_factory.mktemp("desk")
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.chdir(folder)
        assert run('lines --text="Meet me at 12:30" --count=3 --out=folder') == 0
        shutil.copy("folder/0.png", "line.png")
        Image.fromarray(np.vstack([np.asarray(Image.open(f"folder/{i}.png")) for i in (0, 0)])).save("page.png")
        sheet = Image.open("page.png").convert("L")
        sheet.save("scan.pdf", save_all=True, append_images=[sheet] * 4)
        cv2.imwrite("photo.jpg", simulate(0, Camera()).photo)
        assert run("hand sheet --out sheet.pdf") == 0
        Path("template.json").write_text(fenced(ROOT / "docs" / "forms.md", "json")[0], encoding="utf-8")
        Path("archive/below").mkdir(parents=True)
        shutil.copy("line.png", "archive/below/line.png")
        Path("greek.txt").write_text("αβγδεζηθικλμνξοπρστυφχψως", encoding="utf-8")
        Path("list.txt").write_text("line.png\n", encoding="utf-8")
        Path("letters").mkdir()
        for name in ("a1", "a2", "a3", "B1", "B2", "B3"):
            shutil.copy("line.png", f"letters/{name}.png")
        assert run("lines --out=mine --count=12 --max_chars=12") == 0
        rows = Path("mine/labels.tsv").read_text(encoding="utf-8").splitlines()
        table = ["file\ttext\twriter", *(f"{row}\twriter {number % 4}" for number, row in enumerate(rows))]
        Path("mine/labels.tsv").write_text("\n".join(table), encoding="utf-8")
        Path("best.yaml").write_text("model_class: MLP\ndata_class: PenStrokes\n", encoding="utf-8")
        shutil.copytree("mine", "corrections")
        Path("other.jsonl").write_text('{"file": "00.png", "text": "Meet me"}\n', encoding="utf-8")
        exec(fenced(ROOT / "docs" / "data.md", "python")[0], {})
        text = "\n\n".join(f"{number} men and {number + 1} boats went out to sea at noon." for number in range(2_000))
        for name in ("book.txt", "names.txt", *(f"books/pg{number}.txt" for number in (98, 345, 1342, 1661, 2701))):
            Path(name).parent.mkdir(exist_ok=True)
            Path(name).write_text(text, encoding="utf-8")
        assert run(f"{SMALL_READER} {LIMITS['train']}") == 0
        next(Path("training/logs").iterdir()).rename("training/logs/RUN")
        Path("RUN_FOLDER").symlink_to("training/logs/RUN")
        copy_weights(folder)
        assert run("export training/logs/RUN --out model.onnx") == 0
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("command", EXECUTED, ids=EXECUTED)
def test_command_runs(
    command: str, desk: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    monkeypatch.chdir(desk)
    monkeypatch.setenv("B", "books")
    monkeypatch.setenv("TEXT", "books/pg1342.txt,books/pg1661.txt")
    monkeypatch.setenv(hands.SETTING, "hands")
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setattr(sys, "stdin", Path("line.png").open())  # noqa: SIM115
    monkeypatch.setattr("text_recognizer.commands.hand.learn.learn", partial(learn, recipe=TINY))
    monkeypatch.setattr("text_recognizer.training.finetune._CHOOSING_LINES", 12)
    limits = [flags for beginning, flags in LIMITS.items() if command.startswith(f"{beginning} ")]
    limited = " ".join([command, *limits])
    skip_without_its_extra(command)
    if re.search(r"\bE?MNIST\b|PaperLines(?! --glyphs)", command):
        request.getfixturevalue("mirror")
    elif not os.environ.get(MIRROR_SETTING) and "EMNISTLines" in command and "--glyphs" not in command:
        limited += f" {BUILT_IN}"
    assert run(limited) == 0
    for output in re.findall(r"(?:--(?:out|picture|html)[ =]| > )(\S+)", command):
        assert Path(output).stat().st_size


@pytest.mark.slow
@pytest.mark.parametrize("page", PYTHON_PAGES, ids=[page.name for page in PYTHON_PAGES])
def test_python_of_a_page_runs(page: Path, desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(desk)
    names: dict[str, object] = {}
    for block in fenced(page, "python"):
        exec(block, names)
