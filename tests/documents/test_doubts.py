"""What makes a reading doubtful, with the reader that ships."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from text_recognizer.documents.reader import DocumentReader
from text_recognizer.reading.recognizer import TextRecognizer

TEXT = "hello good people"


@pytest.fixture(scope="module")
def recognizer() -> TextRecognizer:
    return TextRecognizer()


def picture(degrees: float = 0.0) -> np.ndarray:
    """A line of writing on paper, tilted so far counterclockwise."""
    paper = np.full((420, 1060), 235, np.uint8)
    cv2.putText(paper, TEXT, (50, 230), cv2.FONT_HERSHEY_SCRIPT_SIMPLEX, 2, 40, 4, cv2.LINE_AA)
    turn = cv2.getRotationMatrix2D((530, 210), degrees, 1)
    return cv2.warpAffine(paper, turn, (1060, 420), borderValue=(235,))


def doubts(recognizer: TextRecognizer, shown: np.ndarray) -> list[str]:
    [[page]] = DocumentReader(recognizer, "line").read([("picture", shown)])
    return page.doubts


@pytest.mark.parametrize("degrees", [0, 8, -8])
def test_what_is_upright_or_nearly_is_not_doubted(recognizer: TextRecognizer, degrees: int) -> None:
    assert doubts(recognizer, picture(degrees)) == []


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_a_picture_that_is_turned_is_said_to_be(recognizer: TextRecognizer, quarters: int) -> None:
    (doubt,) = doubts(recognizer, np.ascontiguousarray(np.rot90(picture(), quarters)))
    assert doubt == f"read turned by {90 * quarters} degrees clockwise."


def test_writing_that_is_far_from_level_is_doubted(recognizer: TextRecognizer) -> None:
    (doubt,) = doubts(recognizer, picture(20))
    assert "doubtful" in doubt or "no writing" in doubt


def test_blank_paper_is_not_turned(recognizer: TextRecognizer) -> None:
    assert doubts(recognizer, np.full((100, 300), 235, np.uint8)) == ["no writing was found."]
