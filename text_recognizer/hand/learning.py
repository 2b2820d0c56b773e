"""A reader learns one hand: lines of that hand, mixed with lines of others, teach the reader that ships.

Its features stay as they are, and what makes text of them is trained. What is trained is then averaged with what was
there before (Wortsman et al., "Robust fine-tuning of zero-shot models", 2022), by a share that lines which only choose
decide: so it learns one hand without forgetting the others.
"""

from __future__ import annotations

import copy
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from rapidfuzz.distance import Levenshtein
from torch import nn

from text_recognizer.alphabet import ALPHABET
from text_recognizer.data.builtin_text import builtin_documents
from text_recognizer.data.compose import Lines, LineStyle
from text_recognizer.data.emnist_lines import LineDataset
from text_recognizer.data.glyph_sources import VISIBLE_CHARACTERS
from text_recognizer.data.glyphs import GLYPH_SIZE, SPLITS, Split
from text_recognizer.data.sentences import TextMix, split_documents
from text_recognizer.data.strokes import draw_glyphs
from text_recognizer.hand.glyphs import glyph_bank
from text_recognizer.hand.samples import Samples
from text_recognizer.reading.hand_file import Figures, HandFile
from text_recognizer.reading.model_file import DEFAULT_MODEL, LineModel
from text_recognizer.reading.recognizer import TextRecognizer
from text_recognizer.training.export import verify, write_model
from text_recognizer.training.recognition import LineRecognition, one_cycle
from text_recognizer.training.weights import load_model

THREADS = 2
"""Of all arithmetic: another number rounds otherwise, and learning shall be the same everywhere."""
TEXTS = TextMix(as_is=0.45, capitals=0.15, title_case=0.08, single_words=0.12, digits=0.1, dates_and_codes=0.1)


@dataclass(frozen=True)
class Recipe:
    """How a hand is learned.

    Attributes:
        steps: Steps of the optimiser, so many that learning ends within 90 seconds on two cores.
        own_lines: Lines of the hand in each step.
        other_lines: Lines of pen strokes in all sorts of hands in each step.
        lr: Learning rate at the peak of the one-cycle schedule.
        weight_decay: Decoupled weight decay.
        copies: Glyphs of each character, varied copies included.
        max_length: Length of the lines' targets.
        degraded_share: Share of lines that look as paper, pen and camera leave them.
        shares: Of what was learned, the shares that are tried; the rest is what was there before.
        choosing_lines: Lines of the hand, and of others, by which the share is chosen.
        testing_lines: Lines of the hand that are read before and after.
        most_forgotten: Rise of the character error rate on lines of others that is accepted.
    """

    steps: int = 400
    own_lines: int = 16
    other_lines: int = 8
    lr: float = 1e-3
    weight_decay: float = 0.01
    copies: int = 30
    max_length: int = 24
    degraded_share: float = 0.6
    shares: tuple[float, ...] = (0.0, 0.35, 0.5, 0.65)
    choosing_lines: int = 150
    testing_lines: int = 100
    most_forgotten: float = 0.005


Phase = Literal["composing lines", "learning", "checking"]
Report = Callable[[Phase, float], None]
"""Is called with what is being done, and the share of all work that is done, from 0 to 1."""
_BEFORE, _AFTER = 0.08, 0.8
"""Shares of the work that are done when the steps begin, and when they end."""
_BUCKETED = 50
"""Steps whose lines are sorted by width together, so that little of a batch is padding."""


def learn(samples: Samples, seed: int, report: Report, recipe: Recipe = Recipe()) -> HandFile:
    """Learn a hand.

    Args:
        samples: What the person wrote.
        seed: Seed of everything random: the same samples and seed give the same hand on the same machine.
        report: Is told how far it is.
        recipe: How.

    Returns:
        The hand file's content, its figures measured on characters and words that it did not learn from.

    Raises:
        UserError: If there is too little to learn from.
    """
    samples.check()
    torch.set_num_threads(THREADS)
    torch.manual_seed(seed)
    report("composing lines", 0.0)
    material = _Material(samples, seed, recipe)
    old = load_model(DEFAULT_MODEL.with_suffix(".safetensors"))
    new = _trained(copy.deepcopy(old), material, report)
    report("checking", _AFTER)
    new = _chosen(old, new, material)
    report("checking", 0.87)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "reader.onnx"
        metadata = LineModel().metadata
        write_model(new, metadata, file)
        verify(new, LineModel(file), metadata.stride)
        report("checking", 0.95)
        figures = _figures(TextRecognizer(), TextRecognizer(file), samples, material)
        model = file.read_bytes()
    characters, characters_png, lines, lines_png = samples.pictures()
    report("checking", 1.0)
    return HandFile(figures, seed, characters, lines, characters_png, lines_png, model)


class _Material:
    """Lines to learn from, to choose by and to test on: of characters and texts that the others do not have."""

    def __init__(self, samples: Samples, seed: int, recipe: Recipe) -> None:
        self.seed, self.recipe = seed, recipe
        train, choose, test = split_copies(samples.characters, seed)
        drawn = {split: draw_glyphs(VISIBLE_CHARACTERS, 100, seed + k) for k, split in enumerate(SPLITS)}
        written = glyph_bank(train)
        self._own = {
            "train": glyph_bank(train, recipe.copies, seed).completed_by(drawn["train"]),
            "val": glyph_bank(choose).completed_by(written).completed_by(drawn["val"]),
            "test": glyph_bank(test).completed_by(drawn["test"]),
        }
        self._others = drawn
        self._tested = {character for character, _ in test}
        self._corpora = split_documents(builtin_documents(seed), seed)

    def lines(self, split: Split, *, own: bool) -> LineDataset:
        """Lines of the hand, or of pen strokes in all sorts of hands."""
        bank = (self._own if own else self._others)[split]
        return LineDataset(
            bank,
            self._corpora[split],
            split,
            num_lines=1,
            max_length=self.recipe.max_length,
            style=LineStyle("mixed", 0.0, 0.5),
            text_mix=TEXTS,
            degraded_share=self.recipe.degraded_share,
            prepared=True,
            seed=2 * self.seed + own,
        )

    def batches(self) -> Iterator[Lines]:
        """A batch for each step of learning, as tensors."""
        own, others = self.lines("train", own=True), self.lines("train", own=False)
        for first in range(0, self.recipe.steps, _BUCKETED):
            steps = min(_BUCKETED, self.recipe.steps - first)
            buckets = [
                _by_width(lines, np.arange(first * count, (first + steps) * count).reshape(steps, count))
                for lines, count in ((own, self.recipe.own_lines), (others, self.recipe.other_lines))
            ]
            for step in np.random.default_rng((self.seed, first)).permutation(steps):
                yield _tensors(_joined(own.batch(buckets[0][step]), others.batch(buckets[1][step])))

    def pictures(self) -> tuple[list[np.ndarray], list[str]]:
        """Pictures, dark on light, and texts of lines of the hand to test on, of tested characters alone."""
        lines = self.lines("test", own=True)
        lines.degraded_share, lines.prepared, lines.style = 0.0, False, LineStyle("handwriting")
        batch = lines.batch(np.arange(4 * self.recipe.testing_lines))
        found: list[tuple[np.ndarray, str]] = []
        for image, width, target in zip(batch.images, batch.widths, batch.targets, strict=True):
            text = ALPHABET.decode(target)
            if set(text) <= self._tested | {" "} and len(found) < self.recipe.testing_lines:
                found.append((np.pad(255 - image[:, :width], 8, constant_values=255), text))
        return [picture for picture, _ in found], [text for _, text in found]


Characters = Sequence[tuple[str, np.ndarray]]


def split_copies(characters: Characters, seed: int) -> tuple[Characters, Characters, Characters]:
    """What was written, in three parts: to learn from, to choose by and to test on.

    Of a character with two copies one tests; with four, another chooses.
    """
    parts: tuple[list[tuple[str, np.ndarray]], ...] = ([], [], [])
    for character in dict.fromkeys(character for character, _ in characters):
        own = [one for one in characters if one[0] == character]
        order = np.random.default_rng((seed, ALPHABET.index(character))).permutation(len(own))
        for place, number in enumerate(order):
            part = 2 if place == 0 and len(own) > 1 else 1 if place == 1 and len(own) > 3 else 0
            parts[part].append(own[number])
    return parts[0], parts[1], parts[2]


def _by_width(lines: LineDataset, numbers: np.ndarray) -> np.ndarray:
    """Numbers of lines (steps, lines), each step's of similar width."""
    return numbers.ravel()[np.argsort(lines.widths(numbers.ravel()), kind="stable")].reshape(numbers.shape)


def _joined(first: Lines, second: Lines) -> Lines:
    """Two batches as one."""
    width = max(part.images.shape[2] for part in (first, second))
    images = [np.pad(part.images, ((0, 0), (0, 0), (0, width - part.images.shape[2]))) for part in (first, second)]
    return Lines(np.concatenate(images), *(np.concatenate(pair) for pair in zip(first[1:], second[1:], strict=True)))


def _tensors(lines: Lines) -> Lines:
    """The same as tensors, pictures as a model takes them."""
    images = torch.from_numpy(lines.images).unsqueeze(1).float() / 255
    return Lines(images.to(memory_format=torch.channels_last), *map(torch.from_numpy, lines[1:]))


def _recognition(model: nn.Module, recipe: Recipe) -> LineRecognition:
    length = recipe.max_length
    return LineRecognition(model, ALPHABET, input_width=GLYPH_SIZE * length, target_length=length, loss="ctc")


def _trained(model: nn.Module, material: _Material, report: Report) -> nn.Module:
    """Train what comes after the features. Normalisation keeps its statistics: one hand's would mislead it."""
    recipe = material.recipe
    recognition = _recognition(model, recipe).eval()
    model.features.requires_grad_(False)  # type: ignore[union-attr, operator]
    for layer in model.modules():
        layer.train(isinstance(layer, nn.Dropout | nn.Dropout2d))
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(weights, weight_decay=recipe.weight_decay)
    for step, batch in enumerate(material.batches()):
        report("learning", _BEFORE + (_AFTER - _BEFORE) * step / recipe.steps)
        for group in optimizer.param_groups:
            group["lr"] = recipe.lr * one_cycle(step / recipe.steps)
        optimizer.zero_grad()
        recognition.loss_and_update(batch, None).backward()
        nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.step()
    return model.eval()


def _chosen(old: nn.Module, new: nn.Module, material: _Material) -> nn.Module:
    """Of averages of the two, the one that reads the hand best among those that hardly read others worse."""
    recipe, numbers = material.recipe, np.arange(material.recipe.choosing_lines)
    own, others = (_tensors(material.lines("val", own=own).batch(numbers)) for own in (True, False))
    candidates = [_average(old, new, share) for share in recipe.shares]
    forgotten = [_error_rate(model, others, recipe) for model in candidates]
    allowed = [k for k, rate in enumerate(forgotten) if rate <= forgotten[0] + recipe.most_forgotten]
    return candidates[min(allowed, key=lambda k: _error_rate(candidates[k], own, recipe))]


def _average(old: nn.Module, new: nn.Module, share: float) -> nn.Module:
    model, weights = copy.deepcopy(old), new.state_dict()
    mixed = {
        name: torch.lerp(value, weights[name], share) if value.is_floating_point() else value
        for name, value in old.state_dict().items()
    }
    model.load_state_dict(mixed)
    return model


@torch.inference_mode()
def _error_rate(model: nn.Module, lines: Lines, recipe: Recipe) -> float:
    recognition = _recognition(model, recipe).eval()
    metrics = recognition.build_metrics()
    recognition.loss_and_update(lines, metrics)
    return float(metrics.compute()["cer"])


def _figures(before: TextRecognizer, after: TextRecognizer, samples: Samples, material: _Material) -> Figures:
    """Error rates of both readers on lines of characters kept apart, and on the copied words."""
    words = [np.pad(255 - picture, 8, constant_values=255) for _, picture in samples.lines]
    sets = (material.pictures(), (words, [text for text, _ in samples.lines]))
    rates = [_cer(reader, *one) if one[0] else None for one in sets for reader in (before, after)]
    return Figures(*rates)


def _cer(reader: TextRecognizer, pictures: list[np.ndarray], texts: list[str]) -> float:
    read = [reading.text for reading in reader.read_grey(pictures)]
    return sum(map(Levenshtein.distance, read, texts)) / sum(map(len, texts))
