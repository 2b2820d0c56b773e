"""A reader of a script that no reader knows, from one filled-in sheet of its characters."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from text_recognizer.data.glyphs.sheet import SheetGlyphs
from text_recognizer.data.sets.script_lines import ScriptLines
from text_recognizer.errors import UserError
from text_recognizer.files import replacing
from text_recognizer.hand.sheet.boxes import FilledBox
from text_recognizer.reading.model_file import DEFAULT_MODEL, LineModel
from text_recognizer.training.arguments import Arguments
from text_recognizer.training.experiment import reader_for
from text_recognizer.training.export import add_about, verify, write_model
from text_recognizer.training.finetune import trained

FEWEST_COPIES = 2
"""Of each character: one to learn from, and one to validate by."""


def glyphs_of(boxes: Iterable[FilledBox]) -> SheetGlyphs:
    """The characters of filled boxes; those that are empty or doubtful are left out.

    Raises:
        UserError: If a character has fewer than ``FEWEST_COPIES`` good boxes; the message names all that have.
    """
    boxes = list(boxes)
    good = [box for box in boxes if box.state == "ok"]
    texts = [box.text for box in good]
    few = [text for text in dict.fromkeys(box.text for box in boxes) if texts.count(text) < FEWEST_COPIES]
    if few:
        raise UserError(
            f"Each character needs {FEWEST_COPIES} good boxes, but {', '.join(few)} has fewer. The contact sheet shows "
            "what was found. Write them again on the same sheet, or on another, and give both photographs."
        )
    height, width = (max(box.image.shape[axis] for box in good) for axis in (0, 1))
    images = np.zeros((len(good), height, width), np.uint8)
    for image, box in zip(images, good, strict=True):
        image[: box.image.shape[0], : box.image.shape[1]] = box.image
    return SheetGlyphs(images, np.array(texts), FilledBox.baseline, FilledBox.x_height)


def learn_script(arguments: Arguments, out: Path) -> dict[str, Any]:
    """Train the reader that ships on lines of a script and write it as a model file.

    Args:
        arguments: Of a training on ScriptLines from the reader (``init``); its run folder is thrown away.
        out: The ONNX file to write.

    Returns:
        Figures of the training: error rates on lines of copies of characters and of texts that did not train.

    Raises:
        UserError: If no epoch ended, or the file cannot be written.
        Interrupted: If a signal ended the training.
    """
    figures, weights = trained(arguments)
    data = ScriptLines(**arguments.data)
    description, _ = reader_for(data, "reader")
    model = description.build().eval()
    model.load_state_dict(weights)
    metadata = replace(LineModel(DEFAULT_MODEL).metadata, alphabet=description.alphabet.tokens)
    about = {"script": data.characters, "training": {name: figures[name] for name in sorted(figures)}}
    with replacing(out) as temporary:
        write_model(model, description, metadata, temporary)
        add_about(temporary, about)
        verify(model, LineModel(temporary), metadata.stride)
    return figures
