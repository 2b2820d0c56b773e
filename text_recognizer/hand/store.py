"""The hands that were learned on this machine: one file each, in a folder that only their user may read."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path

import numpy as np
import platformdirs

from text_recognizer.errors import UsageError, UserError
from text_recognizer.files import check_can_be_written, replacing
from text_recognizer.hand.file import SUFFIX, HandFile, Written
from text_recognizer.imaging.pictures import load_picture

SETTING = "TEXT_RECOGNIZER_HANDS"
"""The environment variable that moves the folder."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)", re.IGNORECASE)
"""What Windows takes for devices, whatever follows the name."""


def hands_folder() -> Path:
    """Where the hands are kept: the user's folder for data, unless ``TEXT_RECOGNIZER_HANDS`` names another."""
    setting = os.environ.get(SETTING)
    return Path(setting) if setting else platformdirs.user_data_path("text-recognizer") / "hands"


def check_name(name: str) -> str:
    """The name, if a hand can have it.

    Raises:
        UsageError: If not; the message says what can be one.
    """
    if not _NAME.fullmatch(name) or _RESERVED.fullmatch(name):
        raise UsageError(
            f"A hand cannot be called {name!r}: a name has 1 to 40 letters (a to z), digits, - and _, begins with a "
            "letter or digit, and is no name that Windows reserves (such as con or nul)."
        )
    return name


def hand_names() -> list[str]:
    """The names of all hands, sorted."""
    with suppress(OSError):
        stems = [file.stem for file in hands_folder().iterdir() if file.suffix == SUFFIX]
        return sorted(stem for stem in stems if _NAME.fullmatch(stem))
    return []


def hand_path(name: str) -> Path:
    """The file of a hand.

    Raises:
        UsageError: If no hand can have that name.
        UserError: If there is no such hand; the message lists those that there are.
    """
    file = hands_folder() / f"{check_name(name)}{SUFFIX}"
    if not file.is_file():
        raise no_hand(name)
    return file


def no_hand(name: str) -> UserError:
    """The error that there is no such hand."""
    known = ", ".join(hand_names())
    there = f"There are: {known}." if known else "None has been learned yet."
    return UserError(
        f"There is no hand {name!r}. {there} Learn one with: text-recognizer hand learn PHOTO --name {name}"
    )


def save_hand(name: str, content: bytes) -> Path:
    """Write a hand file into the folder, for its user alone; one of the same name is replaced at once or not at all.

    Raises:
        UsageError: If no hand can have that name.
        UserError: If it cannot be written.
    """
    file = file_to_save(name)
    with replacing(file) as temporary:
        temporary.touch(0o600)
        temporary.write_bytes(content)
    return file


def file_to_save(name: str) -> Path:
    """The file of a hand that is to be saved; the folder, if there is none, is made for its user alone.

    Raises:
        UsageError: If no hand can have that name.
        UserError: If the file cannot be written.
    """
    folder = hands_folder()
    file = folder / f"{check_name(name)}{SUFFIX}"
    is_new = not folder.exists()
    check_can_be_written(file)
    if is_new:
        folder.chmod(0o700)
    return file


def import_hand(source: Path, name: str) -> Path:
    """Copy a hand file of someone else's into the folder, once all of it was found to be sound.

    Raises:
        UsageError: If no hand can have that name.
        UserError: If there is such a hand already, or the file is damaged or holds what it may not.
    """
    target = hands_folder() / f"{check_name(name)}{SUFFIX}"
    if target.exists():
        raise UserError(
            f"There is a hand {name!r} already. Choose another --name, or first: text-recognizer hand remove {name}"
        )
    content = HandFile.read(source)
    for written in (content.about.characters, content.about.lines):
        decoded(written, source)
    content.model(source)
    return save_hand(name, content.to_bytes())


def decoded(written: Written, file: Path) -> np.ndarray:
    """The picture, uint8 (h, w), if it has the size that its description says.

    Raises:
        UserError: If not.
    """
    picture = load_picture(written.png, str(file))
    rows = -(-len(written.texts) // written.columns)
    expected = (max(rows, 1) * written.height, written.columns * written.width)
    if picture.shape != expected:
        raise UserError(f"{file}: damaged: its pictures are {picture.shape}, but were described as {expected}.")
    return picture


def remove_hand(name: str) -> None:
    """Delete a hand and what an interrupted write may have left of it.

    Raises:
        UsageError: If no hand can have that name.
        UserError: If there is no such hand, or it cannot be deleted.
    """
    file = hand_path(name)
    try:
        file.unlink()
        for rest in file.parent.glob(f".{name}.*.part{SUFFIX}"):
            rest.unlink(missing_ok=True)
    except FileNotFoundError:
        raise no_hand(name) from None
    except OSError as error:
        raise UserError(f"The hand {name!r} cannot be deleted ({error.strerror or error}).") from None
