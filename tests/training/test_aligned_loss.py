import pytest
import torch

from text_recognizer.alphabet import ALPHABET, PADDING
from text_recognizer.data.synthesis.compose import Lines
from text_recognizer.models import LineReader
from text_recognizer.training.recognition import LineRecognition

PAD = ALPHABET.index(PADDING)


@pytest.fixture
def recognition():
    torch.manual_seed(0)
    model = LineReader(input_shape=(1, 40, 256), conv_dim=8, context_dim=16, context_blocks=1)
    return LineRecognition(model, ALPHABET, input_width=256, target_length=8).eval()


def lines(width):
    targets = torch.full((1, 8), PAD)
    targets[0, :2] = torch.tensor([11, 12])
    boxes = torch.zeros(1, 8, 2)
    boxes[0, :2] = torch.tensor([[4, 20], [24, 40]])
    images = torch.zeros(1, 1, 40, width)
    images[..., :48] = torch.rand(1, 1, 40, 48, generator=torch.Generator().manual_seed(1))
    return Lines(images, targets, torch.tensor([48]), torch.tensor([2]), boxes)


def test_the_reader_starts_with_aligned_labels_and_goes_on_with_ctc(recognition):
    recognition.train()
    recognition.model.eval()
    aligned = recognition.loss_and_update(lines(64), None)
    recognition.progress = 0.5
    ctc = recognition.loss_and_update(lines(64), None)
    recognition.eval()
    recognition.progress = 0.0
    assert recognition.loss_and_update(lines(64), None) == ctc != aligned


@pytest.mark.parametrize("progress", [0.0, 0.5])
def test_padding_does_not_count(recognition, progress):
    recognition.progress = progress
    recognition.training = True
    losses = [recognition.loss_and_update(lines(width), None).item() for width in (96, 256)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)


def test_padding_is_not_read(recognition):
    logits = torch.zeros(1, 83, 6)
    logits[0, 11, :2] = logits[0, 0, 2] = logits[0, 11, 3] = logits[0, 12, 4:] = 5.0
    assert recognition.predict(logits, torch.tensor([4]))[0].tolist() == [11, 11, PAD, PAD, PAD, PAD]
