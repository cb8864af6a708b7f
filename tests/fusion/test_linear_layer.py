"""Where channels lie, for every layout: against what torch does with the same weight."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bench_core.fusion.linear_layer import LinearLayer
from tests.fusion.linear_layers import UNTIMED, along, images, layers, magnitudes, normal, run

seeds = st.integers(0, 2**31)


@UNTIMED
@given(layers(), seeds)
def test_factors_of_outputs_are_factors_of_what_comes_out(layer, seed):
    x = images(layer, seed)
    factors = normal(seed + 1, layer.out_channels)
    y = run(layer, x)
    bound = run(magnitudes(layer), x.abs()) * along(factors.abs(), y)
    error = run(layer.times_out(factors), x) - y * along(factors, y)
    # Two roundings a product and a sum of at most some hundred: far below 1e-12 of the terms.
    assert (error.abs() <= 1e-12 * bound).all()


@UNTIMED
@given(layers(), seeds)
def test_factors_of_inputs_are_factors_of_what_goes_in(layer, seed):
    x = images(layer, seed)
    factors = normal(seed + 1, layer.in_channels)
    scaled = x * along(factors, x)
    bound = run(magnitudes(layer), scaled.abs())
    error = run(layer.times_in(factors), x) - run(layer, scaled)
    assert (error.abs() <= 1e-12 * bound).all()


@UNTIMED
@given(layers(), st.data())
def test_a_lone_weight_belongs_to_the_channels_that_it_joins(layer, data):
    """One weight that is not 0: torch says which input it reads and which output it reaches."""
    at = data.draw(st.integers(0, layer.weight.numel() - 1))
    weight = torch.zeros_like(layer.weight)
    weight.view(-1)[at] = -3.0
    lone = LinearLayer(weight, None, layer.channel_axis, layer.groups)
    x = images(lone, 0).requires_grad_()
    y = run(lone, x)
    y.sum().backward()
    positions = tuple(range(2, x.ndim))
    reaches = (y.detach() != 0).sum((0, *positions)) > 0
    reads = (x.grad != 0).sum((0, *positions)) > 0
    torch.testing.assert_close(lone.out_ranges, 3.0 * reaches.double(), rtol=0, atol=0)
    torch.testing.assert_close(lone.in_ranges, 3.0 * reads.double(), rtol=0, atol=0)
    assert reaches.sum() == reads.sum() == 1


@UNTIMED
@given(layers())
def test_ranges_are_of_the_whole_layer(layer):
    assert layer.out_ranges.shape == (layer.out_channels,)
    assert layer.in_ranges.shape == (layer.in_channels,)
    assert layer.out_ranges.max() == layer.in_ranges.max() == layer.weight.abs().max()


@UNTIMED
@given(layers(transposed=False), seeds)
def test_a_constant_input_gives_the_mean_output(layer, seed):
    mean = images(layer, seed, batch=1, side=1).flatten()
    x = along(mean, images(layer, 0)).expand_as(images(layer, 0))
    without_bias = LinearLayer(layer.weight, None, layer.channel_axis, layer.groups)
    y = run(without_bias, x)
    bound = run(magnitudes(without_bias), x.abs())
    assert ((along(layer.mean_output(mean), y) - y).abs() <= 1e-12 * bound).all()


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: LinearLayer(torch.ones(4)),
        lambda: LinearLayer(torch.ones(4, 3), channel_axis=2),
        lambda: LinearLayer(torch.ones(4, 3, 1), groups=3),
        lambda: LinearLayer(torch.ones(4, 3), torch.ones(3)),
        lambda: LinearLayer(torch.ones(4, 3, 1), torch.ones(4), channel_axis=1, groups=2),
        lambda: LinearLayer(torch.ones(4, 3, 2), channel_axis=1).mean_output(torch.ones(4)),
    ],
)
def test_shapes_that_do_not_fit_are_refused(wrong):
    with pytest.raises(ValueError, match="expected"):
        wrong()
