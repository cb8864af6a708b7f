"""The error that AdaRound lowers is that of torch's own layer."""

import pytest
import torch
from torch.nn import functional as F

from bench_core.quantization.patches import Convolution, patches
from bench_core.quantization.reconstruction import Layer, reconstruction


@pytest.mark.parametrize("activation", [None, torch.relu])
@pytest.mark.parametrize("biased", [True, False])
def test_the_error_is_that_of_torchs_convolution(activation, biased):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(3, 4, 5, 5, generator=generator).double()
    weight = torch.randn(6, 2, 3, 3, generator=generator).double()
    bias = torch.randn(6, generator=generator).double() if biased else None

    def convolved(weight):
        return F.conv2d(x, weight, bias, stride=2, padding=1, groups=2)

    convolution = Convolution((2, 2), (1, 1), (1, 1), groups=2)
    data = patches(x, convolved(weight), weight, convolution)
    layer = Layer(bias, convolution, activation)
    sampled = reconstruction(layer, data, torch.arange(3), 1000, x.dtype, generator)
    other = weight.round()
    f = activation or (lambda y: y)
    expected = (f(convolved(other)) - f(convolved(weight))).square().sum(1).mean()
    # 27 positions, 6 outputs and 18 products each: 2,916 roundings of 2⁻⁵³ at the most.
    assert float(sampled.error(other)) == pytest.approx(float(expected), rel=1e-12)
    assert float(sampled.error(weight)) == pytest.approx(0, abs=1e-24)


@pytest.mark.parametrize(("size", "parts"), [(1, 10), (3, 3), (7, 1), (10, 1), (11, 1)])
def test_batches_are_all_of_the_positions_in_equal_parts(size, parts):
    x = torch.arange(10.0)[:, None]
    data = patches(x, x, torch.eye(1), None)
    whole = reconstruction(
        Layer(), data, torch.arange(10), 1000, x.dtype, torch.Generator().manual_seed(0)
    )
    batches = whole.batches(size)
    assert len(batches) == parts
    assert torch.equal(torch.cat([batch.y for batch in batches]), whole.y)
    assert torch.equal(torch.cat([batch.x for batch in batches], 1), whole.x)
    assert min(len(batch.y) for batch in batches) >= min(size, 10)
