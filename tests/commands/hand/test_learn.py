import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from labelled_tools import write_lines
from photographs import Camera, Writer, fill, return_sheet
from reading_tools import broken_tiff

from text_recognizer import cli
from text_recognizer.commands.finetune import arguments_of_lines
from text_recognizer.commands.hand import learn as learn_command
from text_recognizer.hand.file import HandFile, model_of
from text_recognizer.hand.samples import Samples
from text_recognizer.hand.sheet.layout import Sheet
from text_recognizer.hand.store import SETTING, hand_names, hand_path, save_hand
from text_recognizer.reading.model_file import DEFAULT_MODEL
from text_recognizer.reading.recognizer import TextRecognizer
from text_recognizer.training.export import read_model, weights_of

ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(SETTING, str(tmp_path / "hands"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def given(learned: HandFile, folder: Path) -> Path:
    """A hand file to learn from again."""
    (folder / "given.hand").write_bytes(learned.to_bytes())
    return folder / "given.hand"


def write_photo(name: str) -> None:
    sheet, writer = Sheet(), Writer.of(7)
    page = return_sheet(sheet, fill(sheet, writer), writer)
    cv2.imwrite(name, Camera(megapixels=4.0).photograph(page))


def fails_with(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 1) -> str:
    assert cli.main(["hand", "learn", *arguments]) == code
    assert hand_names() == []
    return capsys.readouterr().err


def test_photograph_that_cannot_be_used_is_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    photo = folder / "dark.png"
    cv2.imwrite(str(photo), np.full((900, 700), 9, np.uint8))
    assert f"error: {photo}: The picture is too dark." in fails_with(capsys, str(photo), "--name", "mine")
    assert [file.name for file in folder.iterdir()] == ["dark.png"]


def test_a_hand_is_learned_from_corrections(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    corrections = write_lines(folder / "corrections", 15, writers=3)
    short = {"epochs": 1, "num_workers": 0, "batch_size": 4, "lr": 1e-3}
    monkeypatch.setattr(
        learn_command,
        "arguments_of_lines",
        lambda command, lines, flags, log_dir: arguments_of_lines(command, lines, flags | short, log_dir),
    )
    monkeypatch.setattr("text_recognizer.training.finetune._CHOOSING_LINES", 12)
    assert cli.main(["hand", "learn", "corrections", "--name=mine", "--minutes=5"]) == 0
    printed = capsys.readouterr().out
    assert "5 lines to learn from, 5 to choose by, 5 to test on: dealt by writer" in printed
    assert "labelled lines kept apart" in printed
    hand = HandFile.read(hand_path("mine"))
    assert hand.figures.before == hand.figures.labelled_before is not None
    assert hand.weights.keys() == weights_of(read_model(DEFAULT_MODEL)).keys()
    assert cli.main(["read", "--hand=mine", str(corrections / "00.png")]) == 0
    assert cli.main(["hand", "show", "mine"]) == 0
    assert "mine: learned from labelled lines" in capsys.readouterr().out
    assert cli.main(["hand", "learn", str(hand_path("mine")), "--name=again"]) == 1
    assert "learned from labelled lines, of which it keeps no pictures" in capsys.readouterr().err


def test_no_contact_sheet_takes_the_place_of_a_photograph(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("contact.png", "contact-2.png"):
        (folder / name).write_bytes(b"a photograph")
    for photos in (["contact.png"], ["other.png", "contact-2.png"]):
        assert "would be lost. Give another file." in fails_with(capsys, *photos, "--name=mine", code=2)
    assert {(folder / name).read_bytes() for name in ("contact.png", "contact-2.png")} == {b"a photograph"}


def test_a_hand_that_cannot_be_kept_is_not_learned(
    folder: Path, given: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_lines(folder / "corrections", 15, writers=3)
    monkeypatch.setenv(SETTING, "/proc/hands")
    monkeypatch.setattr(learn_command, "learn", lambda *_: pytest.fail("learned"))
    monkeypatch.setattr(learn_command, "learn_from_lines", lambda *_: pytest.fail("learned"))
    for source in (str(given), "corrections"):
        assert "Cannot write /proc/hands" in fails_with(capsys, source, "--name=mine")


def test_a_folder_is_learned_alone(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "corrections").mkdir()
    said = fails_with(capsys, "nowhere.jpg", "corrections", "--name=mine")
    assert "nowhere.jpg, corrections: a folder of labelled lines is learned alone." in said
    assert "corrections" in fails_with(capsys, "corrections", "--name=mine")
    assert "--minutes is 0.0" in fails_with(capsys, "corrections", "--name=mine", "--minutes=0", code=2)


@pytest.mark.parametrize("content", [b"", b"\x89PNG\r\n\x1a\n", b"no picture at all"])
def test_file_that_is_no_picture_is_named(content: bytes, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "photo.jpg").write_bytes(content)
    assert "error: photo.jpg: " in fails_with(capsys, "photo.jpg", "--name=mine")
    assert "error: none.jpg: " in fails_with(capsys, "none.jpg", "--name=mine")


def test_what_a_decoder_prints_is_said_as_ours(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (folder / "photo.tif").write_bytes(broken_tiff())
    assert cli.main(["hand", "learn", "photo.tif", "--name=mine"]) == 1
    warning, error = capfd.readouterr().err.splitlines()
    assert warning.startswith("warning: photo.tif: its decoder says: ZIPDecode")
    assert error.startswith("error: photo.tif: broken or truncated picture")


def test_impossible_names_and_seeds_are_refused_before_any_work(capsys: pytest.CaptureFixture[str]) -> None:
    assert "cannot be called '../x'" in fails_with(capsys, "none.jpg", "--name=../x", code=2)
    assert "--seed is -1" in fails_with(capsys, "none.jpg", "--name=mine", "--seed=-1", code=2)


def test_sheets_of_one_hand_are_learned_together(monkeypatch: pytest.MonkeyPatch, learned: HandFile) -> None:
    write_photo("photo.png")
    found: list[Samples] = []

    def note(samples: Samples, *_: object) -> HandFile:
        found.append(samples)
        return learned

    monkeypatch.setattr(learn_command, "learn", note)
    assert cli.main(["hand", "learn", "photo.png", "--name=one"]) == 0
    assert cli.main(["hand", "learn", "photo.png", "photo.png", "--name=two", "--contact=seen.png"]) == 0
    one, two = found
    assert len(one.characters) > 300
    assert len(one.lines) == 8
    assert [text for text, _ in two.characters] == 2 * [text for text, _ in one.characters]
    assert [file for file in ("contact.png", "seen.png", "seen-2.png") if Path(file).is_file()] == [
        "contact.png", "seen.png", "seen-2.png",
    ]  # fmt: skip


def test_a_hand_that_was_learned_is_saved_and_read_with(
    given: Path, learned: HandFile, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def learn(samples: Samples, seed: int, report: object) -> HandFile:
        return HandFile(replace(learned.about, seed=seed), learned.weights)

    monkeypatch.setattr(learn_command, "learn", learn)
    assert cli.main(["hand", "learn", str(given), "--name=mine", "--seed=5"]) == 0
    printed = capsys.readouterr().out
    assert "Learned 'mine' in" in printed
    assert "before" in printed
    assert HandFile.read(hand_path("mine")).about.seed == 5
    TextRecognizer(model_of(hand_path("mine")))


KILLED = """
import os, signal, sys
from pathlib import Path
from hand_tools import TINY
from text_recognizer import cli
from text_recognizer.commands.hand import learn as learn_command
from text_recognizer.hand.file import HandFile

moment, given = sys.argv[1:]
learn = learn_command.learn

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

def write_half_and_die(file, content):
    with file.open("wb") as opened:
        opened.write(content[: len(content) // 2])
    die()

if moment == "learning":
    learn_command.learn = lambda samples, seed, report: learn(samples, seed, die, TINY)
else:
    learn_command.learn = lambda *_: HandFile.read(Path(given))
    Path.write_bytes = write_half_and_die
cli.main(["hand", "learn", given, "--name=mine"])
"""


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL is POSIX's")
@pytest.mark.parametrize("moment", ["learning", "writing"])
def test_killed_at_any_moment_the_old_hand_is_intact(moment: str, given: Path, learned: HandFile) -> None:
    save_hand("mine", learned.to_bytes())
    path = os.pathsep.join(map(str, (ROOT, ROOT / "tests", ROOT / "benchmarks")))
    done = subprocess.run(
        [sys.executable, "-c", KILLED, moment, str(given)],
        env=os.environ | {"PYTHONPATH": path}, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == -9, done.stderr
    assert hand_path("mine").read_bytes() == learned.to_bytes()
    assert hand_names() == ["mine"]
    TextRecognizer(model_of(hand_path("mine")))
