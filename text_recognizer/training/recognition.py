"""What is trained: a model, its loss, its optimiser and its metrics, as Lightning modules."""

from __future__ import annotations

import copy
import math
from pathlib import Path
from typing import Any, Literal, Self

import lightning as L
import torch
import torch.nn.functional as F
from lightning.pytorch.callbacks import Timer
from torch import Tensor, nn
from torchmetrics import Metric

from text_recognizer.alphabet import BLANK, PADDING, Alphabet
from text_recognizer.errors import UsageError, check_at_least
from text_recognizer.models import LineReshapeCNN
from text_recognizer.training.alignment import IGNORED, aligned_labels, line_steps
from text_recognizer.training.checkpoint import Checkpoint, Description
from text_recognizer.training.metrics import CharacterMetrics, LineMetrics

WARM_UP_SHARE = 0.15
START_FACTOR = 0.1
END_FACTOR = 0.001


def one_cycle(progress: float) -> float:
    """Factor of the peak learning rate: up linearly for the first 15 % of the training, then down along a cosine.

    A function of the progress alone, from 0 to 1 (Smith, "Super-convergence", 2018, with a cosine descent), so a
    resumed run with more epochs simply stretches it.
    """
    if progress < WARM_UP_SHARE:
        return START_FACTOR + (1 - START_FACTOR) * progress / WARM_UP_SHARE
    descent = (progress - WARM_UP_SHARE) / (1 - WARM_UP_SHARE)
    return END_FACTOR + (1 - END_FACTOR) * (1 + math.cos(math.pi * descent)) / 2


class Recognition(L.LightningModule):
    """Base of :class:`CharacterRecognition` and :class:`LineRecognition`.

    Attributes:
        held_norms: Those that keep what they know of pictures while the rest is trained.

    Args:
        model: What is trained.
        alphabet: What its classes mean.
        optimizer: Name of the optimiser. AdamW and SGD decay the weights of linear and convolutional layers.
        lr: Peak learning rate of the one-cycle schedule.
        one_cycle_max_lr: If given, replaces ``lr`` (the lab's flag).
        one_cycle_total_steps: Optimiser steps of the schedule; by default all steps of the training.
        weight_decay: Decoupled weight decay.
        label_smoothing: Share of each cross-entropy target that is spread over all classes.

    Raises:
        UsageError: If one of them has an impossible value.
    """

    def __init__(
        self,
        model: nn.Module,
        alphabet: Alphabet,
        *,
        optimizer: Literal["AdamW", "Adam", "SGD", "RMSprop"] = "AdamW",
        lr: float = 3e-3,
        one_cycle_max_lr: float | None = None,
        one_cycle_total_steps: int | None = None,
        weight_decay: float = 0.01,
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__()
        for name, value in (("lr", lr), ("one_cycle_max_lr", one_cycle_max_lr)):
            if value is not None and not 0 < value < math.inf:
                raise UsageError(f"--{name} is {value}, but a learning rate is above 0.")
        if one_cycle_total_steps is not None:
            check_at_least(1, one_cycle_total_steps=one_cycle_total_steps)
        if not 0 <= weight_decay < math.inf:
            raise UsageError(f"--weight_decay is {weight_decay}, but must be at least 0.")
        if not 0 <= label_smoothing < 1:
            raise UsageError(f"--label_smoothing is {label_smoothing}, but must be in [0, 1).")
        self.model = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.alphabet = alphabet
        self.optimizer = optimizer
        self.lr = lr if one_cycle_max_lr is None else one_cycle_max_lr
        self.one_cycle_total_steps = one_cycle_total_steps
        self.weight_decay = weight_decay
        self.label_smoothing = label_smoothing
        self.progress = 0.0
        self.held_norms: tuple[nn.Module, ...] = ()
        self.val_metrics = self.build_metrics()
        self.test_metrics = self.build_metrics()

    loss: str

    def hold(self, *, norms: bool, features: bool) -> None:
        """Leave parts of the model as they are: what its norms know of pictures, and its features with their norms.

        Raises:
            UsageError: If the features are to stay, but the model has none that are told apart.
        """
        if features and not isinstance(getattr(self.model, "features", None), nn.Module):
            raise UsageError(f"--freeze is features, but {type(self.model).__name__} has none that can be told apart.")
        if features:
            self.model.features.requires_grad_(False)
        held = self.model if norms else self.model.features if features else nn.Identity()
        self.held_norms = tuple(one for one in held.modules() if isinstance(one, nn.BatchNorm1d | nn.BatchNorm2d))

    def train(self, mode: bool = True) -> Self:
        super().train(mode)
        for norm in self.held_norms:
            norm.eval()
        return self

    def build_metrics(self) -> CharacterMetrics | LineMetrics:
        """A metric whose ``compute`` returns named figures, and that has a confusion matrix."""
        raise NotImplementedError

    def loss_and_update(self, batch: Any, metrics: Metric | None) -> Tensor:
        """Loss of a batch; its predictions are counted in ``metrics`` if given."""
        raise NotImplementedError

    def read(self, images: Tensor, widths: Tensor | None = None) -> list[str]:
        """What the model reads, in evaluation mode, in pictures (B, 1, H, W) in [0, 1].

        Of each picture ``widths`` (B,) columns count; by default all.
        """
        raise NotImplementedError

    def references(self, targets: Tensor) -> list[str]:
        """Texts of the targets of a batch, as :meth:`read` would give them."""
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.model(x.to(self.dtype))
        return y

    def evaluate(self, x: Tensor) -> Tensor:
        """What the model gives in evaluation mode; afterwards it is in the mode that it was in."""
        training = self.training
        y: Tensor = self.eval()(x)
        self.train(training)
        return y

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        loss = self.loss_and_update(batch, None)
        self.log("train_loss", loss, batch_size=len(batch.images))
        return loss

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        loss = self._evaluated(batch, self.val_metrics)
        self.log("val_loss", loss, prog_bar=True, batch_size=len(batch.images), sync_dist=True)

    def test_step(self, batch: Any, batch_idx: int) -> None:
        self._evaluated(batch, self.test_metrics)

    def predict_step(self, batch: Any, batch_idx: int) -> list[str]:
        """What the model reads in a batch."""
        return self.read(batch.images, batch.widths)

    def _evaluated(self, batch: Any, metrics: Metric) -> Tensor:
        """Loss of a batch. One of several processes may have none of the last examples."""
        return self.loss_and_update(batch, metrics) if len(batch.images) else torch.zeros((), device=self.device)

    def on_train_start(self) -> None:
        """Train in training mode, also a model that was loaded or has read."""
        self.train()

    def on_fit_end(self) -> None:
        """A trained model is there to read."""
        self.eval()

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        self.progress = self._progress_after(self.trainer.global_step)

    def on_validation_epoch_start(self) -> None:
        self.val_metrics.reset()

    def on_test_epoch_start(self) -> None:
        self.test_metrics.reset()

    def on_validation_epoch_end(self) -> None:
        self._log_figures("val", self.val_metrics)

    def on_test_epoch_end(self) -> None:
        self._log_figures("test", self.test_metrics)

    def _log_figures(self, split: str, metrics: Metric) -> None:
        figures = {f"{split}_{name}": value.float() for name, value in metrics.compute().items()}
        shown = ("val_acc", "val_cer")
        for name, value in figures.items():
            self.log(name, value, prog_bar=name in shown)

    def configure_optimizers(self) -> Any:
        decayed = [p for p in self.parameters() if p.ndim > 1]
        others = [p for p in self.parameters() if p.ndim <= 1]
        groups = [{"params": decayed, "weight_decay": self.weight_decay}, {"params": others, "weight_decay": 0.0}]
        extra = {"momentum": 0.9, "nesterov": True} if self.optimizer == "SGD" else {}
        optimizer = getattr(torch.optim, self.optimizer)(groups, lr=self.lr, **extra)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, self._factor)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def _factor(self, step: int) -> float:
        """Factor of the learning rate after ``step`` steps."""
        return one_cycle(self._progress_after(step))

    def _progress_after(self, step: int) -> float:
        """How far the training is after ``step`` steps, from 0 to 1; by the clock if that ends it sooner."""
        total_steps = self.one_cycle_total_steps or self.trainer.estimated_stepping_batches
        progress = min(1.0, step / max(1, total_steps))
        for timer in self.trainer.callbacks:  # type: ignore[attr-defined]
            if isinstance(timer, Timer) and (remaining := timer.time_remaining()) is not None:
                elapsed = timer.time_elapsed()
                by_clock = elapsed / max(1e-9, elapsed + remaining)
                progress = max(progress, self.trainer.strategy.broadcast(by_clock))  # clocks differ
        return progress

    @classmethod
    def load_from_checkpoint(cls, checkpoint_path: Any, **ignored: Any) -> Recognition:  # type: ignore[override]
        """The same as :func:`load_run`: a checkpoint says itself how its model is built."""
        return load_run(checkpoint_path)


class CharacterRecognition(Recognition):
    """Trains a model that reads one character: logits (B, C).

    Args:
        model: What is trained.
        alphabet: What its classes mean.
        loss: ``cross_entropy``, the only one for single characters.
    """

    def __init__(
        self,
        model: nn.Module,
        alphabet: Alphabet,
        *,
        loss: Literal["cross_entropy"] = "cross_entropy",
        **optimization: Any,
    ) -> None:
        super().__init__(model, alphabet, **optimization)
        self.loss = loss

    def build_metrics(self) -> CharacterMetrics | LineMetrics:
        return CharacterMetrics(self.alphabet)

    def loss_and_update(self, batch: Any, metrics: Metric | None) -> Tensor:
        logits, targets = self(batch.images), batch.targets
        if metrics is not None:
            metrics.update(logits, targets)
        return F.cross_entropy(logits, targets, label_smoothing=self.label_smoothing if self.training else 0.0)

    @torch.inference_mode()
    def read(self, images: Tensor, widths: Tensor | None = None) -> list[str]:
        return self.references(self.evaluate(images).argmax(dim=1))

    def references(self, targets: Tensor) -> list[str]:
        return [self.alphabet[index] for index in targets.tolist()]


class LineRecognition(Recognition):
    """Trains a model that reads a line: logits (B, C, S).

    Attributes:
        before: The model as it was when :meth:`keep` was called, if it was; no part of what is trained and saved.

    Args:
        model: Has ``output_length(width)``, the S of a line of that width.
        alphabet: What its classes mean.
        input_width: Width of the data's lines in pixels; None if it differs from batch to batch.
        target_length: Length of the data's padded targets.
        loss: ``cross_entropy``, one output position per target position; ``ctc`` (Graves et al., 2006), any length; or
            ``aligned_ctc``, cross entropy at the characters' positions for the first third, then ctc. The default
            depends on the model: ``aligned_ctc`` for LineReader, ``cross_entropy`` for the others.
        aligned_share: With ``aligned_ctc``, the share of the training that uses cross entropy.

    Raises:
        UsageError: If the loss is cross_entropy and the model's output length is not the target length, or not always.
    """

    def __init__(
        self,
        model: nn.Module,
        alphabet: Alphabet,
        *,
        input_width: int | None,
        target_length: int,
        loss: Literal["cross_entropy", "ctc", "aligned_ctc"] | None = None,
        aligned_share: float = 1 / 3,
        **optimization: Any,
    ) -> None:
        super().__init__(model, alphabet, **optimization)
        self.before: tuple[nn.Module, ...] = ()
        self.loss = str(loss or getattr(model, "default_loss", "cross_entropy"))
        self._check_output_length(self.loss, input_width, target_length)
        self.aligned_share = aligned_share
        self.too_long: Tensor
        self.register_buffer("too_long", torch.zeros(2, dtype=torch.long), persistent=False)
        self.told_too_long = False
        self.blank = alphabet.index(BLANK)
        self.padding = alphabet.index(PADDING)

    def _check_output_length(self, loss: str, input_width: int | None, target_length: int) -> None:
        name = type(self.model).__name__
        if input_width is None:
            if loss == "cross_entropy":
                raise UsageError(
                    f"The lines of this data differ in width, so {name} gives a different number of outputs for each "
                    f"batch, but cross entropy needs {target_length}, one for each position of the targets. "
                    "Use --loss ctc, which aligns outputs and characters itself, or a --layout of cells."
                )
            return
        steps = self.model.output_length(input_width)
        outputs = f"{name} gives {steps} outputs for lines of {input_width} pixels"
        if loss == "cross_entropy" and steps != target_length:
            raise UsageError(
                f"{outputs}, but the targets hold {target_length} positions, and cross entropy needs one output for "
                "each. Use --loss ctc, which aligns outputs and characters itself, --limit_output_length, if there are "
                "too many, or other windows."
            )
        if loss != "cross_entropy" and steps < target_length:
            raise UsageError(
                f"{outputs}, fewer than the {target_length} characters (--max_length) that a target may hold."
                f"{self._remedy()}"
            )

    def keep(self) -> None:
        """From now on keep what the model gives for composed lines among labelled ones, whatever their texts.

        Li and Hoiem, "Learning without forgetting", 2016.
        """
        self.before = (copy.deepcopy(self.model).eval().requires_grad_(False),)

    def build_metrics(self) -> CharacterMetrics | LineMetrics:
        return LineMetrics(self.alphabet)

    def on_train_start(self) -> None:
        super().on_train_start()
        like = next(self.model.parameters())
        self.before = tuple(model.to(like.device, like.dtype) for model in self.before)
        self.too_long.zero_()
        self.told_too_long = False

    def on_train_epoch_end(self) -> None:
        """Say once how many lines of an epoch CTC could learn nothing from."""
        reduced: Any = self.trainer.strategy.reduce(self.too_long, reduce_op="sum")
        count, lines = reduced.tolist()
        self.too_long.zero_()
        if count and not self.told_too_long and self.trainer.is_global_zero:
            print(
                f"{count:,} of {lines:,} lines of epoch {self.current_epoch} have more text than outputs, and CTC "
                f"learns nothing from these.{self._remedy()}"
            )
        self.told_too_long |= count > 0

    def _remedy(self) -> str:
        if isinstance(self.model, LineReshapeCNN):
            return " --model_class=LineCNNSimple or LineCNN with a smaller --window_stride gives more outputs."
        return " A smaller --window_stride gives more outputs." if hasattr(self.model, "window_stride") else ""

    def loss_and_update(self, batch: Any, metrics: Metric | None) -> Tensor:
        targets = batch.targets
        logits = self(batch.images)  # (B, C, S)
        size = {"width": batch.images.shape[-1], "steps": logits.shape[2]}
        steps = line_steps(batch.widths, **size)
        if metrics is not None:
            metrics.update(self.predict(logits, steps), targets)
        if self.loss == "cross_entropy":
            return F.cross_entropy(logits, targets, label_smoothing=self.label_smoothing if self.training else 0.0)
        if self.loss == "aligned_ctc" and self.training and self.progress < self.aligned_share:
            labels = aligned_labels(targets, batch.boxes, blank=self.blank, **size)
            padding = torch.arange(logits.shape[2], device=steps.device) >= steps[:, None]
            return F.cross_entropy(logits, labels.masked_fill(padding, IGNORED), label_smoothing=self.label_smoothing)
        if self.training and self.before and batch.composed is not None:
            return self._loss_of_mixed(logits, steps, batch)
        return self._ctc_loss(logits, targets, steps, batch.lengths)

    def _loss_of_mixed(self, logits: Tensor, steps: Tensor, batch: Any) -> Tensor:
        """CTC loss of labelled lines, and for composed ones the divergence from what the model gave, by character."""
        composed, labelled = batch.composed, ~batch.composed
        loss = logits.new_zeros(())
        if labelled.any():
            loss = self._ctc_loss(logits[labelled], batch.targets[labelled], steps[labelled], batch.lengths[labelled])
        if composed.any():
            with torch.no_grad():
                known = self.before[0](batch.images[composed].to(self.dtype)).float().log_softmax(dim=1)
            loss = loss + forgotten(logits[composed], known, steps[composed], batch.lengths[composed])
        return loss

    def _ctc_loss(self, logits: Tensor, targets: Tensor, steps: Tensor, lengths: Tensor) -> Tensor:
        if self.training:
            too_long = steps < needed_steps(targets, lengths)
            self.too_long += torch.stack([too_long.sum(), torch.tensor(len(targets), device=steps.device)])
        log_probs = logits.float().log_softmax(dim=1).permute(2, 0, 1)  # (S, B, C)
        return F.ctc_loss(log_probs, targets, steps.cpu(), lengths.cpu(), blank=self.blank, zero_infinity=True)

    @torch.inference_mode()
    def read(self, images: Tensor, widths: Tensor | None = None) -> list[str]:
        logits = self.evaluate(images)  # (B, C, S)
        width, steps = images.shape[-1], logits.shape[2]
        widths = torch.full((len(images),), width, device=images.device) if widths is None else widths
        return self.references(self.predict(logits, line_steps(widths, width, steps)))

    def references(self, targets: Tensor) -> list[str]:
        return self.val_metrics.texts(targets)  # type: ignore[operator]

    def predict(self, logits: Tensor, steps: Tensor) -> Tensor:
        """Predicted indices (B, S), padded with ``<P>``, of logits (B, C, S), of which ``steps`` (B,) count."""
        best = logits.argmax(dim=1)
        if self.loss == "cross_entropy":
            return best
        predictions = torch.full_like(best, self.padding)
        for row, (path, count) in enumerate(zip(best, steps.tolist(), strict=True)):
            collapsed = torch.unique_consecutive(path[:count])
            kept = collapsed[collapsed != self.blank]
            predictions[row, : len(kept)] = kept
        return predictions


def forgotten(logits: Tensor, known: Tensor, steps: Tensor, lengths: Tensor) -> Tensor:
    """Divergence of what a model gives from what it gave before, by character, a scalar.

    Args:
        logits: What it gives, (B, C, S).
        known: What it gave, log probabilities (B, C, S).
        steps: int64 (B,), outputs that count.
        lengths: int64 (B,), characters.
    """
    within = torch.arange(logits.shape[2], device=steps.device) < steps[:, None]
    found = logits.float().log_softmax(dim=1)
    divergence = F.kl_div(found, known, log_target=True, reduction="none").sum(dim=1)  # (B, S)
    return (divergence * within).sum() / lengths.sum().clamp(min=1)


def needed_steps(targets: Tensor, lengths: Tensor) -> Tensor:
    """Outputs that CTC needs for each text, int64 (B,): one a character, and a blank between two that are equal.

    Args:
        targets: int64 (B, L), padded.
        lengths: int64 (B,), targets that are not padding.
    """
    pairs = torch.arange(1, targets.shape[1], device=targets.device) < lengths[:, None]
    return lengths + ((targets[:, 1:] == targets[:, :-1]) & pairs).sum(dim=1)


def load_run(path: str | Path) -> Recognition:
    """The model of a run.

    Args:
        path: Folder of the run, whose best checkpoint is taken, or a checkpoint.

    Raises:
        UserError: If there is none, or it is damaged.
    """
    folder = Path(path)
    best = folder / "best.ckpt" if (folder / "best.ckpt").exists() else folder / "last.ckpt"
    checkpoint = Checkpoint.load(str(best if folder.is_dir() else folder))
    return recognition_of(checkpoint.model(), checkpoint.description, checkpoint.loss)


def recognition_of(model: Any, description: Description, loss: Any) -> Recognition:
    """A trained model, in evaluation mode, with what ``description`` says of it and the loss that it learned with."""
    if not hasattr(model, "output_length"):
        return CharacterRecognition(model, description.alphabet).eval()
    width = description.model_args["input_shape"][2]
    sizes: dict[str, Any] = {"input_width": width, "target_length": model.output_length(width)}
    return LineRecognition(model, description.alphabet, **sizes, loss=loss).eval()
