from pathlib import Path

import cv2
import numpy as np
import pytest

from text_recognizer import cli


def test_photograph_that_cannot_be_used_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    photo = tmp_path / "dark.png"
    cv2.imwrite(str(photo), np.full((900, 700), 9, np.uint8))
    assert cli.main(["hand", "learn", str(photo), "--name", "mine", "--contact", str(tmp_path / "contact.png")]) == 1
    assert f"error: {photo}: The picture is too dark." in capsys.readouterr().err
    assert [file.name for file in tmp_path.iterdir()] == ["dark.png"]
