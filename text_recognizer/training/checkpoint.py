"""What a checkpoint says about itself, so that it can be rebuilt, and refused where it does not fit."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from text_recognizer.alphabet import Alphabet
from text_recognizer.errors import UserError
from text_recognizer.registry import MODEL_CLASSES, load_class

_KEY = "text_recognizer"


@dataclass(frozen=True)
class Description:
    """What rebuilds a model: its class, its constructor arguments and its alphabet.

    Attributes:
        training: Flags of the training without which it cannot go on exactly. Weights alone have none.
    """

    model_class: str
    model_args: dict[str, Any]
    alphabet: Alphabet
    training: dict[str, Any] = field(default_factory=dict)

    def write(self, checkpoint: dict[str, Any], loss: str | None = None) -> None:
        """Add the description to a checkpoint, and the loss that the model was trained with, in plain types."""
        checkpoint[_KEY] = {
            "model_class": self.model_class,
            "model_args": self.model_args,
            "alphabet": list(self.alphabet),
            "loss": loss,
            "training": self.training,
        }

    def build(self) -> nn.Module:
        """The model with fresh weights."""
        model: nn.Module = load_class(MODEL_CLASSES, self.model_class, "--model_class")(**self.model_args)
        return model

    def require(self, wanted: Description, path: str) -> None:
        """Check that this, the description in the checkpoint ``path``, fits the experiment's.

        Raises:
            UserError: If class, arguments, alphabet or what it knows of the training differ; the message names what.
        """
        if self.model_class != wanted.model_class:
            differs = f"holds a {self.model_class}, but --model_class is {wanted.model_class}"
        elif self.alphabet != wanted.alphabet:
            differs = f"reads {len(self.alphabet)} classes, but the data has {len(wanted.alphabet)}"
        else:
            held, asked = self._all_args() | self.training, wanted.model_args | wanted.training
            known = [name for name in asked if name in wanted.model_args or name in self.training]
            names = [name for name in known if held.get(name) != asked[name]]
            if not names:
                return
            pairs = ", ".join(f"{name} {held.get(name)} (wanted: {asked[name]})" for name in names)
            differs = f"has another {pairs}"
        raise UserError(f"The checkpoint {path} {differs}. Give the flags that it was trained with.")

    def _all_args(self) -> dict[str, Any]:
        """The arguments, and the defaults of those that the model did not have when the checkpoint was written."""
        model_class = load_class(MODEL_CLASSES, self.model_class, "--model_class")
        signatures = [inspect.signature(base).parameters.items() for base in reversed(model_class.__mro__)]
        return {name: parameter.default for one in signatures for name, parameter in one} | self.model_args


@dataclass(frozen=True)
class Checkpoint:
    """A loaded checkpoint file.

    Attributes:
        path: The file.
        description: What rebuilds the model.
        finished_epochs: Epochs of training behind it.
        weights: The model's state dict.
        loss: What the model was trained with, if the file says so.
        waited: Validations in a row, up to it, in which the validation loss had not fallen.
    """

    path: str
    description: Description
    finished_epochs: int
    weights: dict[str, torch.Tensor]
    loss: str | None = None
    waited: int = 0

    @classmethod
    def load(cls, path: str) -> Checkpoint:
        """Read a checkpoint of an earlier run; nothing in it is executed.

        Raises:
            UserError: If the file is missing, damaged or no checkpoint of this program.
        """
        if not Path(path).is_file():
            raise UserError(f"There is no checkpoint {path}. Runs keep theirs as <run folder>/best.ckpt and last.ckpt.")
        try:
            content = torch.load(path, map_location="cpu", weights_only=True)
            described = content[_KEY]
            description = Description(
                described["model_class"],
                dict(described["model_args"]),
                Alphabet(described["alphabet"]),
                dict(described.get("training", {})),
            )
            weights = {
                name.removeprefix("model."): value
                for name, value in content["state_dict"].items()
                if name.startswith("model.")
            }
            loss, waited = described.get("loss"), _waited(content)
            return cls(path, description, _finished_epochs(content), weights, loss, waited)
        except (OSError, MemoryError):
            raise
        except Exception as error:  # whatever PyTorch raises on what is no checkpoint
            raise UserError(
                f"{path} is damaged or no checkpoint of this program ({type(error).__name__}). "
                "Give the best.ckpt or last.ckpt of a run folder."
            ) from error

    def model(self) -> nn.Module:
        """The model with its trained weights, in evaluation mode."""
        model = self.description.build()
        model.load_state_dict(self.weights)
        return model.eval()


def _finished_epochs(content: dict[str, Any]) -> int:
    loops = content.get("loops", {}).get("fit_loop", {})
    return int(loops["epoch_progress"]["current"]["processed"] if loops else content["epoch"] + 1)


def _waited(content: dict[str, Any]) -> int:
    states = content.get("callbacks", {}).items()
    return next((state["wait_count"] for name, state in states if name.startswith("EarlyStopping")), 0)
