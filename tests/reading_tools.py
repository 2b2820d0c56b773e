"""Pictures of lines and models that read them, for the tests of reading."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from text_recognizer.imaging.normalization import HEIGHT
from text_recognizer.reading.language import LanguageModel
from text_recognizer.reading.model_file import Metadata

TOKENS = ("<B>", "<S>", "<E>", "<P>", "o", "I")
STRIDE = 4
SENTENCES = "The cat sat on the mat. The dog sat on the log, and the cat saw the dog. " * 200


def draw(text: str, size: float = 0.8, thickness: int = 2, height: int = 60) -> np.ndarray:
    """Text in a plain font, black on white, 8 pixels from the left."""
    (width, letter_height), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, size, thickness)
    picture = np.full((height, width + 16), 255, np.uint8)
    origin = (8, (height + letter_height) // 2)
    cv2.putText(picture, text, origin, cv2.FONT_HERSHEY_SIMPLEX, size, 0, thickness, cv2.LINE_AA)
    return picture


def bars(positions: list[int], width: int = 200, height: int = 48) -> np.ndarray:
    """A line of upright bars, 4 pixels wide and 20 high, that begin at ``positions``."""
    picture = np.full((height, width), 255, np.uint8)
    for x in positions:
        picture[14:34, x : x + 4] = 0
    return picture


def broken_tiff() -> bytes:
    """A TIFF of which libtiff says on standard error that ZIPDecode fails."""
    broken = bytearray(cv2.imencode(".tiff", bars([20, 60]), [cv2.IMWRITE_TIFF_COMPRESSION, 8])[1].tobytes())
    broken[8:40] = bytes(32)  # the beginning of what is packed
    return bytes(broken)


def make_archive(folder: Path, count: int) -> Path:
    """So many pictures in folders of folders; every tenth is broken."""
    pictures = [cv2.imencode(".png", bars([20 + 30 * k for k in range(bar)]))[1].tobytes() for bar in range(1, 6)]
    for number in range(count):
        path = folder / f"{number % 7}" / f"{number // 100}" / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(pictures[number % 5][: 60 if number % 10 == 9 else None])
    return folder


def write_bar_model(path: Path, properties: dict[str, str] | None = None, sharpness: float = 20.0) -> Path:
    """A model that reads ``I`` at each time step whose columns hold ink on the middle row, and blank elsewhere."""
    middle = np.zeros((1, 1, HEIGHT, STRIDE), np.float32)
    middle[0, 0, HEIGHT // 2] = 1 / (STRIDE * 255)
    weights = np.zeros((len(TOKENS), 1, 1), np.float32)
    weights[TOKENS.index("I")] = sharpness
    bias = np.full(len(TOKENS), -sharpness, np.float32)
    bias[TOKENS.index("<B>")] = 0
    bias[TOKENS.index("I")] = -sharpness / 4
    nodes = [
        helper.make_node("Cast", ["images"], ["ink"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["ink", "one"], ["maps"]),
        helper.make_node("Conv", ["maps", "middle"], ["rows"], strides=[HEIGHT, STRIDE]),
        helper.make_node("Squeeze", ["rows", "two"], ["columns"]),
        helper.make_node("Conv", ["columns", "weights", "bias"], ["logits"]),
        helper.make_node("Transpose", ["logits"], ["steps"], perm=[0, 2, 1]),
        helper.make_node("LogSoftmax", ["steps"], ["log_probs"], axis=2),
    ]
    constants = {
        "one": np.array([1]),
        "two": np.array([2]),
        "middle": middle,
        "weights": weights,
        "bias": bias,
    }
    graph = helper.make_graph(
        nodes,
        "bars",
        [helper.make_tensor_value_info("images", TensorProto.UINT8, ["B", HEIGHT, "W"])],
        [helper.make_tensor_value_info("log_probs", TensorProto.FLOAT, ["B", "S", len(TOKENS)])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    helper.set_model_props(model, Metadata(TOKENS, STRIDE).to_properties() if properties is None else properties)
    onnx.save(model, path)
    return path


def log_probability(model: LanguageModel, text: str) -> float:
    """How likely a language model finds a text."""
    state, total = model.start, 0.0
    for character in text:
        total += model.log_probability(state, character)
        state = model.next_state(state, character)
    return total
