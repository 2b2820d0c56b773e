"""A model file: an ONNX graph that carries its alphabet, the preparation it was trained with, and its calibration."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from text_recognizer.alphabet import Alphabet
from text_recognizer.errors import UserError
from text_recognizer.imaging.crop import CROPPED
from text_recognizer.imaging.normalization import NORMALIZATION
from text_recognizer.reading.calibration import UNCALIBRATED, Calibration, Confidence

Made = TypeVar("Made")

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

KNOWN_PREPARATIONS = (NORMALIZATION, CROPPED)
"""Of lines that models read: ink in normal form, or grey crops with their paper."""
ABOUT = "about"
"""The property of a model file that says what it was trained on, and how well it reads that."""
MAX_COLUMNS = 8192
_CONTEXT_STEPS = 64
MOST_TOKENS, _MOST_STRIDE = 10_000, 64
DEFAULT_MODEL = Path(__file__).with_name("recognizer.onnx")


def graph_of(model: Path) -> Path:
    """The file beside a model file that has its graph without its weights, for others to be put in."""
    return model.with_suffix(".graph.onnx")


@dataclass(frozen=True)
class Metadata:
    """What a model file states of its model.

    Attributes:
        alphabet: Tokens in index order; the first is the CTC blank.
        stride: Columns of the normalized line per time step.
        greedy: Confidences of what the greedy decoder reads.
        beam: Confidences of what the beam decoder reads.
        preparation: How lines are prepared, one of :data:`KNOWN_PREPARATIONS`.

    Raises:
        ValueError: If the alphabet has fewer than 2 or more than 10,000 tokens or is none, or the stride is no whole
            number from 1 to 64.
    """

    alphabet: tuple[str, ...]
    stride: int
    greedy: Confidence = UNCALIBRATED
    beam: Confidence = UNCALIBRATED
    preparation: dict[str, Any] = field(default_factory=NORMALIZATION.copy)

    def __post_init__(self) -> None:
        if not 2 <= len(Alphabet(self.alphabet)) <= MOST_TOKENS:
            raise ValueError(f"An alphabet has {len(self.alphabet)} tokens, but must have 2 to {MOST_TOKENS}.")
        if type(self.stride) is not int or not 1 <= self.stride <= _MOST_STRIDE:
            raise ValueError(f"A stride is {self.stride!r}, but must be a whole number from 1 to {_MOST_STRIDE}.")

    def reads_like(self, other: Metadata) -> bool:
        """Whether lines go in, and characters come out, in the same way."""
        return (self.alphabet, self.stride, self.preparation) == (other.alphabet, other.stride, other.preparation)

    def to_properties(self) -> dict[str, str]:
        """The entries of ``metadata_props``."""
        confidence = {"greedy": asdict(self.greedy), "beam": asdict(self.beam)}
        return {
            "alphabet": json.dumps(self.alphabet),
            "preparation": json.dumps(self.preparation),
            "stride": json.dumps(self.stride),
            "confidence": json.dumps(confidence),
        }

    @classmethod
    def from_properties(cls, properties: dict[str, str], file: Path) -> Metadata:
        """Read the entries of ``metadata_props``.

        Raises:
            UserError: If an entry is missing or makes no sense, or the preparation is not this version's.
        """
        preparation = _said(properties, "preparation", dict, file)
        if preparation not in KNOWN_PREPARATIONS:
            raise UserError(
                f"{file}: made for lines prepared as {preparation}, but this version prepares {CROPPED}. "
                "Export the run again."
            )
        greedy, beam = _said(properties, "confidence", _confidences, file)
        alphabet = _said(properties, "alphabet", lambda tokens: cls(tuple(tokens), 1).alphabet, file)
        return _said(properties, "stride", lambda stride: cls(alphabet, stride, greedy, beam, preparation), file)


def _said(properties: Mapping[str, str], name: str, make: Callable[[Any], Made], file: Path) -> Made:
    """What is made of an entry of the metadata, which is JSON.

    Raises:
        UserError: If it is missing, no JSON, or makes no sense.
    """
    try:
        return make(json.loads(properties[name]))
    except (AttributeError, LookupError, TypeError, ValueError, RecursionError):
        raise UserError(
            f"{file}: not a model of this package: its metadata lack a valid {name}. "
            "Make one with: text-recognizer export RUN"
        ) from None


def _confidences(said: dict[str, dict[str, Any]]) -> list[Confidence]:
    """Those of the greedy and of the beam decoder.

    Older models have one of characters, and one of whole lines being right, which no confidence is made of any more.
    """
    if set(said) == {"line", "character"}:
        return 2 * [Confidence(Calibration(**said["character"]))]
    return [
        Confidence(**{part: Calibration(**coefficients) for part, coefficients in said[decoder].items()})
        for decoder in ("greedy", "beam")
    ]


class LineModel:
    """The network of a model file, run by ONNX Runtime on one thread per call.

    Attributes:
        metadata: What it needs to read.
        about: What ``finetune`` says of its training, in plain values; empty for other models.

    Args:
        file: The model file; by default the one that ships with the package.
        weights: Other weights, by the names in its graph (:func:`graph_of`), for its own. ONNX Runtime refuses names,
            types and sizes that are not the graph's.

    Raises:
        UserError: If the file is missing or not such a model.
    """

    def __init__(self, file: Path | None = None, weights: Mapping[str, np.ndarray] | None = None) -> None:
        self.file = file or DEFAULT_MODEL
        self._session = open_session(self.file, weights, inputs="images", outputs="log_probs")
        said = self._session.get_modelmeta().custom_metadata_map
        self.metadata = Metadata.from_properties(said, self.file)
        self.about: dict[str, Any] = _about(said.get(ABOUT, "{}"))

    def log_probabilities(self, lines: list[np.ndarray]) -> list[np.ndarray]:
        """Run a batch.

        Args:
            lines: Prepared lines, uint8 (HEIGHT, W) each. One wider than ``MAX_COLUMNS`` is run in overlapping pieces,
                so that memory stays bounded.

        Returns:
            For each line float32 (ceil(W / stride), C).
        """
        if len(lines) == 1 and lines[0].shape[1] > MAX_COLUMNS:
            return [self._in_pieces(lines[0])]
        stride = self.metadata.stride
        steps = [-(-line.shape[1] // stride) for line in lines]
        batch = np.zeros((len(lines), lines[0].shape[0], max(steps) * stride), np.uint8)
        for row, line in zip(batch, lines, strict=True):
            row[:, : line.shape[1]] = line
        log_probs = self._session.run(["log_probs"], {"images": batch})[0]
        if log_probs.shape != (len(lines), max(steps), len(self.metadata.alphabet)):
            raise UserError(
                f"{self.file}: gives {log_probs.shape} for lines of {batch.shape}; stride or alphabet is off."
            )
        return [own[:count] for own, count in zip(log_probs, steps, strict=True)]

    def _in_pieces(self, line: np.ndarray) -> np.ndarray:
        stride = self.metadata.stride
        context = _CONTEXT_STEPS * stride
        piece = (MAX_COLUMNS - 2 * context) // stride * stride
        parts = []
        for start in range(0, line.shape[1], piece):
            first = max(0, start - context)
            log_probs = self.log_probabilities([line[:, first : start + piece + context]])[0]
            parts.append(log_probs[(start - first) // stride :][: piece // stride])
        return np.concatenate(parts)


def _about(said: str) -> dict[str, Any]:
    """What a model file says of its training; nothing where that makes no sense, as nothing depends on it."""
    try:
        about = json.loads(said)
    except (ValueError, RecursionError):
        return {}
    return about if isinstance(about, dict) else {}


def open_session(
    file: Path, weights: Mapping[str, np.ndarray] | None = None, *, inputs: str, outputs: str
) -> InferenceSession:
    """A session of an ONNX file with one input and one output of these names, ``weights`` put in where they are given.

    Raises:
        UserError: If there is no such file or it is no such graph.
    """
    session = session_of(file, weights)
    if (names := names_of(session)) != [inputs, outputs]:
        raise UserError(
            f"{file}: expected the input {inputs} and the output {outputs}, found {', '.join(names)}. "
            "Models that are no readers are for text_recognizer.load."
        )
    return session


def session_of(file: Path, weights: Mapping[str, np.ndarray] | None = None) -> InferenceSession:
    """A session of any ONNX file.

    Raises:
        UserError: If there is no such file or it is no graph.
    """
    import onnxruntime  # slow to import, and blank paper or a wrong name do not need it

    graph = file if weights is None else graph_of(file)
    if not graph.is_file():
        raise UserError(f"{graph}: no such model file. Make one with: text-recognizer export RUN --out {file.name}")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    try:
        if weights is not None:
            values = [onnxruntime.OrtValue.ortvalue_from_numpy(weight) for weight in weights.values()]
            options.add_external_initializers(list(weights), values)
        return onnxruntime.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime's errors share no base class
        wrong = "not a readable ONNX model" if weights is None else "its graph does not take these weights"
        raise UserError(f"{file}: {wrong} ({str(error).splitlines()[0]}).") from None


def names_of(session: InferenceSession) -> list[str]:
    """Names of the inputs of a graph, then of its outputs."""
    return [value.name for value in (*session.get_inputs(), *session.get_outputs())]
