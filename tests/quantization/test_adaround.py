"""AdaRound: which integers it may choose, against nearest rounding, and against every choice."""

import itertools
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from bench_core.quantization.adaround import adaround
from bench_core.quantization.affine import Grid, dequantize, params_from_range, quantize
from bench_core.quantization.patches import Convolution
from bench_core.quantization.reconstruction import Layer

LINEAR = Layer()
SHORT = {"iterations": 30, "batch": 32}
"""Enough to move, too few to converge: for what must hold of any result."""

THOROUGH = {"iterations": 300, "batch": 128}


def normal(seed, *shape):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, dtype=torch.float64, generator=generator)


def correlated(seed, rows, inputs, noise=0.1):
    """Inputs that mostly lie in a third of the directions, as activations do."""
    hidden = normal(seed, rows, max(1, inputs // 3)) @ normal(seed + 1, max(1, inputs // 3), inputs)
    return hidden + noise * normal(seed + 2, rows, inputs)


def spread(weight, bits, *, signed=True, symmetric=True, axis=None, share=1.0):
    """Parameters for `share` of the weight's range; below 1, some of it saturates."""
    flat = weight.flatten() if axis is None else weight.movedim(axis, 0).flatten(1)
    low, high = (share * end for end in flat.aminmax(dim=-1))
    return params_from_range(low, high, Grid(bits, signed=signed), symmetric=symmetric, axis=axis)


@st.composite
def layers(draw):
    """A layer of any kind: its weight, channel axis, inputs and outputs."""
    seed, batch = draw(st.integers(0, 999)), draw(st.integers(2, 9))
    kind = draw(st.sampled_from(["linear", "grouped", "depthwise", "transposed"]))
    bias = normal(seed + 2, 4) if draw(st.booleans()) else None
    activation = draw(st.sampled_from([None, torch.relu]))
    if kind == "linear":
        weight, x = normal(seed, 4, 6), normal(seed + 1, batch, 3, 6)
        return weight, 0, Layer(bias, None, activation), x, F.linear(x, weight, bias)
    if kind == "transposed":
        weight, x = normal(seed, 4, 2, 3), normal(seed + 1, batch, 4, 5)
        layer = Layer(bias, Convolution((2,), (1,), (1,), 2, True, (1,)), activation)
        return weight, 1, layer, x, F.conv_transpose1d(x, weight, bias, 2, 1, 1, 2)
    groups = 4 if kind == "depthwise" else 2
    weight, x = normal(seed, 4, 4 // groups, 2, 2), normal(seed + 1, batch, 4, 4, 4)
    layer = Layer(bias, Convolution((1, 1), (0, 0), (1, 1), groups), activation)
    return weight, 0, layer, x, F.conv2d(x, weight, bias, groups=groups)


@given(layers(), st.integers(2, 8), st.booleans(), st.booleans(), st.booleans(), st.floats(0.5, 1))
@settings(max_examples=20, deadline=None)
def test_it_rounds_down_or_up_inside_the_grid_and_is_never_worse(
    drawn, bits, signed, symmetric, per_channel, share
):
    weight, axis, layer, x, y = drawn
    axis = axis if per_channel else None
    params = spread(weight, bits, signed=signed, symmetric=symmetric, axis=axis, share=share)
    found = adaround(weight, params, layer, x, y, **SHORT)
    assert found.q.dtype == params.grid.dtype and found.q.shape == weight.shape
    assert found.q.min() >= params.grid.quant_min and found.q.max() <= params.grid.quant_max
    nearest = quantize(weight, params)
    value, nearest_value = (dequantize(q, params, torch.float64) for q in (found.q, nearest))
    steps = found.q.int() - nearest.int()
    # To the other neighbour, which lies across the weight, or not at all.
    across = (nearest_value < weight).int() - (nearest_value > weight).int()
    assert ((steps == 0) | (steps == across)).all()
    assert found.error <= found.nearest_error
    assert (found.kept == "nearest") == (found.error == found.nearest_error)
    assert found.kept == "adaround" or torch.equal(found.q, nearest)
    assert (value - weight).abs().max() <= (nearest_value - weight).abs().max() + params.scale.max()


@given(layers(), st.integers(0, 5), st.integers(-9, 9))
@settings(max_examples=6, deadline=None)
def test_the_seed_decides_and_the_unit_of_the_data_does_not(drawn, seed, power):
    weight, _, layer, x, y = drawn
    params = spread(weight, 4)
    first, again = (adaround(weight, params, layer, x, y, seed=seed, **SHORT) for _ in range(2))
    assert torch.equal(first.q, again.q) and first.error == again.error
    unit = 2.0**power
    bias = None if layer.bias is None else layer.bias * unit
    scaled = Layer(bias, layer.convolution, layer.activation)
    other = adaround(weight, params, scaled, x * unit, y * unit, seed=seed, **SHORT)
    assert torch.equal(other.q, first.q) and other.error == first.error * unit**2


def least(weight, x, params):
    """The smallest mean error of any rounding up or down, row by row: 2ⁿ for n weights."""
    step = float(params.scale)
    down = torch.floor(weight / step)
    ups = torch.tensor(list(itertools.product([0.0, 1.0], repeat=weight.shape[1]))).double()
    grid = params.grid
    total = 0.0
    for row, floor in zip(weight, down, strict=True):
        rounded = (floor + ups).clamp(grid.quant_min, grid.quant_max) * step
        total += float(((row - rounded) @ x.T).square().mean(1).min())
    return total


def mean_error(weight, q, params, x):
    rounded = dequantize(q, params, weight.dtype)
    return float(((weight - rounded) @ x.T).square().sum(0).mean())


def test_it_comes_near_the_best_of_every_choice():
    """Four rows of six 3-bit weights, 64 choices a row: most of the gap is closed."""
    excess = {"adaround": 0.0, "nearest": 0.0}
    for seed in range(6):
        weight, x = normal(seed, 4, 6), correlated(1000 + seed, 400, 6, noise=0.5)
        params = spread(weight, 3)
        found = adaround(weight, params, LINEAR, x, x @ weight.T, **THOROUGH)
        optimum = least(weight, x, params)
        for name, q in (("adaround", found.q), ("nearest", quantize(weight, params))):
            error = mean_error(weight, q, params, x)
            assert error >= optimum * (1 - 1e-9)
            excess[name] += error / optimum - 1
    # By the mean over the problems.
    assert excess["adaround"] < 0.3 * excess["nearest"]


@pytest.mark.parametrize("bits", [2, 4])
def test_on_inputs_it_never_saw_its_error_is_far_below_nearest_rounding(bits):
    ratios = []
    for seed in range(3):
        weight = normal(seed, 8, 24)
        x = correlated(1000 + seed, 600, 24)  # one source of both
        params = spread(weight, bits)
        found = adaround(weight, params, LINEAR, x[:400], x[:400] @ weight.T, **THOROUGH)
        nearest = quantize(weight, params)
        errors = [mean_error(weight, q, params, x[400:]) for q in (found.q, nearest)]
        ratios.append(errors[0] / errors[1])
    # In each of 3 problems, and by the geometric mean of the ratios.
    assert max(ratios) < 1
    assert math.exp(sum(map(math.log, ratios)) / len(ratios)) < 0.6


def test_it_makes_up_for_what_the_layers_before_lost():
    """Asymmetric: x̂ is x with a tenth missing; the outputs that count are those of x."""
    weight, x = normal(0, 8, 12), correlated(1, 400, 12)
    params = spread(weight, 4)
    found = adaround(weight, params, LINEAR, 0.9 * x, x @ weight.T, **THOROUGH)
    blind = adaround(weight, params, LINEAR, x, x @ weight.T, **THOROUGH)

    def error(q):
        return float((x @ weight.T - 0.9 * x @ dequantize(q, params, x.dtype).T).square().sum())

    assert error(found.q) < error(blind.q)


def test_what_the_activation_cuts_off_does_not_count():
    weight, x = normal(0, 4, 6), normal(1, 50, 6)
    y = x @ weight.T
    params = spread(weight, 3)
    silent = Layer(torch.full((4,), -1e3).double(), activation=torch.relu)
    found = adaround(weight, params, silent, x, y - 1e3, **SHORT)
    assert (found.error, found.nearest_error, found.kept) == (0.0, 0.0, "nearest")


def test_a_weight_on_the_grid_stays():
    weight = torch.tensor([[1.0, -2.0, 3.0]])
    params = params_from_range(torch.tensor(-3.0), torch.tensor(3.0), Grid(3), symmetric=True)
    x = torch.randn(20, 3)
    found = adaround(weight, params, LINEAR, x, x @ weight.T, **SHORT)
    assert found.q.tolist() == [[1, -2, 3]]
    assert found.kept == "nearest"


@pytest.mark.parametrize("mode", [torch.inference_mode, torch.no_grad])
def test_it_learns_where_the_caller_has_gradients_off_and_leaves_its_arguments(mode):
    layer, weight, x = Layer(normal(2, 4)), normal(0, 4, 6), correlated(1, 50, 6)
    expected = adaround(weight, spread(weight, 3), layer, x, x @ weight.T + layer.bias, **THOROUGH)
    assert expected.kept == "adaround"
    with mode():
        inside, bias = (t.clone() for t in (weight, layer.bias))
        y = x @ inside.T + bias
        found = adaround(inside, spread(inside, 3), Layer(bias), x.clone(), y, **THOROUGH)
        assert torch.equal(inside, weight)
    assert torch.equal(found.q, expected.q)
    assert not found.q.is_inference()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_half_precision_is_learnt_in_float32(dtype):
    weight, x = normal(0, 4, 6).to(dtype), correlated(1, 50, 6).to(dtype)
    found = adaround(
        weight.requires_grad_(), spread(weight.detach(), 3), LINEAR, x, x @ weight.T, **THOROUGH
    )
    assert found.error < found.nearest_error


def test_data_that_teach_nothing_are_refused():
    weight, params = torch.eye(3), spread(torch.eye(3), 4)
    x = torch.ones(5, 3)
    for few in (x[:0], x[:1]):
        with pytest.raises(ValueError, match=f"at least 2 items, .* found {len(few)}"):
            adaround(weight, params, LINEAR, few, few)
    for bad in (float("nan"), float("inf")):
        with pytest.raises(ValueError, match="NaN or inf"):
            adaround(weight, params, LINEAR, x * bad, x)
        with pytest.raises(ValueError, match="NaN or inf"):
            adaround(weight, params, LINEAR, x, x * bad)
        with pytest.raises(ValueError, match="NaN"):
            adaround(weight * float("nan"), params, LINEAR, x, x)
    with pytest.raises(ValueError, match=r"outputs \[5, 3\], found \[5, 3\] and \[4, 3\]"):
        adaround(weight, params, LINEAR, x, x[:4])
