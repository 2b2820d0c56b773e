"""What the course's notebooks of lab 2 do, in cells of our own, with the imports from ``text_recognizer.course``."""

import argparse
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from matplotlib.axes import Axes

from text_recognizer import course as pl
from text_recognizer.course import (
    CNN,
    EMNIST,
    MLP,
    MNIST,
    BaseLitModel,
    EMNISTLines,
    LineCNN,
    LineCNNLSTM,
    LineCNNSimple,
    LineReshapeCNN,
    SentenceGenerator,
)
from text_recognizer.errors import UsageError
from text_recognizer.training.recognition import CharacterRecognition, LineRecognition

BUILT_IN = {"glyphs": "strokes", "text": "builtin", "num_train": 64, "num_val": 32, "num_test": 32, "batch_size": 32}
QUIET = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False, "enable_model_summary": False}


def lines(**flags: Any) -> EMNISTLines:
    data = EMNISTLines(argparse.Namespace(model_class="LineCNN", max_epochs=5, **BUILT_IN | flags))
    data.prepare_data()
    data.setup()
    return data


@pytest.fixture(scope="module")
def short_lines() -> EMNISTLines:
    return lines(max_length=16, max_overlap=0)


def shown(image: torch.Tensor, title: str) -> Axes:
    axes = plt.figure().add_subplot()
    axes.imshow(image.squeeze(), cmap="gray")
    axes.set_title(title)
    plt.close("all")
    return axes


def test_sentences_are_drawn() -> None:
    generator = SentenceGenerator(text="builtin")
    sentences = [generator.generate(max_length=16) for _ in range(20)]
    assert all(0 < len(sentence) <= 16 for sentence in sentences)
    assert len(set(sentences)) > 10
    assert len(SentenceGenerator(5, text="builtin").generate()) <= 5
    with pytest.raises(UsageError, match="max_length"):
        generator.generate()


def test_lines_take_a_namespace_with_the_flags_of_everything(short_lines: EMNISTLines) -> None:
    assert (short_lines.dims, short_lines.num_classes) == ((1, 28, 448), 83)
    assert "sizes: train 64, val 32, test 32" in repr(short_lines)
    assert short_lines.mapping[:5] == ["<B>", "<S>", "<E>", "<P>", "0"]
    longer = lines(max_length=34, max_overlap=0.33)
    assert longer.data_train[0][0].shape == (1, 28, 952)
    assert longer.style.max_overlap == 0.33


def test_examples_are_looked_at(short_lines: EMNISTLines) -> None:
    image, label = short_lines.data_train[np.random.default_rng(0).integers(len(short_lines.data_train))]
    assert (image.dtype, label.shape) == (torch.float32, (16,))
    text = "".join([short_lines.mapping[i] for i in label])
    assert text.endswith("<P><P>")
    assert shown(image, text).get_title() == text


def test_a_batch_and_the_share_of_padding(short_lines: EMNISTLines) -> None:
    x, y = next(iter(short_lines.train_dataloader()))
    assert (x.shape, x.dtype, float(x.min()), float(x.max())) == ((32, 1, 28, 448), torch.float32, 0.0, 1.0)
    assert (y.shape, y.dtype) == ((32, 16), torch.int64)
    padding = short_lines.emnist.inverse_mapping["<P>"]
    assert 0.3 < torch.sum(y == padding) / y.numel() < 0.7


@pytest.mark.parametrize("model_class", [LineReshapeCNN, LineCNN, LineCNNSimple, LineCNNLSTM])
def test_line_models_take_the_config(model_class: Any, short_lines: EMNISTLines) -> None:
    x, _ = next(iter(short_lines.test_dataloader()))
    assert model_class(data_config=short_lines.config())(x).shape == (32, 83, 16)
    assert model_class(short_lines.config())(x[:1]).shape == (1, 83, 16)
    assert model_class(input_dims=short_lines.dims, num_classes=short_lines.num_classes)(x).shape == (32, 83, 16)


def test_flags_of_a_model_come_from_the_namespace(short_lines: EMNISTLines) -> None:
    model = LineCNN(short_lines.config(), argparse.Namespace(window_stride=14, lr=0.1, conv_dim=8))
    assert (model.window_stride, model.features[0][0].out_channels) == (14, 4)


def test_a_line_model_learns_and_reads(short_lines: EMNISTLines, capsys: pytest.CaptureFixture[str]) -> None:
    model = LineCNN(data_config=short_lines.config())
    recognition = BaseLitModel(model=model, args=argparse.Namespace(lr=0.01, data_class="EMNISTLines"))
    assert isinstance(recognition, LineRecognition)
    assert recognition.lr == 0.01
    before = model.classifier.weight.clone()
    trainer = pl.Trainer(gpus=1, max_epochs=1, **QUIET)
    trainer.fit(recognition, datamodule=short_lines)
    assert not torch.equal(model.classifier.weight, before)
    if not torch.cuda.is_available():
        assert "no GPU" in capsys.readouterr().out
    image, _ = short_lines.data_test[0]
    read = model(image.unsqueeze(0)).argmax(1)[0]
    assert len("".join(short_lines.mapping[index] for index in read)) >= 16


def test_characters_are_learned_and_read(mirror: str) -> None:
    data = EMNIST()
    data.prepare_data()
    data.setup()
    model = CNN(data_config=data.config())
    recognition = BaseLitModel(model=model)
    assert isinstance(recognition, CharacterRecognition)
    pl.Trainer(gpus=0, max_epochs=1, limit_train_batches=20, limit_val_batches=2, **QUIET).fit(recognition, data)
    x, y = next(iter(data.test_dataloader()))
    assert (model(x).argmax(-1) == y).float().mean() > 0.05
    image, label = data.data_test[0]
    index = model(image.unsqueeze(0)).argmax(-1)
    assert shown(image.reshape(28, 28), f"{data.mapping[label]} {data.mapping[index]}").get_title()


def test_digits_have_their_own_mapping() -> None:
    assert BaseLitModel(MLP(MNIST().config())).alphabet.tokens == tuple("0123456789")


def test_what_else_a_notebook_takes_from_lightning_is_there() -> None:
    assert issubclass(pl.LightningModule, torch.nn.Module)
    assert issubclass(pl.callbacks.EarlyStopping, pl.Callback)
    with pytest.raises(AttributeError):
        pl.nothing_of_the_kind  # noqa: B018
