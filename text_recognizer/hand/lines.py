"""A hand learned from labelled lines, such as those that its owner corrected."""

from __future__ import annotations

from typing import Any

from text_recognizer.hand.file import About, Figures, HandFile
from text_recognizer.hand.samples import Samples
from text_recognizer.reading.model_file import DEFAULT_MODEL, LineModel
from text_recognizer.reading.recognizer import TextRecognizer
from text_recognizer.training.arguments import Arguments
from text_recognizer.training.export import verify, weights_of
from text_recognizer.training.finetune import Choice, learn_lines


def learn_from_lines(arguments: Arguments) -> tuple[HandFile, list[Choice], dict[str, Any]]:
    """Learn a hand from labelled lines.

    Args:
        arguments: Of a training on LabelledLines from the reader that ships, as for :func:`learn_lines`.

    Returns:
        The hand file's content, without pictures of what was written; and as :func:`finetune` does, the averages that
        were tried and what is known of them.

    Raises:
        UserError: If there is too little to learn from.
        Interrupted: If a signal ended the training.
    """
    learned = learn_lines(arguments)
    weights = weights_of(learned.model)
    model = LineModel(DEFAULT_MODEL, weights)
    verify(learned.model, model, model.metadata.stride)
    about = learned.about(TextRecognizer(model))
    rates = {f"labelled_{name}": about["test"][name]["cer"]["value"] for name in ("before", "after") if about["test"]}
    nothing = Samples((), ()).written()
    hand = HandFile(About(Figures(**rates), arguments.data["seed"], *nothing, model.metadata), weights)
    return hand, learned.choices, about
