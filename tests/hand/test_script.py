"""A reader of another script: from boxes to a model file."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from text_recognizer.alphabet import READER_ALPHABET
from text_recognizer.cli import main
from text_recognizer.errors import UserError
from text_recognizer.hand.script import glyphs_of, learn_script
from text_recognizer.hand.sheet.boxes import FilledBox
from text_recognizer.hand.sheet.layout import Sheet
from text_recognizer.reading.model_file import LineModel
from text_recognizer.reading.recognizer import TextRecognizer
from text_recognizer.training.arguments import parse

SCRIPT = "ΓΔΛ"
CORNERS = {
    "Γ": [(20, 70), (20, 20), (50, 20)],
    "Δ": [(10, 70), (35, 20), (60, 70), (10, 70)],
    "Λ": [(10, 70), (35, 20), (60, 70)],
}


def filled() -> list[FilledBox]:
    boxes = []
    for number, box in enumerate(Sheet(characters=SCRIPT).boxes):
        image = np.zeros((90, 65), np.uint8)
        points = np.array(CORNERS[box.text]) + number % 4
        cv2.polylines(image, [points.astype(np.int32)], False, 255, 4, cv2.LINE_AA)
        boxes.append(FilledBox(box, image, "ok"))
    return boxes


def test_glyphs_are_those_of_good_boxes() -> None:
    boxes = filled()
    boxes[0] = FilledBox(boxes[0].box, boxes[0].image, "doubtful", "faint")
    glyphs = glyphs_of(boxes)
    assert glyphs.characters.tolist() == [*"ΓΓΓ", *"ΔΔΔΔ", *"ΛΛΛΛ"]
    assert glyphs.images.shape == (11, 90, 65)


def test_characters_with_too_few_good_boxes_are_named() -> None:
    boxes = [one if one.text == "Λ" else FilledBox(one.box, one.image, "empty") for one in filled()]
    with pytest.raises(UserError, match=r"2 good boxes, but Γ, Δ has fewer"):
        glyphs_of(boxes)


@pytest.mark.slow
def test_a_reader_of_the_script_comes_out(tmp_path: Path) -> None:
    sheet, out = tmp_path / "sheet.npz", tmp_path / "script.onnx"
    glyphs_of(filled()).save(sheet)
    flags = ["--data_class=ScriptLines", f"--sheet={sheet}", "--init=reader", "--loss=ctc", "--lr=0.003"]
    sizes = [
        "--num_train=160",
        "--num_val=12",
        "--num_test=12",
        "--max_length=12",
        "--latin=0",
        "--max_epochs=3",
        "--batch_size=8",
    ]
    figures = learn_script(parse([*flags, *sizes, f"--log_dir={tmp_path / 'logs'}"], "hand script"), out)
    model = LineModel(out)
    assert model.metadata.alphabet == (*READER_ALPHABET, *sorted(SCRIPT))
    assert model.about["script"] == SCRIPT
    assert figures["test_cer"] < 0.9
    assert isinstance(TextRecognizer(out).read(np.full((60, 200), 255, np.uint8)).text, str)


def test_what_is_wrong_is_said_before_the_photograph_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for flags, message in (
        (["--alphabet=αβ", "--out=a.txt"], "must end in .onnx"),
        (["--alphabet=αα"], "'α' is given twice"),
        (["--alphabet=αβ", "--minutes=0"], "--minutes is 0"),
    ):
        assert main(["hand", "script", "photo.jpg", *flags]) == 2
        assert message in capsys.readouterr().err
    assert main(["hand", "script", "photo.jpg", "--alphabet=αβ"]) == 1
    assert "photo.jpg" in capsys.readouterr().err
