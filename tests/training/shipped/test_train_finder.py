from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from text_recognizer.models.line_finder import LineFinder
from text_recognizer.training.shipped import train_finder
from text_recognizer.training.shipped.train_finder import finder_loss


def batch() -> tuple[Tensor, Tensor]:
    torch.manual_seed(0)
    images = torch.rand(2, 1, 64, 64)
    bands = torch.zeros(2, 3, 16, 16)
    bands[:, 0, 6:10], bands[:, 1, 6:10] = 1, 2.5
    return images, bands


def test_right_answers_cost_nothing_and_wrong_ones_do() -> None:
    bands = batch()[1]
    right = bands.clone()
    right[:, 0] = 40 * bands[:, 0] - 20
    assert finder_loss(right, bands).max() < 1e-6
    assert (finder_loss(-right, bands)[:2] > 1).all()


def test_cells_that_do_not_count_cost_nothing() -> None:
    bands = batch()[1]
    right = bands.clone()
    right[:, 0] = 40 * bands[:, 0] - 20
    bands[:, 0, 6] = -1
    right[:, 0, 6] = -20
    assert finder_loss(right, bands).max() < 1e-6


def test_what_was_learned_until_the_last_check_outlives_an_interruption(
    tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(train_finder, "_SECONDS_BETWEEN_CHECKS", 0)
    model, file = LineFinder(channels=(4, 4, 4, 4, 4)), tmp_path / "finder.pt"
    before = {name: value.clone() for name, value in model.state_dict().items()}

    def batches() -> Iterator[tuple[Tensor, Tensor]]:
        yield batch()
        yield batch()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_finder._fit(model, batches(), [batch()], 1.0, 1e-3, 5, file)
    kept = torch.load(file, weights_only=True)
    assert kept["steps"] == 7
    assert any((kept["model"][name] != value).any() for name, value in before.items())
