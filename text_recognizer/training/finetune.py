"""A reader learns labelled lines without forgetting.

Of composed lines it learns to give what it gave before (Li and Hoiem, "Learning without forgetting", 2016). What was
learned is averaged with what was there before (Wortsman et al., "Robust fine-tuning of zero-shot models", 2022), by a
share that lines which only choose decide: the user's validation part, and composed lines.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from text_recognizer.data.sets.labelled_lines import LabelledLines
from text_recognizer.data.sets.loaders import Batch, Dataset
from text_recognizer.data.splits import Split
from text_recognizer.errors import Interrupted, UserError
from text_recognizer.evaluation.evaluate import evaluate, to_json
from text_recognizer.evaluation.readings import read_with
from text_recognizer.files import replacing
from text_recognizer.imaging.library_output import told_to_the_user
from text_recognizer.labels.lines import Labels
from text_recognizer.reading.model_file import DEFAULT_MODEL, LineModel, Metadata
from text_recognizer.reading.recognizer import TextRecognizer
from text_recognizer.training.arguments import Arguments
from text_recognizer.training.checkpoint import Checkpoint, Description
from text_recognizer.training.experiment import reader_for, run
from text_recognizer.training.export import add_about, verify, write_model
from text_recognizer.training.recognition import LineRecognition
from text_recognizer.training.weights import average, best_average

SHARES = (0.0, 0.25, 0.5, 0.7, 0.8, 0.9, 1.0)
"""Of what was learned; the rest is what was there before."""
MOST_FORGOTTEN = 0.01
"""Rise of the character error rate on composed lines that is accepted; they are hard, and others are forgotten less."""
_CHOOSING_LINES = 240
_BATCH = 24


@dataclass(frozen=True)
class Choice:
    """A share of what was learned, and the error rates on the lines that choose: the user's, and composed ones."""

    share: float
    own: float
    composed: float


@dataclass(frozen=True)
class Learned:
    """A reader that has learned labelled lines.

    Attributes:
        model: The reader, in evaluation mode.
        description: What rebuilds it.
        original: The file of the reader that learned.
        metadata: Of that reader, with the present alphabet.
        choices: The averages that were tried, the chosen one first.
        data: The lines.
        figures: Of the training.
    """

    model: torch.nn.Module
    description: Description
    original: Path
    metadata: Metadata
    choices: list[Choice]
    data: LabelledLines
    figures: dict[str, Any]

    def about(self, after: TextRecognizer) -> dict[str, Any]:
        """What a file of it says of itself: its data, its training, and error rates on the user's test part.

        Args:
            after: What reads with the file.
        """
        assert self.data.labels is not None
        parts: Sequence[Split] = ("train", "val", "test")
        counts = {part: len(self.data.numbers[part]) for part in parts}
        training = ("epochs", "steps", "train_seconds")
        return {
            "data": {"form": self.data.labels.form, "dealt": self.data.how, **counts},
            "training": {name: self.figures[name] for name in training if name in self.figures},
            "share": self.choices[0].share,
            "test": _tested(TextRecognizer(self.original), after, self.data),
        }


def learn_lines(arguments: Arguments) -> Learned:
    """Let a reader learn labelled lines.

    Args:
        arguments: Of a training on LabelledLines from a reader (``init``); its run folder is thrown away.

    Raises:
        UserError: If there is too little to learn from.
        Interrupted: If a signal ended the training.
    """
    init = str(arguments.experiment.init)
    original = DEFAULT_MODEL if init == "reader" else Path(init)
    metadata = LineModel(original).metadata
    figures, new = trained(arguments, "last")  # a few lines to validate would choose an epoch by chance
    data = LabelledLines(**arguments.data)
    description, old = reader_for(data, init)
    data.setup()
    metadata = replace(metadata, alphabet=description.alphabet.tokens)
    choices = choose(description, old, new, data)
    model = description.build().eval()
    model.load_state_dict(average(old, new, choices[0].share))
    return Learned(model, description, original, metadata, choices, data, figures)


def finetune(arguments: Arguments, out: Path) -> tuple[list[Choice], dict[str, Any]]:
    """Let a reader learn labelled lines, and write it as a model file.

    Args:
        arguments: As for :func:`learn_lines`.
        out: The ONNX file to write.

    Returns:
        The averages that were tried, the chosen one first, and what the file says of itself (:meth:`Learned.about`).

    Raises:
        UserError: If there is too little to learn from, or the file cannot be written.
        Interrupted: If a signal ended the training.
    """
    learned = learn_lines(arguments)
    with replacing(out) as temporary:
        write_model(learned.model, learned.description, learned.metadata, temporary)
        verify(learned.model, LineModel(temporary), learned.metadata.stride)
        about = learned.about(TextRecognizer(temporary))
        add_about(temporary, about)
    return learned.choices, about


def trained(
    arguments: Arguments, which: Literal["best", "last"] = "best"
) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    """Train, and take weights from the run folder, the only one in ``log_dir``.

    Args:
        arguments: Of the training.
        which: The weights of the best epoch, or the last ones.

    Returns:
        Figures of the training, and the weights.

    Raises:
        UserError: If no epoch ended in the time there was.
        Interrupted: If a signal ended the training.
    """
    figures, code = run(arguments)
    if code:
        raise Interrupted(code)
    folder = max(Path(arguments.experiment.log_dir).iterdir())
    if not (folder / "best.ckpt").exists():
        raise UserError("No epoch ended in the time there was: nothing was learned or written. Give more --minutes.")
    return figures, Checkpoint.load(str(folder / f"{which}.ckpt")).weights


def choose(
    description: Description, old: dict[str, torch.Tensor], new: dict[str, torch.Tensor], data: LabelledLines
) -> list[Choice]:
    """Error rates of averages of two states of a model, the chosen one first.

    ``best_average`` chooses by the user's validation lines and by composed ones.
    """
    sets: list[tuple[Dataset, int]] = [(data.datasets["val"], len(data.datasets["val"]))]
    if data.composed:
        sets.append((data.others.datasets["val"], _CHOOSING_LINES))
    models = [description.build() for _ in SHARES]
    for model, share in zip(models, SHARES, strict=True):
        model.load_state_dict(average(old, new, share))
    rates = [_error_rates(models, data, *one) for one in sets]
    own, composed = rates[0], rates[1] if data.composed else [0.0] * len(SHARES)
    choices = [Choice(*one) for one in zip(SHARES, own, composed, strict=True)]
    best = choices[best_average(own, composed, MOST_FORGOTTEN)]
    return [best, *(one for one in choices if one is not best)]


@torch.inference_mode()
def _error_rates(models: list[torch.nn.Module], data: LabelledLines, lines: Dataset, count: int) -> list[float]:
    """Of each model, on the same lines, each of which is composed once."""
    settings: dict[str, Any] = {"input_width": None, "target_length": data.max_length, "loss": "ctc"}
    readers = [LineRecognition(model, data.alphabet, **settings).eval() for model in models]
    metrics = [reader.build_metrics() for reader in readers]
    order = np.argsort(lines.widths(np.arange(count)), kind="stable")
    for start in range(0, count, _BATCH):
        batch = Batch.of(lines.batch(order[start : start + _BATCH]))
        for reader, counted in zip(readers, metrics, strict=True):
            reader.loss_and_update(batch, counted)
    return [float(counted.compute()["cer"]) for counted in metrics]


@told_to_the_user()
def _tested(before: TextRecognizer, after: TextRecognizer, data: LabelledLines) -> dict[str, Any]:
    """Error rates of both readers on the user's test part, or nothing if that is empty."""
    assert data.labels is not None
    lines = [data.labels.lines[number] for number in data.numbers["test"]]
    if not lines:
        return {}
    read, readers = read_with({"before": before, "after": after}, Labels(data.labels.folder, "", lines), lambda _: None)
    found = to_json(evaluate(read, readers))
    rates = {reader["name"]: reader["rates"]["as it is"] for reader in found["readers"]}
    return rates | {"difference": found["differences"][0]}
