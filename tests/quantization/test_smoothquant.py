"""SmoothQuant: the paper's formula, what it balances, and what that buys."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bench_core.quantization.affine import Grid, fake_quantize, params_from_range
from bench_core.quantization.input_scaling import scale_inputs
from bench_core.quantization.smoothquant import smoothing

maxima = st.floats(1e-6, 1e6)


@st.composite
def problems(draw):
    """The maxima of an activation, and the weights of one to three layers that read it."""
    channels = draw(st.integers(1, 6))
    largest = draw(st.lists(maxima, min_size=channels, max_size=channels))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 999)))
    weights = [
        torch.randn(draw(st.integers(1, 4)), channels, dtype=torch.float64, generator=generator)
        for _ in range(draw(st.integers(1, 3)))
    ]
    return torch.tensor(largest, dtype=torch.float64), weights


@given(problems(), st.floats(0, 1))
@settings(max_examples=50, deadline=None)
def test_it_is_the_papers_formula_over_all_that_read_the_input(problem, alpha):
    activation_max, weights = problem
    weight_max = torch.cat(weights).abs().max(0).values
    expected = activation_max.pow(alpha) / weight_max.pow(1 - alpha)
    torch.testing.assert_close(
        smoothing(activation_max, weights, alpha), expected, rtol=1e-12, atol=0
    )


@given(problems())
@settings(max_examples=50, deadline=None)
def test_a_half_makes_both_sides_of_every_channel_equally_large(problem):
    activation_max, weights = problem
    scale = smoothing(activation_max, weights)
    widest = torch.cat([scale_inputs(weight, scale) for weight in weights]).abs().amax(0)
    torch.testing.assert_close(activation_max / scale, widest, rtol=1e-12, atol=0)


@given(problems())
@settings(max_examples=30, deadline=None)
def test_the_ends_leave_the_weights_or_the_activation_at_1(problem):
    activation_max, weights = problem
    one = torch.ones_like(activation_max)
    of_weights = torch.cat(weights) * smoothing(activation_max, weights, alpha=0.0)
    torch.testing.assert_close(of_weights.abs().amax(0), one, rtol=1e-12, atol=0)
    of_activation = activation_max / smoothing(activation_max, weights, alpha=1.0)
    torch.testing.assert_close(of_activation, one, rtol=1e-12, atol=0)


def test_a_channel_dead_on_either_side_is_left_alone():
    weight = torch.tensor([[1.0, 0.0, 2.0, 1e-45], [4.0, 0.0, -2.0, 0.0]])
    scale = smoothing(torch.tensor([1.0, 5.0, 0.0, 7.0]), [weight])
    assert scale.tolist() == [0.5, 1.0, 1.0, 1.0]
    assert smoothing(torch.tensor([1e-45, 4.0, 4.0, 4.0]), [weight])[0] == 1


def test_outliers_cost_less_afterwards():
    """One channel of 64 is 100 times larger, as in the paper's figure 4: W8A8, per tensor."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(512, 64, generator=generator)
    x[:, 7] *= 100
    weight = torch.randn(32, 64, generator=generator)
    scale = smoothing(x.abs().amax(0), [weight])

    def rounded(t):
        grid = Grid(8, signed=True, narrow=True)
        return fake_quantize(t, params_from_range(t.min(), t.max(), grid, symmetric=True))

    def sqnr_db(x_hat, weight_hat):
        y, noise = x @ weight.T, x @ weight.T - x_hat @ weight_hat.T
        return float(10 * torch.log10(y.square().sum() / noise.square().sum()))

    plain = sqnr_db(rounded(x), rounded(weight))
    smoothed = sqnr_db(rounded(x / scale), rounded(scale_inputs(weight, scale)))
    assert smoothed > plain + 6


def test_what_has_no_maxima_is_refused():
    one, weight = torch.ones(2), torch.ones(3, 2)
    with pytest.raises(ValueError, match="found no weights"):
        smoothing(one, [])
    with pytest.raises(ValueError, match=r"activation_max \[2\], found \[3, 2\], \[2, 3\]"):
        smoothing(one, [weight, weight.T])
    for alpha in (-0.1, 1.1, float("nan")):
        with pytest.raises(ValueError, match="between 0 and 1"):
            smoothing(one, [weight], alpha)
    for bad in (float("nan"), float("inf")):
        with pytest.raises(ValueError, match="activation_max with finite maxima"):
            smoothing(torch.tensor([1.0, bad]), [weight])
        with pytest.raises(ValueError, match="weights with finite maxima"):
            smoothing(one, [torch.full((3, 2), bad)])
    with pytest.raises(ValueError, match="activation_max with finite maxima"):
        smoothing(torch.tensor([1.0, -1.0]), [weight])
