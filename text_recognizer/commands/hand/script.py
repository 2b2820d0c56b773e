"""``text-recognizer hand script``: from photographs of a sheet of another script to a reader of it."""

from __future__ import annotations

import tempfile
from pathlib import Path

from text_recognizer.commands.finetune import arguments_of, check_training
from text_recognizer.commands.hand.learn import boxes_of, check_contact
from text_recognizer.hand.script import glyphs_of, learn_script
from text_recognizer.hand.sheet.layout import characters_of
from text_recognizer.training.logs import quiet_lightning


def script(
    photos: list[str],
    *,
    alphabet: str,
    out: str = "script.onnx",
    text: str = "",
    fonts: str = "",
    latin: float = 0.25,
    minutes: float = 15.0,
    epochs: int = 30,
    lr: float = 1e-3,
    seed: int = 42,
    num_workers: int = 1,
    contact: str = "contact.png",
) -> None:
    """Learn to read another script from photographs of a sheet of its characters.

    The reader still reads Latin letters. Print the sheet with ``text-recognizer hand sheet --alphabet``.

    Args:
        photos: Photographs or scans of one or more filled-in sheets of the same characters.
        alphabet: The characters of the sheet, or a .txt file that holds them, as for ``hand sheet``.
        out: The ONNX file to write, for ``read --model`` and ``serve --model``.
        text: A text file in the script. Without it, the training uses meaningless words.
        fonts: TrueType files that have the characters, separated by commas; half of the lines then use these fonts.
        latin: Share of Latin lines in the training, from 0 to below 1.
        minutes: The longest training time.
        epochs: The largest number of rounds of 3,000 lines.
        lr: Peak learning rate of the schedule.
        seed: Seed of everything random.
        num_workers: Processes that compose lines; 0 composes them in the main process.
        contact: The contact sheet to write, as for ``hand learn``.

    Raises:
        UsageError: If a flag has an impossible value, or no sheet can ask for the characters.
        UserError: If a picture cannot be used, a character is missing, or a file cannot be read or written.
    """
    check_training(out, minutes, seed)
    characters = characters_of(alphabet)
    check_contact(contact, photos)
    boxes = [box for number, photo in enumerate(photos, 1) for box in boxes_of(photo, contact, number, characters)]
    glyphs = glyphs_of(boxes)
    quiet_lightning()
    with tempfile.TemporaryDirectory(prefix="script-") as folder:
        sheet = Path(folder) / "sheet.npz"
        glyphs.save(sheet)
        flags = {
            "sheet": sheet,
            "init": "reader",
            "text": text,
            "fonts": fonts,
            "latin": latin,
            "max_epochs": epochs,
            "lr": lr,
            "seed": seed,
            "num_workers": num_workers,
        }
        arguments = arguments_of("hand script", "ScriptLines", flags, minutes, f"{folder}/logs")
        figures = learn_script(arguments, Path(out))
    print(
        f"Error rate on lines of copies and texts kept apart: {figures['test_cer']:.4f}. Other hands are read worse.\n"
        f"Read with it: text-recognizer read --model={out}{f' --language={text}' if text else ''} PICTURE"
    )
