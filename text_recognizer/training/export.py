"""A training run becomes a reader: an ONNX file that needs no PyTorch and says what it was trained for."""

from __future__ import annotations

import copy
import json
import logging
import warnings
from dataclasses import replace
from itertools import pairwise, product
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from rapidfuzz.distance import Levenshtein
from torch import Tensor, nn
from torch.nn.utils import fuse_conv_bn_eval

from text_recognizer.alphabet import READER_ALPHABET
from text_recognizer.data.synthesis.compose import Lines
from text_recognizer.errors import UserError
from text_recognizer.evaluation.measures import right_characters
from text_recognizer.imaging.crop import CROPPED
from text_recognizer.imaging.normalization import HEIGHT, NORMALIZATION, NormalizedLine
from text_recognizer.reading.calibration import Confidence, JudgedLine, fit_confidence
from text_recognizer.reading.model_file import ABOUT, LineModel, Metadata
from text_recognizer.reading.recognizer import Decoder, Reading, TextRecognizer
from text_recognizer.registry import DATA_CLASSES, load_class
from text_recognizer.training.arguments import parse
from text_recognizer.training.checkpoint import Checkpoint, Description
from text_recognizer.training.weights import HALVED, MODEL, OF_MODEL, exported_weights

TOLERANCE = 0.01
"""How far a probability of the exported model may be from the original's."""
CHECKED_WIDTHS = (64, 250, 1001)
CHECKED_BATCHES = (1, 3, 8)
MAX_WIDTH = 1 << 20
_HALVED_FROM = 1024
_PROBED_WIDTH = 4096
_DECODERS: tuple[Decoder, ...] = ("greedy", "beam")


class _Reader(nn.Module):
    """A line model with the input and the output of a model file."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, images: Tensor) -> Tensor:
        """Log probabilities (B, S, C) of lines uint8 (B, H, W)."""
        logits: Tensor = self.model(images.unsqueeze(1).float() / 255)  # (B, C, S)
        return logits.log_softmax(dim=1).transpose(1, 2)


class _Finder(nn.Module):
    """A finder with the input and the output of its graph."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, pictures: Tensor) -> Tensor:
        """Maps (B, 3, H / 4, W / 4) of pictures uint8 (B, H, W)."""
        return torch.as_tensor(self.model(pictures.unsqueeze(1).float() / 255))


def stride_of(checkpoint: Checkpoint) -> int | None:
    """Columns per step of a model that reads prepared lines; None if it reads anything else."""
    description = checkpoint.description
    model: Any = description.build()
    if description.model_args["input_shape"][1] != HEIGHT or not hasattr(model, "output_length"):
        return None
    stride = _PROBED_WIDTH // max(1, model.output_length(_PROBED_WIDTH))
    return stride if all(model.output_length(w) == -(-w // stride) for w in CHECKED_WIDTHS) else None


def preparation_of(checkpoint: Checkpoint) -> dict[str, Any]:
    """How the lines were prepared that a model was trained on: PaperLines, which are crops, have their own alphabet."""
    return CROPPED if checkpoint.description.alphabet.extends(READER_ALPHABET) else NORMALIZATION


def write_model(model: nn.Module, description: Description, metadata: Metadata, path: Path) -> None:
    """Write ``model``, which reads (B, 1, HEIGHT, W), as a model file with dynamic batch and width.

    Large weights are stored at half precision and computed with at full. ``description`` says how to build the model,
    for :func:`read_model`.
    """
    path.write_bytes(_exported(model, description, metadata).SerializeToString())


def add_about(path: Path, about: dict[str, Any]) -> None:
    """Add to a model file what it says of its model, in plain values."""
    exported = onnx.load(path)
    entry = exported.metadata_props.add()
    entry.key, entry.value = ABOUT, json.dumps(about, ensure_ascii=False)
    path.write_bytes(exported.SerializeToString())


def read_model(path: Path) -> nn.Module:
    """The model of a file that :func:`write_model` wrote, in evaluation mode, its norms a part of its convolutions.

    Raises:
        UserError: If the file is missing, or does not say how to build its model.
    """
    description, weights = exported_weights(path)
    model = _fused(description.build())
    try:
        model.load_state_dict(weights)
    except RuntimeError as error:
        raise UserError(f"{path}: its weights are not those of the {description.model_class} that it names.") from error
    return model


def write_graph(model: nn.Module, description: Description, metadata: Metadata, path: Path) -> None:
    """Write the same without weights, which are put in when it is loaded: see :func:`weights_of`."""
    exported = _exported(model, description, metadata)
    for weight in exported.graph.initializer:
        if weight.name.startswith(OF_MODEL):
            size = len(weight.raw_data)
            weight.ClearField("raw_data")
            weight.data_location = TensorProto.EXTERNAL
            for key, value in (("location", "none"), ("offset", "0"), ("length", str(size))):
                weight.external_data.add(key=key, value=value)
    path.write_bytes(exported.SerializeToString())


def weights_of(model: nn.Module) -> dict[str, np.ndarray]:
    """The weights of ``model`` by their names in its graph."""
    weights = {f"{OF_MODEL}{name}": value.numpy() for name, value in _fused(model).state_dict().items()}
    return {
        name if weight.size < _HALVED_FROM else f"{name}{HALVED}": np.ascontiguousarray(
            weight if weight.size < _HALVED_FROM else weight.astype(np.float16)
        )
        for name, weight in weights.items()
    }


def _fused(model: nn.Module) -> nn.Module:
    """A copy for reading, its norms made a part of the convolutions before them, so that all names are the model's."""
    model = copy.deepcopy(model).eval()
    for layers in [layers for layers in model.modules() if isinstance(layers, nn.Sequential)]:
        for number, (layer, norm) in enumerate(pairwise(layers)):
            if isinstance(layer, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                layers[number], layers[number + 1] = fuse_conv_bn_eval(layer, norm), nn.Identity()
    return model


def _exported(model: nn.Module, description: Description, metadata: Metadata) -> onnx.ModelProto:
    example = torch.zeros(2, HEIGHT, 128, dtype=torch.uint8)
    dynamic = {0: torch.export.Dim("batch"), 2: torch.export.Dim("width", min=8, max=MAX_WIDTH)}
    exported = graph_of_module(_Reader(_fused(model)).eval(), example, "images", "log_probs", dynamic)
    built = {"class": description.model_class, "args": description.model_args}
    helper.set_model_props(exported, metadata.to_properties() | {MODEL: json.dumps(built)})
    return exported


def write_finder(model: nn.Module, path: Path) -> None:
    """Write a :class:`~text_recognizer.models.line_finder.LineFinder` as the graph that the finder runs."""
    example = torch.zeros(1, 128, 192, dtype=torch.uint8)
    rows, columns = (torch.export.Dim(name, min=1, max=1 << 10) for name in ("rows", "columns"))
    dynamic = {1: 64 * rows, 2: 64 * columns}
    exported = graph_of_module(_Finder(_fused(model)).eval(), example, "pictures", "maps", dynamic)
    path.write_bytes(exported.SerializeToString())


def graph_of_module(
    model: nn.Module, example: Tensor, inputs: str, outputs: str, dynamic: dict[int, Any]
) -> onnx.ModelProto:
    """The ONNX graph of a model of one input, whose dimensions ``dynamic`` may vary, and one output."""
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # the exporter's own
        program = torch.onnx.export(
            model,
            (example,),
            input_names=[inputs],
            output_names=[outputs],
            dynamic_shapes=(dynamic,),
            dynamo=True,
            verbose=False,
        )
    assert program is not None
    exported = program.model_proto
    for node in exported.graph.node:
        del node.metadata_props[:]  # where in the source files of this machine it comes from
    _halve_weights(exported.graph)
    onnx.checker.check_model(exported)
    return exported


def _halve_weights(graph: onnx.GraphProto) -> None:
    """Store large float weights as float16 with a cast, which ONNX Runtime does once, when it loads the file."""
    casts = []
    for weight in graph.initializer:
        if weight.data_type == TensorProto.FLOAT and np.prod(weight.dims) >= _HALVED_FROM:
            name, values = weight.name, numpy_helper.to_array(weight)
            weight.CopyFrom(numpy_helper.from_array(values.astype(np.float16), f"{name}{HALVED}"))
            casts.append(helper.make_node("Cast", [weight.name], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)


def verify(model: nn.Module, exported: LineModel, stride: int) -> float:
    """The largest difference of a probability between a model and its file, over widths and batch sizes.

    Raises:
        UserError: If it is above ``TOLERANCE``.
    """
    rng = np.random.default_rng(0)
    largest = 0.0
    for width, batch in product(CHECKED_WIDTHS, CHECKED_BATCHES):
        lines = rng.integers(0, 256, (batch, HEIGHT, -(-width // stride) * stride), np.uint8)
        with torch.inference_mode():
            expected = _Reader(model)(torch.from_numpy(lines)).exp().numpy()
        found = np.exp(np.stack(exported.log_probabilities(list(lines))))
        largest = max(largest, float(np.abs(found - expected).max()))
    if not largest <= TOLERANCE:
        raise UserError(
            f"The exported model differs from the original: a probability by {largest:.3g}, over {TOLERANCE}."
        )
    return largest


def validation_lines(config: Path, count: int) -> tuple[list[NormalizedLine | None], list[str]]:
    """Prepared lines, and their texts, that a run with this configuration did not train on."""
    arguments = parse(["--config", str(config)], prog="export")
    data_class = load_class(DATA_CLASSES, arguments.experiment.data_class, "data_class")
    data = data_class(**arguments.data)
    data.prepare_data()
    data.setup()
    lines: Lines = data.datasets["val"].batch(np.arange(count))
    pictures = [image[:, :width] for image, width in zip(lines.images, lines.widths, strict=True)]
    prepared = [NormalizedLine(picture, 1.0, 0.0) if picture.size else None for picture in pictures]
    return prepared, [data.alphabet.decode(row) for row in lines.targets]


def calibrated(metadata: Metadata, file: Path, lines: list[NormalizedLine | None], texts: list[str]) -> Metadata:
    """Metadata with confidences fitted to how the model ``file``, not calibrated yet, reads lines of known text.

    Raises:
        UserError: If it reads nothing in any of them.
    """
    model = LineModel(file)
    greedy, beam = (
        _fitted([*zip(TextRecognizer(model, decoder).read_normalized(lines), texts, strict=True)], file)
        for decoder in _DECODERS
    )
    return replace(metadata, greedy=greedy, beam=beam)


def _fitted(readings: list[tuple[Reading | UserError, str]], file: Path) -> Confidence:
    lines = [
        JudgedLine(
            [character.confidence for character in reading.characters],
            right_characters(reading.text, text),
            Levenshtein.normalized_similarity(reading.text, text),
        )
        for reading, text in readings
        if isinstance(reading, Reading) and reading.text
    ]
    if not lines:
        raise UserError(f"{file}: reads nothing in {len(readings)} lines, so its confidences cannot be fitted.")
    return fit_confidence(lines)
