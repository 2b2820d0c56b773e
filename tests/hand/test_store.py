import io
import json
import os
import stat
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from PIL import Image
from reading_tools import draw

from text_recognizer.cli import main
from text_recognizer.errors import UsageError, UserError
from text_recognizer.hand.file import Figures, HandFile, Written, check_graph, model_of
from text_recognizer.hand.store import SETTING, check_name, hand_names, hand_path, import_hand, save_hand
from text_recognizer.reading.model_file import DEFAULT_MODEL
from text_recognizer.reading.recognizer import TextRecognizer


def picture(width: int, height: int) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.full((height, width), 200, np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


HAND = HandFile(
    Figures(0.2, 0.05, 0.3, 0.1),
    7,
    Written(("a", "a", "B"), 10, 12, 2),
    Written(("Meet me",), 40, 12, 1),
    picture(20, 24),
    picture(40, 12),
    DEFAULT_MODEL.read_bytes(),
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
    assert (again.figures, again.seed, again.characters) == (HAND.figures, 7, HAND.characters)
    assert again.model == HAND.model


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX's")
def test_a_hand_is_for_its_user_alone(folder: Path) -> None:
    file = save_hand("mine", HAND.to_bytes())
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


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


def altered(member: str, change: Callable[[bytes], bytes]) -> bytes:
    """The hand file with one member changed, its checksum right."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(HAND.to_bytes())) as old, zipfile.ZipFile(buffer, "w") as new:
        for name in old.namelist():
            new.writestr(name, change(old.read(name)) if name == member else old.read(name))
    return buffer.getvalue()


def with_about(**changes: object) -> bytes:
    return altered("hand.json", lambda old: json.dumps(json.loads(old) | changes).encode())


def with_member(name: str) -> bytes:
    buffer = io.BytesIO(HAND.to_bytes())
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.writestr(name, b"x")
    return buffer.getvalue()


WRITTEN = {"texts": ["a"], "width": 10, "height": 12, "columns": 1}
GOOD = HAND.to_bytes()
DAMAGED = {
    "nothing": b"",
    "no archive": b"PK" + bytes(100),
    "cut short": GOOD[: len(GOOD) // 2],
    "a byte": GOOD[:500_000] + bytes([GOOD[500_000] ^ 255]) + GOOD[500_001:],
    "a path": with_member("../../evil.py"),
    "code": with_member("evil.py"),
    "a member twice": with_member("hand.json"),
    "no json": altered("hand.json", lambda old: b"{"),
    "a list": altered("hand.json", lambda old: b"[]"),
    "deep json": altered("hand.json", lambda old: b"[" * 100_000),
    "version": with_about(version=2),
    "seed": with_about(seed="1"),
    "figures": with_about(figures={"lines_before": "x"}),
    "other figures": with_about(figures={"price": 3.0}),
    "not a number": with_about(figures={"lines_before": float("nan")}),
    "two characters": with_about(characters=WRITTEN | {"texts": ["ab"]}),
    "an unknown character": with_about(characters=WRITTEN | {"texts": ["\u00e9"]}),
    "a size": with_about(characters=WRITTEN | {"width": 10**6}),
    "no size": with_about(lines=WRITTEN | {"columns": 0}),
    "no model": altered("reader.onnx", lambda old: b"no model"),
    "half a model": altered("reader.onnx", lambda old: old[: len(old) // 2]),
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
    (tmp_path / "given.hand").write_bytes(altered("characters.png", lambda old: png))
    with pytest.raises(UserError, match=r"given\.hand"):
        import_hand(tmp_path / "given.hand", "mine")
    assert hand_names() == []


def graph_of(*nodes: onnx.NodeProto, weights: list[onnx.TensorProto] | None = None) -> onnx.ModelProto:
    images = helper.make_tensor_value_info("images", TensorProto.UINT8, ["B", 40, "W"])
    log_probs = helper.make_tensor_value_info("log_probs", TensorProto.FLOAT, ["B", "S", 3])
    return helper.make_model(helper.make_graph(list(nodes), "g", [images], [log_probs], weights or []))


def external() -> onnx.TensorProto:
    weight = numpy_helper.from_array(np.zeros(3, np.float32), "w")
    weight.ClearField("raw_data")
    weight.data_location = TensorProto.EXTERNAL
    entry = weight.external_data.add()
    entry.key, entry.value = "location", "../../secret"
    return weight


RELU = helper.make_node("Relu", ["images"], ["log_probs"])
WITH_FUNCTION = graph_of(RELU)
WITH_FUNCTION.functions.add().name = "f"
OTHER_DOMAIN = graph_of(RELU)
OTHER_DOMAIN.opset_import.add().domain = "com.evil"
BAD_GRAPHS = {
    "another operator": graph_of(helper.make_node("Loop", ["images"], ["log_probs"])),
    "another domain": graph_of(helper.make_node("Relu", ["images"], ["log_probs"], domain="com.evil")),
    "an operator set": OTHER_DOMAIN,
    "a function": WITH_FUNCTION,
    "a graph within": graph_of(helper.make_node("Relu", ["images"], ["log_probs"], then_branch=graph_of(RELU).graph)),
    "weights elsewhere": graph_of(RELU, weights=[external()]),
    "an attribute elsewhere": graph_of(helper.make_node("Relu", ["images"], ["log_probs"], value=external())),
    "a huge padding": graph_of(helper.make_node("Conv", ["images", "w"], ["log_probs"], pads=[0, 0, 10**9, 0])),
    "a negative padding": graph_of(helper.make_node("Conv", ["images", "w"], ["log_probs"], pads=[-(10**9)])),
}


@pytest.mark.parametrize("graph", BAD_GRAPHS.values(), ids=BAD_GRAPHS)
def test_a_graph_that_is_no_readers_is_refused(graph: onnx.ModelProto) -> None:
    with pytest.raises(ValueError, match="its reader"):
        check_graph(graph.SerializeToString())


def test_the_graph_of_the_reader_that_ships_is_none_of_these() -> None:
    check_graph(DEFAULT_MODEL.read_bytes())
    check_graph(graph_of(RELU, helper.make_node("Squeeze", ["images"], ["y"], axis=-1)).SerializeToString())


def test_the_commands_of_hands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["hand", "list"]) == 0
    assert "No hand" in capsys.readouterr().out
    save_hand("mine", HAND.to_bytes())
    assert main(["hand", "list"]) == 0
    assert "20.0% before,   5.0% after" in capsys.readouterr().out
    assert main(["hand", "show", "mine"]) == 0
    assert "3 pictures of 2 characters: mine.png" in capsys.readouterr().out
    assert (tmp_path / "mine.png").read_bytes() == HAND.characters_png
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
    assert (tmp_path / "sheet.pdf").read_bytes().startswith(b"%PDF")


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
    assert TextRecognizer(model_of(hand_path("mine"))).read(line).text == TextRecognizer().read(line).text


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
