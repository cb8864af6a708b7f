"""High-bias absorption: exact where pre-activations exceed what is absorbed, and only there."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bench_core.fusion.linear_layer import LinearLayer
from bench_core.quantization.absorption import absorb
from bench_core.quantization.pre_activation import PreActivation
from tests.fusion.linear_layers import UNTIMED, along, images, layers, magnitudes, run


@st.composite
def pairs(draw) -> tuple[LinearLayer, LinearLayer]:
    """The second reads what the first puts out, and has no transposed kernel."""
    first = draw(layers())
    dims = first.weight.ndim - 2
    second = draw(layers(dims, first.out_channels, transposed=False, kernels=(1, 2)))
    return first, second


def both(first: LinearLayer, second: LinearLayer, x: torch.Tensor) -> torch.Tensor:
    return run(second, run(first, x).relu())


@UNTIMED
@given(pairs(), st.integers(0, 2**31), st.floats(0.1, 10))
def test_outputs_are_those_of_max_z_c(pair, seed, deviations):
    """W₂ relu(z − c) + (b₂ + W₂ c) = W₂ max(z, c) + b₂, whatever the norm says."""
    first, second = pair
    x = images(first, seed)
    z = run(first, x)
    channels = z.transpose(0, 1).flatten(1)
    pre = PreActivation(channels.amax(1), channels.std(1))
    new_first, new_second, c = absorb(first, second, pre, deviations)
    assert (c >= 0).all()
    expected = run(second, torch.maximum(z.relu(), along(c, z)))
    sums = run(magnitudes(first), x.abs()) + along(c, z)
    error = both(new_first, new_second, x) - expected
    assert (error.abs() <= 1e-9 * run(magnitudes(second), sums)).all()


@UNTIMED
@given(pairs(), st.integers(0, 2**31), st.floats(0, 10))
def test_outputs_stay_where_pre_activations_exceed_c(pair, seed, deviations):
    """A norm whose β − n · γ is the least pre-activation of each channel."""
    first, second = pair
    x = images(first, seed)
    z = run(first, x)
    channels = z.transpose(0, 1).flatten(1)
    std = channels.std(1)
    pre = PreActivation(channels.amin(1) + deviations * std, std)
    new_first, new_second, _ = absorb(first, second, pre, deviations)
    error = both(new_first, new_second, x) - both(first, second, x)
    sums = run(magnitudes(first), x.abs()) + along(pre.mean.abs(), z)
    assert (error.abs() <= 1e-9 * run(magnitudes(second), sums)).all()


def test_below_c_it_is_not_exact():
    """z = 1 where 2 is absorbed: counted as 2."""
    first = LinearLayer(torch.ones(1, 1), torch.zeros(1))
    pre = PreActivation(torch.tensor([5.0]), torch.tensor([1.0]))
    new_first, new_second, c = absorb(first, LinearLayer(torch.ones(1, 1)), pre)
    assert c.item() == 2
    assert both(new_first, new_second, torch.ones(1, 1)).item() == 2


def test_a_bias_that_is_not_high_stays():
    """β < 3 · γ in one channel: nothing is absorbed there, and inputs stay untouched."""
    first = LinearLayer(torch.ones(2, 1), torch.tensor([9.0, 9.0]))
    second = LinearLayer(torch.ones(1, 2))
    pre = PreActivation(torch.tensor([9.0, 2.0]), torch.ones(2))
    new_first, new_second, c = absorb(first, second, pre)
    assert c.tolist() == [6, 0]
    assert new_first.bias.tolist() == [3, 9]
    assert new_second.bias.tolist() == [6]
    assert (first.bias.tolist(), second.bias) == ([9, 9], None)
    assert new_second.weight is second.weight


def test_padding_is_told_what_is_not_there():
    """Why a second layer must not pad: a tap beside the input sees 0, and is told c."""
    first = LinearLayer(torch.ones(1, 1, 1), torch.tensor([10.0]))
    second = LinearLayer(torch.ones(1, 1, 3))
    pre = PreActivation(torch.tensor([10.0]), torch.ones(1))
    new_first, new_second, _ = absorb(first, second, pre)
    hidden, new_hidden = (run(layer, torch.zeros(1, 1, 3)).relu() for layer in (first, new_first))
    error = run(new_second, new_hidden, padding=1) - run(second, hidden, padding=1)
    assert error.flatten().tolist() == [7, 0, 7]


def test_a_transposed_kernel_is_refused():
    pre = PreActivation(torch.ones(2), torch.ones(2))
    first = LinearLayer(torch.ones(2, 1, 1))
    with pytest.raises(ValueError, match="transposed"):
        absorb(first, LinearLayer(torch.ones(2, 1, 2), channel_axis=1), pre)
    absorb(first, LinearLayer(torch.ones(2, 1, 1), channel_axis=1), pre)
