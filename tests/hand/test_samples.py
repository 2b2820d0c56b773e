import base64
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hand_tools import reader_metadata

from text_recognizer.errors import UserError
from text_recognizer.hand.file import About, Figures, HandFile
from text_recognizer.hand.samples import Samples
from text_recognizer.hand.sheet.boxes import FilledBox
from text_recognizer.hand.sheet.layout import Sheet


def png(ink: np.ndarray) -> str:
    return base64.b64encode(cv2.imencode(".png", 255 - ink)[1].tobytes()).decode()


def kept(samples: Samples, folder: Path) -> Samples:
    file = folder / "mine.hand"
    file.write_bytes(HandFile(About(Figures(), 0, *samples.written(), reader_metadata()), {}).to_bytes())
    return Samples.of(file)


def test_what_was_written_survives_a_hand_file(samples: Samples, tmp_path: Path) -> None:
    again = kept(samples, tmp_path)
    for found, original in zip(again.characters + again.lines, samples.characters + samples.lines, strict=True):
        assert found[0] == original[0]
        height, width = original[1].shape
        assert (found[1][:height, :width] == original[1]).all()
        assert not found[1][height:].any()
        assert not found[1][:, width:].any()


def test_no_more_is_decoded_than_a_hand_is_learned_from() -> None:
    large = png(np.full((500, 500), 255, np.uint8))
    with pytest.raises(UserError, match="200 pictures, some of up to 500 x 500 pixels, are more"):
        Samples.from_json({"characters": {"a": [large] + 199 * ["never decoded"]}})


def test_no_lines_survive_as_well(samples: Samples, tmp_path: Path) -> None:
    assert kept(Samples(samples.characters, ()), tmp_path).lines == ()


def test_empty_and_doubtful_boxes_are_left_out() -> None:
    ink = np.full((4, 4), 255, np.uint8)
    boxes = [box for box in Sheet().boxes if box.text in "ab" or len(box.text) > 1]
    samples = Samples.from_boxes(FilledBox(box, ink, "ok" if box.text != "b" else "doubtful") for box in boxes)
    assert {text for text, _ in samples.characters} == {"a"}
    assert len(samples.lines) == sum(len(box.text) > 1 for box in boxes)


def test_too_little_is_refused(samples: Samples) -> None:
    samples.check()
    few = Samples(tuple(one for one in samples.characters if one[0] in "abcdefg"), ())
    with pytest.raises(UserError, match="Only 7 characters"):
        few.check()
    single = Samples(tuple({text: (text, ink) for text, ink in samples.characters}.values()), ())
    with pytest.raises(UserError, match="Only 0 characters"):
        single.check()


def test_what_a_page_sends_is_read(samples: Samples) -> None:
    ink = samples.characters[0][1]
    sent = {"characters": {"a": [png(ink), png(ink)]}, "lines": [{"text": "a b", "picture": png(ink)}], "seed": 3}
    found = Samples.from_json(sent)
    assert [text for text, _ in found.characters] == ["a", "a"]
    assert (found.characters[0][1] == ink).all()
    assert found.lines[0][0] == "a b"


@pytest.mark.parametrize(
    "sent",
    [
        None,
        [],
        {},
        {"characters": ["a"]},
        {"characters": {"a": ["not base64!"]}},
        {"characters": {"a": ["AAAA"]}},
        {"characters": {"a": [3]}},
        {"characters": {"ab": [png(np.zeros((4, 4), np.uint8))]}},
        {"characters": {"\u00e9": [png(np.zeros((4, 4), np.uint8))]}},
        {"characters": {"": [png(np.zeros((4, 4), np.uint8))]}},
        {"characters": {"a": [png(np.zeros((2000, 2000), np.uint8))]}},
        {"characters": {"a": [png(np.zeros((4, 4), np.uint8))]}},
        {"characters": {"a": [png(np.full((490, 490), 255, np.uint8))] * 110}},
        {"characters": {"a": [png(np.full((4, 5000), 255, np.uint8))]}},
        {"characters": {}, "lines": [{"text": "a"}]},
    ],
)
def test_what_makes_no_sense_is_refused(sent: Any) -> None:
    with pytest.raises(UserError):
        Samples.from_json(sent)
