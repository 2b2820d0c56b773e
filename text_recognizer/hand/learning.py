"""A reader learns one hand: lines of that hand, mixed with lines of others, teach the reader that ships.

Its features stay as they are, and what makes text of them is trained. What is trained is then averaged with what was
there before (Wortsman et al., "Robust fine-tuning of zero-shot models", 2022), by a share that lines which only choose
decide: so it learns one hand without forgetting the others.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from text_recognizer.alphabet import ALPHABET, READER_ALPHABET
from text_recognizer.data.glyphs.sources import VISIBLE_CHARACTERS
from text_recognizer.data.glyphs.strokes import draw_glyphs
from text_recognizer.data.glyphs.written import Characters, glyph_bank, sheared
from text_recognizer.data.sets.paper_lines import GLYPHS_ALONE, InkShares, PaperLineDataset
from text_recognizer.data.splits import SPLITS, Split
from text_recognizer.data.synthesis.compose import Lines, LineStyle, compose_lines, encode_texts
from text_recognizer.data.text.builtin import builtin_documents
from text_recognizer.evaluation.measures import cer
from text_recognizer.hand.file import About, Figures, HandFile
from text_recognizer.hand.samples import Samples
from text_recognizer.hand.style import style_of
from text_recognizer.reading.model_file import DEFAULT_MODEL, LineModel
from text_recognizer.reading.recognizer import TextRecognizer
from text_recognizer.training.export import read_model, verify, weights_of
from text_recognizer.training.recognition import LineRecognition, forgotten, one_cycle
from text_recognizer.training.weights import average, best_average

THREADS = 1
"""Of each computation: another number rounds otherwise, and learning shall be the same everywhere. And two threads that
wait for each other at every step become many times slower when a machine has other work to do."""


@dataclass(frozen=True)
class Recipe:
    """How a hand is learned.

    Attributes:
        steps: Steps of the optimiser. Learning takes one and a half to three minutes on two cores.
        own_lines: Lines of the hand in each step.
        other_lines: Lines of others in each step.
        keeping: Weight of giving for others what was given before, beside that of learning.
        lr: Learning rate at the peak of the one-cycle schedule.
        weight_decay: Decoupled weight decay.
        copies: Glyphs of each character, varied copies included.
        max_length: Length of the lines' targets.
        shares: Of what was learned, the shares that are tried; the rest is what was there before.
        choosing_lines: Lines of the hand, and of others, by which the share is chosen.
        testing_lines: Lines of the hand that are read before and after.
        most_forgotten: Rise of the character error rate on lines of others that is accepted.
    """

    steps: int = 220
    own_lines: int = 12
    other_lines: int = 8
    keeping: float = 1.0
    lr: float = 2e-3
    weight_decay: float = 0.01
    copies: int = 30
    max_length: int = 24
    shares: tuple[float, ...] = (0.0, 0.2, 0.3, 0.4, 0.6, 0.75)
    choosing_lines: int = 120
    testing_lines: int = 100
    most_forgotten: float = 0.03


T = TypeVar("T")
Phase = Literal["composing lines", "learning", "checking"]
Report = Callable[[Phase, float], None]
"""Is called with what is being done, and the share of all work that is done, from 0 to 1."""
_BEFORE, _AFTER = 0.08, 0.8
"""Shares of the work that are done when the steps begin, and when they end."""
_BUCKETED = 40
"""Batches whose lines are sorted by width together, so that little of a batch is padding."""


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
    old = read_model(DEFAULT_MODEL).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    new = _trained(old, material, report)
    report("checking", _AFTER)
    new = _chosen(old, new, material)
    report("checking", 0.87)
    weights = weights_of(new)
    model = LineModel(DEFAULT_MODEL, weights)
    verify(new, model, model.metadata.stride)
    report("checking", 0.95)
    figures = _figures(TextRecognizer(), TextRecognizer(model), material)
    report("checking", 1.0)
    return HandFile(About(figures, seed, *samples.written(), model.metadata), weights)


class _Material:
    """Lines to learn from, to choose by and to test on, with texts of their own; to test on, with characters too.

    What is tested on tells nothing of how the lines to learn from look.

    Attributes:
        words: Copied words to test on.
    """

    def __init__(self, samples: Samples, seed: int, recipe: Recipe) -> None:
        self.seed, self.recipe = seed, recipe
        seen, kept = split_copies(samples.characters, seed)
        seen_words, self.words = split_words(samples.lines, seed)
        handwriting = style_of(seen, seen_words)
        self._style = LineStyle("handwriting", handwriting=handwriting)
        slant = sum(handwriting.slant) / 2
        train, test = ([(character, sheared(picture, -slant)) for character, picture in part] for part in (seen, kept))
        drawn = {split: draw_glyphs(VISIBLE_CHARACTERS, 100, seed + k) for k, split in enumerate(SPLITS)}
        written = glyph_bank(train, recipe.copies, seed)
        self._own = {
            "train": written.completed_by(drawn["train"]),
            "val": written.completed_by(drawn["val"]),
            "test": glyph_bank(test).completed_by(drawn["test"]),
        }
        self._others = drawn
        self._tested = {character for character, _ in test}
        self._documents = builtin_documents(seed)

    def lines(self, split: Split, *, own: bool) -> PaperLineDataset:
        """Lines of the hand, or of others, on paper: pen strokes of many people, fonts and drawn characters."""
        return PaperLineDataset(
            split,
            (self._own if own else self._others)[split],
            self._documents,
            shares=GLYPHS_ALONE if own else InkShares(),
            fonts="builtin",
            pen="builtin",
            layouts=(self._style if own else LineStyle("handwriting"),),
            num_lines=1,
            max_length=self.recipe.max_length,
            seed=2 * self.seed + own,
        )

    def batches(self) -> Iterator[list[tuple[Lines, Lines]]]:
        """All batches to learn from, as tensors, some at a time: lines of the hand, and of others."""
        own, others = self.lines("train", own=True), self.lines("train", own=False)
        for first in range(0, self.recipe.steps, _BUCKETED):
            count = min(_BUCKETED, self.recipe.steps - first)
            numbers = [
                _by_width(lines, np.arange(first * size, (first + count) * size), count)
                for lines, size in ((own, self.recipe.own_lines), (others, self.recipe.other_lines))
            ]
            pairs = list(zip(*numbers, strict=True))
            order = np.random.default_rng((self.seed, first)).permutation(count)
            yield [(_tensors(own.batch(pairs[k][0])), _tensors(others.batch(pairs[k][1]))) for k in order]

    def choosing(self, *, own: bool) -> Iterator[Lines]:
        """Batches by which the share is chosen, as tensors."""
        lines, count = self.lines("val", own=own), self.recipe.choosing_lines
        for numbers in _by_width(lines, np.arange(count), -(-count // self.recipe.own_lines)):
            yield _tensors(lines.batch(numbers))

    def pictures(self) -> tuple[list[np.ndarray], list[str]]:
        """Pictures, dark on light, and texts of lines of the hand to test on, of tested characters alone."""
        lines, size = self.lines("test", own=True), self.recipe.testing_lines
        planned = [lines.plan(number).text for number in range(4 * size)]
        texts = [text for text in planned if text and set(text) <= self._tested | {" "}][:size]
        if not texts:
            return [], []
        composed = compose_lines(
            lines.bank, *encode_texts(texts), self._style, seed=self.seed, indices=np.arange(len(texts))
        )
        pairs = zip(composed.images, composed.widths, strict=True)
        return [np.pad(255 - image[:, :width], 8, constant_values=255) for image, width in pairs], texts


def split_copies(characters: Characters, seed: int) -> tuple[Characters, Characters]:
    """What was written, in two parts: to learn from, and to test on, one copy of each character that has several."""
    train, test = [], []
    for character in dict.fromkeys(character for character, _ in characters):
        own = [one for one in characters if one[0] == character]
        order = np.random.default_rng((seed, ALPHABET.index(character))).permutation(len(own))
        kept = order[:1] if len(own) > 1 else order[:0]
        test += [own[number] for number in kept]
        train += [own[number] for number in order[len(kept) :]]
    return train, test


def split_words(words: Characters, seed: int) -> tuple[Characters, Characters]:
    """Copied words, in two parts: those that tell the gaps of the hand, and at least as many to test on."""
    order = np.random.default_rng((seed, len(ALPHABET))).permutation(len(words))
    half = len(words) // 2
    return [words[number] for number in order[:half]], [words[number] for number in order[half:]]


def _by_width(lines: PaperLineDataset, numbers: np.ndarray, batches: int) -> list[np.ndarray]:
    """Numbers of lines in batches of nearly equal size, each batch's lines of similar width."""
    return np.array_split(numbers[np.argsort(lines.widths(numbers), kind="stable")], batches)


def _tensors(lines: Lines) -> Lines:
    """The same as tensors, pictures as a model takes them."""
    images = torch.from_numpy(lines.images).unsqueeze(1).float() / 255
    return Lines(images.to(memory_format=torch.channels_last), *map(torch.from_numpy, lines[1:]))


class _Head(nn.Sequential):
    """The part of a reader that is trained, from features (B, C, H, S) to logits (B, classes, S), with its weights."""

    def __init__(self, reader: Any) -> None:
        super().__init__(reader.steps, reader.context, reader.classifier, nn.Flatten(2))

    def output_length(self, width: int) -> int:
        return width


def _recognition(reader: nn.Module, recipe: Recipe) -> LineRecognition:
    """What computes the loss and counts the errors of a reader, in evaluation mode, by lines of features."""
    length = recipe.max_length
    return LineRecognition(_Head(reader), READER_ALPHABET, input_width=length, target_length=length, loss="ctc").eval()


@torch.no_grad()
def _features(reader: Any, lines: Lines) -> Lines:
    """Lines with features in place of pictures, and widths in their columns. No reader of a hand has others."""
    features = reader.features(lines.images)
    stride = lines.images.shape[-1] // features.shape[-1]
    return lines._replace(images=features, widths=-(-lines.widths // stride))


def _trained(old: nn.Module, material: _Material, report: Report) -> nn.Module:
    """A copy of a reader, trained in what comes after the features.

    Of lines of others it learns to give what it gave before (Li and Hoiem, "Learning without forgetting", 2016).
    Normalisation keeps its statistics: one hand's would mislead it.
    """
    recipe, step, reader = material.recipe, 0, copy.deepcopy(old)
    recognition = _recognition(reader, recipe)
    for layer in recognition.modules():
        layer.train(isinstance(layer, nn.Dropout | nn.Dropout2d))
    weights = list(recognition.parameters())
    optimizer = torch.optim.AdamW(weights, weight_decay=recipe.weight_decay)
    for batches in _ahead(_seen(old, material)):
        for own, others, known in batches:
            report("learning", _BEFORE + (_AFTER - _BEFORE) * step / recipe.steps)
            for group in optimizer.param_groups:
                group["lr"] = recipe.lr * one_cycle(step / recipe.steps)
            optimizer.zero_grad()
            lost = forgotten(recognition(others.images), known, others.widths, others.lengths)
            loss: Any = recognition.loss_and_update(own, None) + recipe.keeping * lost
            loss.backward()
            nn.utils.clip_grad_norm_(weights, 1.0)
            optimizer.step()
            step += 1
    return reader.eval()


def _seen(old: nn.Module, material: _Material) -> Iterator[list[tuple[Lines, Lines, Tensor]]]:
    """All batches, some at a time, as features: of the hand, of others, and what the reader gives for these now."""
    now = _recognition(old, material.recipe)
    for batches in material.batches():
        with torch.no_grad():
            seen = [(_features(old, own), _features(old, others)) for own, others in batches]
            known = [now(others.images).log_softmax(1) for _, others in seen]
        yield [(*pair, one) for pair, one in zip(seen, known, strict=True)]


def _ahead(items: Iterator[T]) -> Iterator[T]:
    """The same items, each made in a thread of its own while the one before is in use."""
    with ThreadPoolExecutor(1, initializer=torch.set_num_threads, initargs=(THREADS,)) as thread:
        coming = thread.submit(next, items, None)
        while (item := coming.result()) is not None:
            coming = thread.submit(next, items, None)
            yield item


def _chosen(old: nn.Module, new: nn.Module, material: _Material) -> nn.Module:
    """Of averages of the two, the one that reads the hand best among those that hardly read others worse."""
    recipe = material.recipe
    candidates = [_average(old, new, share) for share in recipe.shares]
    of_own, of_others = (
        _error_rates(candidates, [_features(old, lines) for lines in material.choosing(own=own)], recipe)
        for own in (True, False)
    )
    return candidates[best_average(of_own, of_others, recipe.most_forgotten)]


def _average(old: nn.Module, new: nn.Module, share: float) -> nn.Module:
    model = copy.deepcopy(old)
    model.load_state_dict(average(old.state_dict(), new.state_dict(), share))
    return model


@torch.inference_mode()
def _error_rates(readers: list[nn.Module], batches: list[Lines], recipe: Recipe) -> list[float]:
    """Character error rates of readers of the same features, on all batches together."""
    rates = []
    for recognition in (_recognition(reader, recipe) for reader in readers):
        metrics = recognition.build_metrics()
        for lines in batches:
            recognition.loss_and_update(lines, metrics)
        rates.append(float(metrics.compute()["cer"]))
    return rates


def _figures(before: TextRecognizer, after: TextRecognizer, material: _Material) -> Figures:
    """Error rates of both readers on lines of characters kept apart, and on copied words kept apart."""
    words = [np.pad(255 - picture, 8, constant_values=255) for _, picture in material.words]
    sets = (material.pictures(), (words, [text for text, _ in material.words]))
    rates = [
        cer([reading.text for reading in reader.read(pictures)], texts) if pictures else None
        for pictures, texts in sets
        for reader in (before, after)
    ]
    return Figures(*rates)
