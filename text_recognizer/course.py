"""The names of the course's notebooks: with imports from here, their cells run as the course writes them.

The course gives its classes a namespace of arguments, and its models the dictionary that ``data.config()`` returns.
Ours take keyword arguments. What is here hands on the one as the other; code of your own does not need it. In place
of ``import pytorch_lightning as pl`` stands ``from text_recognizer import course as pl``.
"""

from __future__ import annotations

import inspect
from argparse import Namespace
from typing import Any

import lightning.pytorch
import numpy as np

from text_recognizer import models
from text_recognizer.alphabet import ALPHABET, Alphabet
from text_recognizer.data.sets import emnist, emnist_lines, mnist
from text_recognizer.data.text.mix import Corpus, draw_texts
from text_recognizer.data.text.sources import download_text, load_documents
from text_recognizer.errors import UsageError
from text_recognizer.training.arguments import Experiment
from text_recognizer.training.experiment import placement
from text_recognizer.training.recognition import CharacterRecognition, LineRecognition, Recognition


def __getattr__(name: str) -> Any:
    """Whatever else a notebook takes from ``pl``."""
    return getattr(lightning.pytorch, name)


def _known(args: Namespace | None, wanted: type) -> dict[str, Any]:
    """Those of the arguments that a class and its bases take. The course gives every class the arguments of all."""
    names = {name for base in wanted.__mro__ for name in inspect.signature(base).parameters}
    return {name: value for name, value in vars(args or Namespace()).items() if name in names}


class _CourseData:
    """A data module whose constructor takes a namespace, and which has the course's names of its sizes."""

    def __init__(self, args: Namespace | None = None) -> None:
        super().__init__(**_known(args, type(self)))

    @property
    def dims(self: Any) -> tuple[int, int, int]:
        """(1, H, W) of one picture."""
        return self.input_shape  # type: ignore[no-any-return]

    @property
    def num_classes(self: Any) -> int:
        """Tokens of the alphabet."""
        return len(self.alphabet)

    def config(self: Any) -> dict[str, Any]:
        """What the models of this module are built with."""
        return {"input_dims": self.dims, "output_dims": self.target_shape, "mapping": self.mapping}


class MNIST(_CourseData, mnist.MNIST):
    """Digits: :class:`text_recognizer.data.MNIST`."""


class EMNIST(_CourseData, emnist.EMNIST):
    """Digits and letters: :class:`text_recognizer.data.EMNIST`."""


class EMNISTLines(_CourseData, emnist_lines.EMNISTLines):
    """Composed lines: :class:`text_recognizer.data.EMNISTLines`."""

    @property
    def emnist(self) -> EMNIST:
        """Its characters, for their mapping."""
        return EMNIST()


class _CourseModel:
    """A model whose constructor takes what ``config()`` of the data returns, and a namespace."""

    def __init__(
        self,
        data_config: dict[str, Any] | None = None,
        args: Namespace | None = None,
        *,
        input_dims: tuple[int, int, int] | None = None,
        num_classes: int = len(ALPHABET),
    ) -> None:
        shape = data_config["input_dims"] if data_config else input_dims
        classes = len(data_config["mapping"]) if data_config else num_classes
        flags = _known(args, type(self))
        super().__init__(**flags | {"input_shape": shape, "num_classes": classes})
        self.data_config = data_config or {"input_dims": input_dims, "mapping": list(ALPHABET)}


class MLP(_CourseModel, models.MLP):
    """:class:`text_recognizer.models.MLP`."""


class CNN(_CourseModel, models.CNN):
    """:class:`text_recognizer.models.CNN`."""


class LineReshapeCNN(_CourseModel, models.LineReshapeCNN):
    """:class:`text_recognizer.models.LineReshapeCNN`."""


class LineCNNSimple(_CourseModel, models.LineCNNSimple):
    """:class:`text_recognizer.models.LineCNNSimple`."""


class LineCNN(_CourseModel, models.LineCNN):
    """:class:`text_recognizer.models.LineCNN`."""


class LineCNNLSTM(_CourseModel, models.LineCNNLSTM):
    """:class:`text_recognizer.models.LineCNNLSTM`."""


class BaseLitModel(Recognition):
    """What Lightning trains: :class:`CharacterRecognition` or :class:`LineRecognition`, as the model needs."""

    def __new__(cls, model: Any, args: Namespace | None = None) -> Recognition:  # type: ignore[misc]
        """What trains ``model``, one of those above, with the flags among ``args``."""
        alphabet = Alphabet(model.data_config["mapping"])
        if not hasattr(model, "output_length"):
            return CharacterRecognition(model, alphabet, **_known(args, CharacterRecognition))
        width = model.data_config["input_dims"][2]
        sizes = {"input_width": width, "target_length": model.output_length(width)}
        return LineRecognition(model, alphabet, **_known(args, LineRecognition) | sizes)


def Trainer(*, gpus: int | str | None = None, **flags: Any) -> lightning.pytorch.Trainer:
    """Lightning's trainer, which takes ``gpus`` as the course's Lightning did."""
    where = {} if gpus is None else placement(Experiment(gpus=str(gpus)))
    return lightning.pytorch.Trainer(**where | flags)


class SentenceGenerator:
    """Runs of whole words of a text.

    Args:
        max_length: The most characters of one.
        text: Where the words come from, as in :class:`text_recognizer.data.EMNISTLines`.
    """

    def __init__(self, max_length: int | None = None, text: str = "brown") -> None:
        self.max_length, self.seed = max_length, int(np.random.default_rng().integers(2**31))
        download_text(text)
        self.corpus, self.drawn = Corpus.from_documents(load_documents(text, seed=0)), 0

    def generate(self, max_length: int | None = None) -> str:
        """The next one.

        Raises:
            UsageError: If neither this nor the constructor was told how long it may be.
        """
        longest = max_length or self.max_length
        if longest is None:
            raise UsageError("SentenceGenerator needs max_length, here or when it is made.")
        numbers = np.array([self.drawn])
        self.drawn += 1
        codes, _ = draw_texts(self.corpus, "train", max_chars=longest, seed=self.seed, indices=numbers)
        return ALPHABET.decode(codes[0])
