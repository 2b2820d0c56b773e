"""A trained model comes back, whichever way it was kept: ``text_recognizer.load``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import torch
from pydantic import AfterValidator, BaseModel, Field, Json, PositiveInt, ValidationError
from torch import Tensor, nn

from text_recognizer.alphabet import Alphabet
from text_recognizer.errors import UserError
from text_recognizer.reading.model_file import MOST_TOKENS, names_of, session_of
from text_recognizer.training.checkpoint import Description
from text_recognizer.training.export import read_model
from text_recognizer.training.recognition import Recognition, load_run, recognition_of
from text_recognizer.training.weights import exported_weights

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

SCORES = PICTURES, LOGITS = ["pictures", "logits"]
"""Input and output of a file that :func:`~text_recognizer.training.graphs.write.write_scores` wrote."""
READER = ["images", "log_probs"]
"""Those of a reader of prepared lines."""


def load(path: str | Path) -> Recognition:
    """A trained model and its alphabet, in evaluation mode: ``text_recognizer.load(run).read(x)``.

    Args:
        path: Folder of a run, whose best checkpoint is taken; a checkpoint; or an ONNX file that ``export`` wrote. The
            file of a lab's model is run by ONNX Runtime, so it can be tested but not trained on.

    Raises:
        UserError: If there is none, it is damaged, or it is no model of this program.
    """
    file = Path(path)
    if file.suffix.lower() != ".onnx":
        return load_run(path)
    session = session_of(file)
    if names_of(session) == READER:
        return recognition_of(read_model(file), exported_weights(file)[0], "ctc")
    if names_of(session) != SCORES:
        raise _not_ours(file, f"it takes and gives {', '.join(names_of(session))}")
    said = _said(session, file)
    shape = said.model.args.input_shape
    description = Description(said.model.name, {"input_shape": shape}, Alphabet(said.alphabet))
    scores = len(session.get_outputs()[0].shape)
    graph = _Characters(session, file) if scores == 2 else _Lines(session, file, shape)
    return recognition_of(graph, description, said.loss)


def _alphabet(tokens: tuple[str, ...]) -> tuple[str, ...]:
    return Alphabet(tokens).tokens


Tokens = Annotated[tuple[str, ...], Field(min_length=2, max_length=MOST_TOKENS), AfterValidator(_alphabet)]


class _Arguments(BaseModel):
    input_shape: tuple[PositiveInt, PositiveInt, PositiveInt]


class _Built(BaseModel):
    name: str = Field(alias="class")
    args: _Arguments


class _Said(BaseModel):
    """What a file says of its model: JSON by name."""

    alphabet: Json[Tokens]
    loss: Json[Literal["cross_entropy", "ctc", "aligned_ctc"]]
    model: Json[_Built]


def _said(session: InferenceSession, file: Path) -> _Said:
    try:
        said = _Said.model_validate(session.get_modelmeta().custom_metadata_map)
    except ValidationError as error:
        wrong = ", ".join(dict.fromkeys(str(one["loc"][0]) for one in error.errors()))
        raise _not_ours(file, f"its metadata lack a valid {wrong}") from None
    classes = session.get_outputs()[0].shape[1:2]
    if classes != [len(said.alphabet)]:
        raise _not_ours(file, f"its alphabet has {len(said.alphabet)} tokens, its scores are of {classes}")
    return said


def _not_ours(file: Path, reason: str) -> UserError:
    return UserError(f"{file}: not a model of this package: {reason}. Make one with: text-recognizer export RUN")


class _Characters(nn.Module):
    """A graph as a model that reads one character. It has no weights that could be trained.

    Args:
        session: The graph.
        file: Where it comes from, for messages.
    """

    def __init__(self, session: InferenceSession, file: Path) -> None:
        super().__init__()
        self.session, self.file = session, file

    def forward(self, x: Tensor) -> Tensor:
        """Logits (B, C) of pictures (B, 1, H, W) in [0, 1], or (B, C, S) of lines.

        Raises:
            UserError: If the graph takes no pictures of this size.
        """
        try:
            logits = self.session.run([LOGITS], {PICTURES: x.float().numpy(force=True)})[0]
        except Exception as error:  # ONNX Runtime's errors share no base class
            reason = str(error).splitlines()[0]
            raise UserError(f"{self.file}: cannot read pictures of {tuple(x.shape)} ({reason}).") from None
        return torch.from_numpy(logits).to(x.device)


class _Lines(_Characters):
    """The same of a model that reads lines of ``shape``, or of other widths."""

    def __init__(self, session: InferenceSession, file: Path, shape: tuple[int, int, int]) -> None:
        super().__init__(session, file)
        self.shape = shape

    def output_length(self, width: int) -> int:
        """Outputs for a line of ``width`` pixels."""
        blank: Any = torch.zeros(1, *self.shape[:2], width)
        return int(self(blank).shape[2])
