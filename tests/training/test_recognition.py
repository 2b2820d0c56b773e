import pytest
import torch

from text_recognizer.alphabet import ALPHABET, PADDING
from text_recognizer.errors import UsageError
from text_recognizer.models import LineCNN
from text_recognizer.training.recognition import CharacterRecognition, LineRecognition, one_cycle


def test_schedule_rises_and_falls() -> None:
    factors = [one_cycle(step / 100) for step in range(101)]
    peak = factors.index(max(factors))
    assert factors[peak] == pytest.approx(1.0, abs=0.01)
    assert factors[:peak] == sorted(factors[:peak])
    assert factors[peak:] == sorted(factors[peak:], reverse=True)
    assert factors[100] > 0


def test_cross_entropy_needs_one_output_per_position_and_names_ctc() -> None:
    model = LineCNN(input_shape=(1, 28, 28 * 8), window_stride=8)
    with pytest.raises(UsageError, match="--loss ctc"):
        LineRecognition(model, ALPHABET, input_width=28 * 8, target_length=8)


def test_ctc_needs_at_least_as_many_outputs_as_characters() -> None:
    model = LineCNN(input_shape=(1, 28, 28 * 8), window_stride=56)
    with pytest.raises(UsageError, match="window_stride"):
        LineRecognition(model, ALPHABET, input_width=28 * 8, target_length=8, loss="ctc")


def test_ctc_paths_collapse_to_padded_texts() -> None:
    model = LineCNN(input_shape=(1, 28, 28 * 8), window_stride=8)
    recognition = LineRecognition(model, ALPHABET, input_width=28 * 8, target_length=5, loss="ctc")
    a, b = ALPHABET.encode("ab")
    path = torch.tensor([[a, a, 0, a, b, 0, 0], [0, 0, 0, 0, 0, 0, 0]])
    logits = torch.nn.functional.one_hot(path, len(ALPHABET)).float().transpose(1, 2)
    pad = ALPHABET.index(PADDING)
    steps = torch.tensor([7, 7])
    assert recognition.predict(logits, steps).tolist() == [[a, a, b, pad, pad, pad, pad], [pad] * 7]
    assert recognition.predict(logits, torch.tensor([4, 7]))[0].tolist() == [a, a, *[pad] * 5]


def test_reading_is_predicting_without_dropout_or_padding() -> None:
    torch.manual_seed(0)
    model = LineCNN(input_shape=(1, 28, 28 * 8), window_stride=8)
    recognition = LineRecognition(model, ALPHABET, input_width=28 * 8, target_length=8, loss="ctc")
    images = torch.rand(2, 1, 28, 28 * 8)
    texts = recognition.read(images)
    assert recognition.read(images) == texts
    assert any(texts)
    assert recognition.training  # training goes on as it was
    assert recognition.read(images, torch.tensor([1, 28 * 8]))[1] == texts[1]
    assert len(recognition.read(images, torch.tensor([1, 28 * 8]))[0]) <= 1
    pad = ALPHABET.index(PADDING)
    assert recognition.references(torch.tensor([[*ALPHABET.encode("a b"), pad]])) == ["a b"]


def test_a_character_is_read_as_the_most_likely_token() -> None:
    recognition = CharacterRecognition(torch.nn.Flatten(), ALPHABET)
    images = torch.nn.functional.one_hot(torch.tensor(ALPHABET.encode("aB")), len(ALPHABET)).view(2, 1, 1, -1)
    assert recognition.read(images) == ["a", "B"]


@pytest.mark.parametrize(
    "flag",
    [{"lr": 0.0}, {"lr": float("nan")}, {"weight_decay": -1.0}, {"one_cycle_total_steps": 0}, {"label_smoothing": 1.0}],
)
def test_impossible_values_are_refused(flag: dict[str, float]) -> None:
    model = LineCNN(input_shape=(1, 28, 28 * 8))
    with pytest.raises(UsageError, match=next(iter(flag))):
        LineRecognition(model, ALPHABET, input_width=28 * 8, target_length=8, **flag)
