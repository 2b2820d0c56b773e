"""Weights in a safetensors file that carries what rebuilds the model: small, and loaded without executing anything."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import nn

from text_recognizer.alphabet import Alphabet
from text_recognizer.errors import UserError
from text_recognizer.files import replacing
from text_recognizer.training.checkpoint import Checkpoint, Description


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


def _full(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.float() if tensor.is_floating_point() else tensor
