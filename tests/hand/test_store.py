import base64
import io
import json
import os
import stat
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy
from hand_tools import reader_metadata, shipped_weights
from PIL import Image
from reading_tools import draw

from text_recognizer.cli import main
from text_recognizer.errors import UsageError, UserError
from text_recognizer.hand.file import _ABOUT, About, Figures, HandFile, Written, _digest, model_of, writing_in
from text_recognizer.hand.store import SETTING, check_name, hand_names, hand_path, import_hand, save_hand
from text_recognizer.reading.model_file import DEFAULT_MODEL, LineModel
from text_recognizer.reading.recognizer import TextRecognizer


def picture(width: int, height: int) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.full((height, width), 200, np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


HAND = HandFile(
    About(
        Figures(0.2, 0.05, 0.3, 0.1),
        7,
        Written(("a", "a", "B"), 10, 12, 2, picture(20, 24)),
        Written(("Meet me",), 40, 12, 1, picture(40, 12)),
        reader_metadata(),
    ),
    shipped_weights(),
)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(SETTING, str(tmp_path / "data" / "hands"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "data" / "hands"


def test_a_hand_file_keeps_what_is_in_it(tmp_path: Path) -> None:
    file = tmp_path / "one.hand"
    file.write_bytes(HAND.to_bytes())
    again = HandFile.read(file)
    assert again.to_bytes() == HAND.to_bytes()
    assert again.about == HAND.about


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX's")
def test_a_hand_is_for_its_user_alone(folder: Path) -> None:
    file = save_hand("mine", HAND.to_bytes())
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX's")
def test_a_folder_that_is_there_keeps_its_mode(folder: Path) -> None:
    folder.mkdir(parents=True)
    folder.chmod(0o755)
    save_hand("mine", HAND.to_bytes())
    assert stat.S_IMODE(folder.stat().st_mode) == 0o755


@pytest.mark.parametrize("name", ["mine", "a", "Mine-2_b", "7", "x" * 40])
def test_names_that_can_be(name: str) -> None:
    assert check_name(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        "..",
        ".",
        "../x",
        "a/b",
        "a\\b",
        "-x",
        "_x",
        "a b",
        "a.b",
        "x" * 41,
        "con",
        "NUL",
        "Lpt1",
        "\u00e4",
        "a\n",
        "a\0",
    ],
)
def test_names_that_cannot_be(name: str) -> None:
    for use in (check_name, hand_path, lambda name: save_hand(name, b"")):
        with pytest.raises(UsageError, match="cannot be called"):
            use(name)


def test_a_hand_that_is_not_there_is_named_with_those_that_are() -> None:
    with pytest.raises(UserError, match="None has been learned yet"):
        hand_path("mine")
    save_hand("yours", HAND.to_bytes())
    with pytest.raises(UserError, match="There are: yours"):
        hand_path("mine")


def test_a_failed_write_leaves_the_old_hand(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_hand("mine", HAND.to_bytes())

    def fail(self: Path, content: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", fail)
    with pytest.raises(UserError, match="No space left"):
        save_hand("mine", b"new")
    assert (folder / "mine.hand").read_bytes() == HAND.to_bytes()
    assert hand_names() == ["mine"]
    assert len(list(folder.iterdir())) == 1


def altered(change: Callable[[dict[str, Any]], None] = lambda about: None, **weights: np.ndarray | None) -> bytes:
    """The hand file with what it says changed, or some weights, its checksum right."""
    about = _ABOUT.dump_python(HAND.about, mode="json")
    change(about)
    text = json.dumps(about)
    kept = {name: weight for name, weight in (HAND.weights | weights).items() if weight is not None}
    return safetensors.numpy.save(kept, {"hand": _digest(text, kept) + text})


def with_about(**changes: object) -> bytes:
    return altered(lambda about: about.update(changes))


def old_hand(change: Callable[[str, bytes], bytes] = lambda name, content: content) -> bytes:
    """A hand file as older versions wrote them, with a graph in it."""
    about = _ABOUT.dump_python(HAND.about, mode="json")
    pictures = {kind: (HAND.about.characters if kind == "characters" else HAND.about.lines).png for kind in KINDS}
    said = {"version": 1, "seed": 7, "figures": about["figures"]}
    said |= {kind: {key: value for key, value in about[kind].items() if key != "png"} for kind in KINDS}
    members = {"hand.json": json.dumps(said).encode(), "reader.onnx": b"graph"}
    members |= {f"{kind}.png": png for kind, png in pictures.items()}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, change(name, content))
    return buffer.getvalue()


KINDS = ("characters", "lines")
STEPS = "model.steps.1.weight_half"
WRITTEN = {"texts": ["a"], "width": 10, "height": 12, "columns": 1, "png": ""}
GOOD = HAND.to_bytes()
DAMAGED = {
    "nothing": b"",
    "no tensors": b"PK" + bytes(100),
    "cut short": GOOD[: len(GOOD) // 2],
    "a byte of the weights": GOOD[:500_000] + bytes([GOOD[500_000] ^ 255]) + GOOD[500_001:],
    "a byte of the text": GOOD.replace(b"Meet me", b"Meet us"),
    "a huge header": b"\xff" * 8 + GOOD[8:],
    "nothing said": safetensors.numpy.save(dict(HAND.weights)),
    "no json": safetensors.numpy.save(dict(HAND.weights), {"hand": _digest("{", HAND.weights) + "{"}),
    "deep json": safetensors.numpy.save({}, {"hand": _digest("[" * 10**5, {}) + "[" * 10**5}),
    "version": with_about(version=3),
    "something else": with_about(code="import os"),
    "seed": with_about(seed="1"),
    "figures": with_about(figures={"lines_before": "x"}),
    "other figures": with_about(figures={"price": 3.0}),
    "not a number": with_about(figures={"lines_before": float("nan")}),
    "two characters": with_about(characters=WRITTEN | {"texts": ["ab"]}),
    "an unknown character": with_about(characters=WRITTEN | {"texts": ["\u00e9"]}),
    "a size": with_about(characters=WRITTEN | {"width": 10**6}),
    "no size": with_about(lines=WRITTEN | {"columns": 0}),
    "another alphabet": altered(lambda about: about["reader"].update(alphabet=["<B>", *"abc"])),
    "an alphabet that cannot be shown": altered(lambda about: about["reader"].update(alphabet=["<B>", "\x1b"])),
    "a stride": altered(lambda about: about["reader"].update(stride=10**9)),
    "no weights": altered(**dict.fromkeys(HAND.weights)),
    "a weight too few": altered(**{STEPS: None}),
    "a weight too many": altered(evil=np.zeros(3, np.float32)),
    "a weight of another size": altered(**{STEPS: HAND.weights[STEPS][:, :, :2]}),
    "a weight of another type": altered(**{STEPS: HAND.weights[STEPS].astype(np.float32)}),
    "a weight that is no number": altered(**{STEPS: HAND.weights[STEPS] * np.float16(np.inf)}),
}


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_hand_is_refused_and_the_general_reader_reads(
    content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save_hand("mine", content)
    Image.fromarray(draw("Hello")).save("line.png")
    assert main(["read", "--hand", "mine", "line.png"]) == 1
    assert "mine.hand: " in capsys.readouterr().err
    assert main(["read", "line.png"]) == 0
    file = tmp_path / "given.hand"
    file.write_bytes(content)
    assert main(["hand", "import", str(file), "--name", "other"]) == 1
    assert hand_names() == ["mine"]


@pytest.mark.parametrize("png", [picture(10, 24), b"no picture"])
def test_pictures_that_are_not_as_described_are_not_imported(png: bytes, tmp_path: Path) -> None:
    encoded = base64.b64encode(png).decode()
    (tmp_path / "given.hand").write_bytes(altered(lambda about: about["characters"].update(png=encoded)))
    with pytest.raises(UserError, match=r"given\.hand"):
        import_hand(tmp_path / "given.hand", "mine")
    assert hand_names() == []


@pytest.mark.parametrize("use", [["read", "--hand", "mine", "line.png"], ["hand", "show", "mine"], ["hand", "list"]])
def test_an_old_hand_is_refused_with_the_command_that_mends_it(
    use: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    file = save_hand("mine", old_hand())
    Image.fromarray(draw("Hello")).save("line.png")
    assert main(use) == 1
    assert f"text-recognizer hand learn {file} --name mine" in capsys.readouterr().err


def test_what_was_written_is_read_from_old_hands_too(tmp_path: Path) -> None:
    file = tmp_path / "old.hand"
    file.write_bytes(old_hand())
    assert writing_in(file) == (HAND.about.characters, HAND.about.lines)
    for content in (
        old_hand(lambda name, content: b"{" if name == "hand.json" else content),
        old_hand().replace(b"lines.png", b"linen.png"),
        old_hand()[:-30],
    ):
        file.write_bytes(content)
        with pytest.raises(UserError, match=r"old\.hand: damaged"):
            writing_in(file)


def test_the_commands_of_hands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["hand", "list"]) == 0
    assert "No hand" in capsys.readouterr().out
    save_hand("mine", HAND.to_bytes())
    assert main(["hand", "list"]) == 0
    assert "20.0% before,   5.0% after" in capsys.readouterr().out
    assert main(["hand", "show", "mine"]) == 0
    assert "3 pictures of 2 characters: mine.png" in capsys.readouterr().out
    assert (tmp_path / "mine.png").read_bytes() == HAND.about.characters.png
    assert main(["hand", "export", "mine", "--out", "copy.hand"]) == 0
    assert main(["hand", "import", "copy.hand"]) == 0
    assert main(["hand", "import", "copy.hand"]) == 1
    assert "hand 'copy' already" in capsys.readouterr().err
    assert hand_path("copy").read_bytes() == HAND.to_bytes()
    assert main(["hand", "remove", "mine"]) == 0
    assert hand_names() == ["copy"]
    assert main(["hand", "remove", "mine"]) == 1
    assert main(["hand", "remove", "../copy"]) == 2
    assert main(["hand", "sheet", "--out", "sheet.pdf", "--paper", "Letter"]) == 0
    assert main(["hand", "sheet", "--out", "sheet.png"]) == 2
    assert (tmp_path / "sheet.pdf").read_bytes().startswith(b"%PDF")


@pytest.mark.parametrize(("command", "name"), [("show", "mine.png"), ("export", "mine.hand")])
def test_a_file_of_a_name_that_nobody_gave_is_not_replaced(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str, name: str
) -> None:
    save_hand("mine", HAND.to_bytes())
    assert main(["hand", command, "mine"]) == main(["hand", command, "mine"]) == 0
    (tmp_path / name).write_bytes(b"a photograph")
    assert main(["hand", command, "mine"]) == 2
    assert f"{name} is there already" in capsys.readouterr().err
    assert (tmp_path / name).read_bytes() == b"a photograph"
    assert main(["hand", command, "mine", "--out", name]) == 0
    assert (tmp_path / name).read_bytes() != b"a photograph"


def test_a_damaged_hand_is_listed_as_such(capsys: pytest.CaptureFixture[str]) -> None:
    save_hand("bad", b"x")
    save_hand("good", HAND.to_bytes())
    assert main(["hand", "list"]) == 1
    printed = capsys.readouterr()
    assert "good" in printed.out
    assert "bad.hand: damaged" in printed.err


def test_removing_takes_what_an_interrupted_write_left(folder: Path) -> None:
    save_hand("mine", HAND.to_bytes())
    (folder / ".mine.123.part.hand").write_bytes(b"x")
    (folder / ".other.123.part.hand").write_bytes(b"x")
    assert hand_names() == ["mine"]
    assert main(["hand", "remove", "mine"]) == 0
    assert [file.name for file in folder.iterdir()] == [".other.123.part.hand"]


def test_a_hand_reads_as_its_model_does() -> None:
    save_hand("mine", HAND.to_bytes())
    line = draw("Hello 12")
    model = LineModel(DEFAULT_MODEL, shipped_weights())
    assert TextRecognizer(model_of(hand_path("mine"))).read(line).text == TextRecognizer(model).read(line).text


def test_a_model_and_a_hand_are_one_too_many() -> None:
    assert main(["read", "--hand", "mine", "--model", "m.onnx", "line.png"]) == 2


def test_hands_need_no_training_extra(folder: Path) -> None:
    save_hand("mine", HAND.to_bytes())
    Image.fromarray(draw("Hello")).save("line.png")
    commands = [
        ["read", "--hand", "mine", "line.png"],
        ["hand", "list"],
        ["hand", "show", "mine"],
        ["hand", "export", "mine"],
        ["hand", "import", "mine.hand", "--name", "again"],
        ["hand", "sheet"],
        ["hand", "remove", "mine"],
    ]
    script = f"""
import sys
from text_recognizer.cli import main
from text_recognizer.errors import TRAINING_MODULES
sys.modules.update(dict.fromkeys(TRAINING_MODULES))
for command in {commands}:
    assert main(command) == 0, command
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
