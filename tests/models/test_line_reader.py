import pytest
import torch

from text_recognizer.models import LineReader


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return LineReader(input_shape=(1, 40, 128), conv_dim=8, context_dim=16, context_blocks=3).eval()


@pytest.mark.parametrize("width", [1, 4, 63, 128, 1001])
def test_reads_any_width(model, width):
    assert model(torch.rand(2, 1, 40, width)).shape == (2, 83, model.output_length(width))


def test_reads_the_height_it_was_built_for():
    model = LineReader(input_shape=(1, 28, 128), conv_dim=8, context_dim=16, context_blocks=1)
    assert model(torch.rand(1, 1, 28, 56)).shape == (1, 83, 14)


def test_a_step_depends_on_its_neighbourhood_alone(model):
    line = torch.rand(1, 1, 40, 400)
    changed = line.clone()
    changed[..., 300:] = 0
    difference = (model(line) - model(changed)).abs().amax(dim=1)[0]
    assert difference[:40].max() == 0
    assert difference[75:].max() > 0


def test_the_shipped_size_fits_the_package():
    assert sum(parameter.numel() for parameter in LineReader().parameters()) * 2 < 4_000_000
