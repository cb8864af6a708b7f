"""Bias correction makes mean outputs equal; the mean of a clipped normal is the integral."""

import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

from bench_core.fusion.linear_layer import LinearLayer
from bench_core.quantization.bias_correction import analytic, clipped_mean, empirical
from bench_core.quantization.clip import NO_ACTIVATION, RELU, RELU6, Clip
from bench_core.quantization.coverage import coverage
from bench_core.quantization.pre_activation import PreActivation
from tests.fusion.linear_layers import SIDE, UNTIMED, along, images, layers, magnitudes, run

seeds = st.integers(0, 2**31)


def coarse(weight: torch.Tensor) -> torch.Tensor:
    """Rounded to a few levels, half the time to 0."""
    step = weight.abs().max() / 4
    return (weight / step).round() * step


def channel_means(y: torch.Tensor) -> torch.Tensor:
    return y.transpose(0, 1).flatten(1).mean(1)


@UNTIMED
@given(layers(), seeds)
def test_empirical_correction_makes_the_means_equal(layer, seed):
    x = images(layer, seed)
    quantised = replace(layer, weight=coarse(layer.weight))
    y = run(layer, x)
    bias = empirical(channel_means(y), channel_means(run(quantised, x)), layer.bias)
    error = channel_means(run(replace(quantised, bias=bias), x)) - channel_means(y)
    terms = run(magnitudes(layer), x.abs()) + run(magnitudes(quantised), x.abs())
    assert (error.abs() <= 1e-12 * channel_means(terms)).all()


@UNTIMED
@given(layers(), seeds, st.integers(1, 3), st.integers(0, 1))
def test_analytic_correction_makes_the_means_equal(layer, seed, stride, padding):
    """Padded, strided and transposed: for inputs whose mean is the same at every position."""
    noise = images(layer, seed)
    mean = channel_means(noise)
    x = along(mean, noise) + torch.cat([noise, -noise])
    axes = layer.weight.ndim - 2
    padding = padding if all(k > 2 for k in layer.weight.shape[2:]) else 0
    geometry = {"stride": [stride] * axes, "padding": [padding] * axes, "dilation": [1] * axes}
    y = run(layer, x, **geometry)
    share = coverage(
        [SIDE] * axes,
        y.shape[2:],
        layer.weight.shape[2:],
        **geometry,
        transposed=layer.channel_axis == 1,
    )
    quantised = replace(layer, weight=coarse(layer.weight))
    bias = analytic(layer, quantised.weight, mean, share)
    error = channel_means(run(replace(quantised, bias=bias), x, **geometry)) - channel_means(y)
    terms = sum(run(magnitudes(one), x.abs(), **geometry) for one in (layer, quantised))
    assert (error.abs() <= 1e-12 * channel_means(terms)).all()


@UNTIMED
@given(layers(transposed=False), seeds)
def test_without_padding_no_coverage_is_needed(layer, seed):
    mean = images(layer, seed, batch=1, side=1).flatten()
    full = torch.ones(layer.weight.shape[2:])
    weight = coarse(layer.weight)
    assert torch.equal(analytic(layer, weight, mean), analytic(layer, weight, mean, full))


def test_the_papers_formula_for_a_linear_layer():
    layer = LinearLayer(torch.tensor([[1.0, 2.0], [3.0, 4.0]]), torch.tensor([10.0, 20.0]))
    quantised = torch.tensor([[1.5, 2.0], [3.0, 3.0]])
    assert analytic(layer, quantised, torch.tensor([2.0, 4.0])).tolist() == [9, 24]
    assert layer.bias.tolist() == [10, 20]


def test_a_layer_without_bias_gets_one():
    float_mean, quantised_mean = torch.tensor([1.0]), torch.tensor([3.0])
    assert empirical(float_mean, quantised_mean, None).tolist() == [-2]
    assert empirical(float_mean, quantised_mean, torch.tensor([5.0])).tolist() == [3]
    bare = LinearLayer(torch.ones(1, 1))
    assert analytic(bare, torch.full((1, 1), 2.0), torch.tensor([3.0])).tolist() == [-3]


def test_a_transposed_kernel_needs_its_coverage():
    layer = LinearLayer(torch.ones(1, 1, 2), channel_axis=1)
    with pytest.raises(ValueError, match="coverage"):
        analytic(layer, layer.weight, torch.ones(1))


def integrated(mean: float, std: float, low: float, high: float) -> float:
    """∫ clip(x) of the normal density, from kink to kink; beyond 12 σ there is 4e-33 of it."""
    ends = [min(max((bound - mean) / std, -12), 12) for bound in (low, high)]

    def value(t):
        return min(max(mean + std * t, low), high) * stats.norm.pdf(t)

    pieces = [(-12, ends[0]), (ends[0], ends[1]), (ends[1], 12)]
    # Halved, so that a narrow bump in a wide piece is not stepped over.
    halves = [h for a, b in pieces for h in ((a, (a + b) / 2), ((a + b) / 2, b))]
    return math.fsum(integrate.quad(value, a, b, epsabs=1e-13)[0] for a, b in halves if a < b)


@UNTIMED
@given(
    st.floats(-20, 20),
    st.floats(0.01, 20),
    st.sampled_from([NO_ACTIVATION, RELU, RELU6, Clip(torch.tensor(-1.0), torch.tensor(2.5))]),
)
def test_the_mean_of_a_clipped_normal_is_the_integral(mean, std, activation):
    pre = PreActivation(
        torch.tensor([mean], dtype=torch.float64), torch.tensor([std], dtype=torch.float64)
    )
    expected = integrated(mean, std, activation.low.item(), activation.high.item())
    found = clipped_mean(pre, activation).item()
    # The integral's own error, absolute for numbers up to 12 · 20.
    assert found == pytest.approx(expected, rel=1e-9, abs=1e-10)


@UNTIMED
@given(st.floats(-1e30, 1e30), st.floats(0, 1e30), st.sampled_from([RELU, RELU6]))
def test_the_mean_lies_within_the_clip(mean, std, activation):
    pre = PreActivation(torch.tensor([mean]), torch.tensor([std]))
    found = clipped_mean(pre, activation)
    assert activation.low <= found <= activation.high


@UNTIMED
@given(st.floats(-100, 100))
def test_a_constant_channel_is_clipped(value):
    pre = PreActivation(torch.tensor([value], dtype=torch.float64), torch.zeros(1).double())
    assert clipped_mean(pre, RELU6).item() == pytest.approx(min(max(value, 0), 6), abs=1e-13)


def test_one_ceiling_per_channel():
    """After equalisation: the mean is divided as everything else is."""
    pre = PreActivation(torch.tensor([3.0, 5.0]).double(), torch.tensor([2.0, 1.0]).double())
    s = torch.tensor([4.0, 0.25]).double()
    divided = clipped_mean(pre.divided(s), RELU6.divided(s))
    torch.testing.assert_close(divided, clipped_mean(pre, RELU6) / s, rtol=1e-12, atol=0)
