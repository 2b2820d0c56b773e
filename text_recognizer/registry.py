"""The classes that flags can name, imported only when they are chosen."""

from __future__ import annotations

import importlib
from typing import Any

from text_recognizer.command_line import nearest
from text_recognizer.errors import UsageError

DATA_CLASSES = {
    "MNIST": "text_recognizer.data.sets.mnist",
    "EMNIST": "text_recognizer.data.sets.emnist",
    "PenStrokes": "text_recognizer.data.sets.pen_strokes",
    "EMNISTLines": "text_recognizer.data.sets.emnist_lines",
    "PaperLines": "text_recognizer.data.sets.paper_lines",
    "LabelledLines": "text_recognizer.data.sets.labelled_lines",
    "ScriptLines": "text_recognizer.data.sets.script_lines",
}
MODEL_CLASSES = {
    "MLP": "text_recognizer.models.mlp",
    "CNN": "text_recognizer.models.cnn",
    "LineReshapeCNN": "text_recognizer.models.line_reshape_cnn",
    "LineCNNSimple": "text_recognizer.models.line_cnn_simple",
    "LineCNN": "text_recognizer.models.line_cnn",
    "LineCNNLSTM": "text_recognizer.models.line_cnn_lstm",
    "LineReader": "text_recognizer.models.line_reader",
}


def load_class(modules: dict[str, str], name: str, what: str) -> Any:
    """The class ``name`` of :data:`DATA_CLASSES` or :data:`MODEL_CLASSES`.

    Raises:
        UsageError: If there is no such class; the message says ``what`` was asked for and suggests the nearest.
    """
    if not isinstance(name, str) or name not in modules:  # files say it too
        raise UsageError(f"{what} is {name!r}, but must be one of {', '.join(modules)}.{nearest(str(name), modules)}")
    return getattr(importlib.import_module(modules[name]), name)
