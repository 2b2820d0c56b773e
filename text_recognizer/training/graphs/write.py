"""A trained model of any kind as an ONNX file: pictures in, scores of the tokens out."""

from __future__ import annotations

import copy
import json
from itertools import product
from pathlib import Path
from typing import Any

import torch
from onnx import helper
from torch import Tensor, nn

from text_recognizer.errors import UserError
from text_recognizer.training.checkpoint import Checkpoint
from text_recognizer.training.export import CHECKED_BATCHES, MAX_WIDTH, TOLERANCE, graph_of_module
from text_recognizer.training.graphs.load import LOGITS, PICTURES, load
from text_recognizer.training.recognition import recognition_of
from text_recognizer.training.weights import MODEL

CHECKED_SHARES = (1.0, 0.5, 1.3)
"""Of the width of the lines that a model learned from."""


def write_scores(checkpoint: Checkpoint, path: Path) -> None:
    """Write the model of a checkpoint as a file for :func:`~text_recognizer.training.graphs.load.load`.

    Its input are pictures float (B, 1, H, W) in [0, 1], its output are logits (B, C) of characters or (B, C, S) of
    lines. B may be any number, and so may W of lines that are as wide as two windows.
    """
    description, model = checkpoint.description, checkpoint.model()
    example = torch.zeros(2, *description.model_args["input_shape"])
    dynamic: dict[int, Any] = {0: torch.export.Dim("batch")}
    if hasattr(model, "output_length"):
        dynamic[3] = torch.export.Dim("width", min=_narrowest(model, example), max=MAX_WIDTH)
    exported = graph_of_module(_with_lstms_of_onnx(model), example, PICTURES, LOGITS, dynamic)
    built = {"class": description.model_class, "args": description.model_args}
    said = {"alphabet": list(description.alphabet), "loss": checkpoint.loss or "cross_entropy", MODEL: built}
    helper.set_model_props(exported, {name: json.dumps(value, ensure_ascii=False) for name, value in said.items()})
    path.write_bytes(exported.SerializeToString())


def _narrowest(model: Any, example: Tensor) -> int:
    """Twice a window, or the height, so that no line has to be widened; but the width of the lines at most."""
    return min(2 * int(getattr(model, "window_width", example.shape[2])), example.shape[3])


class _LSTM(nn.Module):
    """A bidirectional LSTM of one layer as ONNX's operator. PyTorch's exporter would write each step anew."""

    weights: Tensor
    recurrent: Tensor
    biases: Tensor

    def __init__(self, lstm: nn.LSTM) -> None:
        super().__init__()
        self.units = lstm.hidden_size
        self.register_buffer("weights", _both_ways(lstm, "weight_ih"))  # (2, 4 * units, inputs)
        self.register_buffer("recurrent", _both_ways(lstm, "weight_hh"))  # (2, 4 * units, units)
        self.register_buffer("biases", torch.cat([_both_ways(lstm, "bias_ih"), _both_ways(lstm, "bias_hh")], dim=1))

    def forward(self, x: Tensor) -> tuple[Tensor]:
        """(B, S, 2 * units) of (B, S, inputs)."""
        batch, steps, _ = x.shape
        states: Tensor = torch.onnx.ops.symbolic(
            "LSTM",
            (x.transpose(0, 1), self.weights, self.recurrent, self.biases),
            {"direction": "bidirectional", "hidden_size": self.units},
            dtype=x.dtype,
            shape=(steps, 2, batch, self.units),
        )
        return (states.permute(2, 0, 1, 3).reshape(batch, steps, 2 * self.units),)


def _both_ways(lstm: nn.LSTM, name: str) -> Tensor:
    """A parameter of both directions, its gates in ONNX's order: input, output, forget, cell."""
    parts = (getattr(lstm, f"{name}_l0{direction}").detach().chunk(4) for direction in ("", "_reverse"))
    return torch.stack([torch.cat([i, o, f, c]) for i, f, c, o in parts])


def _with_lstms_of_onnx(model: nn.Module) -> nn.Module:
    """A copy of a model to write: it computes nothing itself."""
    model = copy.deepcopy(model)
    for module in list(model.modules()):
        for name, child in module.named_children():
            if isinstance(child, nn.LSTM):
                setattr(module, name, _LSTM(child))
    return model


def verify_scores(checkpoint: Checkpoint, path: Path) -> float:
    """The largest difference of a probability between a checkpoint and its file, over batch sizes and widths.

    Raises:
        UserError: If it is above ``TOLERANCE``.
    """
    original = recognition_of(checkpoint.model(), checkpoint.description, checkpoint.loss)
    exported, largest = load(path), 0.0
    for x in _checked(checkpoint):
        with torch.inference_mode():
            differences = original(x).softmax(dim=1) - exported(x).softmax(dim=1)
        largest = max(largest, float(differences.abs().max()))
    if not largest <= TOLERANCE:
        raise UserError(
            f"The exported model differs from the original: a probability by {largest:.3g}, over {TOLERANCE}."
        )
    return largest


def _checked(checkpoint: Checkpoint) -> list[Tensor]:
    """Random pictures in batches of several sizes, and lines of several widths."""
    generator = torch.Generator().manual_seed(0)
    channels, height, width = checkpoint.description.model_args["input_shape"]
    shares = CHECKED_SHARES if hasattr(checkpoint.description.build(), "output_length") else (1.0,)
    sizes = [(batch, round(share * width)) for batch, share in product(CHECKED_BATCHES, shares)]
    return [torch.rand(batch, channels, height, columns, generator=generator) for batch, columns in sizes]
