"""Weights in a safetensors file that carries what rebuilds the model: small, and loaded without executing anything."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import onnx
import torch
from google.protobuf.message import DecodeError
from onnx.numpy_helper import to_array
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import nn

from text_recognizer.alphabet import Alphabet, bare
from text_recognizer.errors import UserError
from text_recognizer.files import replacing
from text_recognizer.reading.model_file import DEFAULT_MODEL
from text_recognizer.training.checkpoint import Checkpoint, Description

MODEL = "model"
"""The property of a model file that says how its model is built."""
OF_MODEL, HALVED = "model.", "_half"
"""What the names of its weights begin with, and end with where they are stored at half precision."""

_TRAINED_RMS = 0.12
"""Root mean square of the weights before a norm, after training."""
_RARER = 4.0
"""Nats by which a character that was not known is at first less likely than what it begins as."""


def save_weights(path: str | Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint's weights, floats at half precision."""
    description = checkpoint.description
    metadata = {
        "model_class": description.model_class,
        "model_args": json.dumps(description.model_args),
        "alphabet": json.dumps(list(description.alphabet)),
    }
    tensors = {
        name: (value.half() if value.is_floating_point() else value).contiguous()
        for name, value in checkpoint.weights.items()
    }
    with replacing(path) as temporary:
        temporary.write_bytes(save(tensors, metadata))


def load_weights(path: str | Path) -> tuple[Description, dict[str, torch.Tensor]]:
    """What a file of :func:`save_weights` says of its model, and the model's state dict at full precision.

    Raises:
        UserError: If the file is missing or is not such a file.
    """
    if not Path(path).is_file():
        raise UserError(f"There are no weights {path}. `text-recognizer export` writes them beside the model.")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata()
            description = Description(
                metadata["model_class"],
                json.loads(metadata["model_args"]),
                Alphabet(json.loads(metadata["alphabet"])),
            )
            return description, {name: _full(file.get_tensor(name)) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise _no_weights(path, error) from error


def exported_weights(path: Path) -> tuple[Description, dict[str, torch.Tensor]]:
    """What a model file says of its model, and its weights at full precision, norms a part of convolutions.

    Raises:
        UserError: If the file is missing, or does not say how to build its model.
    """
    try:
        exported = onnx.load(path)
        said = {
            entry.key: json.loads(entry.value) for entry in exported.metadata_props if entry.key in (MODEL, "alphabet")
        }
        description = Description(said[MODEL]["class"], said[MODEL]["args"], Alphabet(said["alphabet"]))
        weights = {
            one.name.removeprefix(OF_MODEL).removesuffix(HALVED): torch.from_numpy(np.array(to_array(one), np.float32))
            for one in exported.graph.initializer
            if one.name.startswith(OF_MODEL)
        }
    except (OSError, DecodeError, KeyError, TypeError, ValueError) as error:
        raise _not_to_train_on(path, error) from error
    return description, weights


def load_reader(init: str) -> tuple[Description, dict[str, torch.Tensor]]:
    """What a reader's file says of its model, and the model's state dict at full precision.

    Args:
        init: ``reader``, the one that ships; a model file; or a file of :func:`save_weights`.

    Raises:
        UserError: If the file is missing, or is not such a file.
    """
    if Path(init).suffix.lower() == ".safetensors":
        return load_weights(init)
    path = DEFAULT_MODEL if init == "reader" else Path(init)
    description, weights = exported_weights(path)
    try:
        return description, _unfused(description.build(), weights)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise _not_to_train_on(path, error) from error


def widened(
    description: Description, weights: Mapping[str, torch.Tensor], alphabet: Alphabet
) -> tuple[Description, dict[str, torch.Tensor]]:
    """The same reader with outputs for further characters, which it hardly gives before it has learned them.

    A letter with a mark begins as the letter without, any other character as the mean of all, and each ``_RARER``.

    Args:
        description: Of the reader.
        weights: Its state dict.
        alphabet: Begins with the reader's.
    """
    wide = Description(description.model_class, description.model_args | {"num_classes": len(alphabet)}, alphabet)
    sizes = {name: value.shape for name, value in wide.build().state_dict().items()}
    new = alphabet[len(description.alphabet) :]
    return wide, {
        name: value if value.shape == sizes[name] else _with_rows(value, new, description.alphabet)
        for name, value in weights.items()
    }


def _with_rows(values: torch.Tensor, new: Sequence[str], known: Alphabet) -> torch.Tensor:
    """Weights (C, ...) or biases (C,) of the last layer, with further rows for new characters."""
    rows = [values[known.index(one)] if one in known else values.mean(0) for one in map(bare, new)]
    return torch.cat([values, torch.stack(rows) - (_RARER if values.ndim == 1 else 0)])


def _not_to_train_on(path: Path, error: Exception) -> UserError:
    return UserError(
        f"{path}: not a model file that can be trained on ({type(error).__name__}). "
        "Make one with: text-recognizer export RUN"
    )


def _unfused(model: nn.Module, weights: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The state dict of a model that computes the same with norms of its own.

    They add the biases and scale the channels, so that the weights before them are as large as a training leaves them:
    an optimiser's steps, whose size is that of the learning rate, would change small ones too much.
    """
    model.eval()
    state = model.state_dict()
    state |= {name: value for name, value in weights.items() if name in state}
    for prefix, layers in model.named_modules():
        if not isinstance(layers, nn.Sequential):
            continue
        for number, (layer, norm) in enumerate(pairwise(layers)):
            if isinstance(layer, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                name, kernels = f"{prefix}.{number + 1}", weights[f"{prefix}.{number}.weight"]
                scales = (kernels.square().mean((1, 2, 3)).sqrt() / _TRAINED_RMS).clamp(min=norm.eps)
                state[f"{prefix}.{number}.weight"] = kernels / scales[:, None, None, None]
                state[f"{name}.bias"] = weights[f"{prefix}.{number}.bias"]
                state[f"{name}.weight"] = scales
                state[f"{name}.running_mean"] = torch.zeros_like(state[f"{name}.bias"])
                state[f"{name}.running_var"] = torch.full_like(state[f"{name}.bias"], 1 - norm.eps)
    model.load_state_dict(state)
    return state


def load_model(path: str | Path) -> nn.Module:
    """The model of a file that :func:`save_weights` wrote, in evaluation mode, to read with or to train on.

    Raises:
        UserError: If the file is missing or is not such a file.
    """
    description, weights = load_weights(path)
    try:
        model = description.build()
        model.load_state_dict(weights)
    except (TypeError, ValueError, RuntimeError) as error:
        raise _no_weights(path, error) from error
    return model.eval()


def _no_weights(path: str | Path, error: Exception) -> UserError:
    return UserError(
        f"{path} holds no weights of this program ({type(error).__name__}). `text-recognizer export` writes them."
    )


def average(old: Mapping[str, torch.Tensor], new: Mapping[str, torch.Tensor], share: float) -> dict[str, torch.Tensor]:
    """A state dict between two of one model: that share of ``new``, the rest, and all that is no float, of ``old``.

    Wortsman et al., "Robust fine-tuning of zero-shot models", 2022.
    """
    return {
        name: torch.lerp(value, new[name], share) if value.is_floating_point() else value for name, value in old.items()
    }


def best_average(own: Sequence[float], others: Sequence[float], most_forgotten: float) -> int:
    """Number of the average to take, from error rates of averages with ascending shares of what was learned.

    Args:
        own: On the lines that are learned. The lowest counts; of equal ones, that of the largest share, as few lines
            cannot tell more from less, but the first if nothing is better than that.
        others: On other lines, whose rate may be so much higher than that of the first average.
        most_forgotten: How much.
    """
    allowed = [number for number, rate in enumerate(others) if rate <= others[0] + most_forgotten]
    best = min(own[number] for number in allowed)
    return max(number for number in allowed if own[number] == best) if best < own[0] else 0


def _full(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.float() if tensor.is_floating_point() else tensor
