"""GPTQ against the update that it re-arranges, round to nearest, and the optimum."""

import itertools
import math
from unittest.mock import patch

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bench_core.quantization import gptq as module
from bench_core.quantization.affine import Grid, QuantParams, dequantize, quantize
from bench_core.quantization.gptq import gptq
from bench_core.quantization.rtn import group_params, rtn

INT4 = Grid(4, signed=True)
SEEDS = range(20)

grids = st.sampled_from([INT4, Grid(4, signed=False), Grid(2), Grid(8)])


def normal(seed, *shape, dtype=torch.float64):
    return torch.randn(*shape, dtype=dtype, generator=torch.Generator().manual_seed(seed))


def correlated(seed, rows, inputs):
    """Inputs that mostly lie in a third of the directions, as activations do."""
    hidden = normal(seed, rows, max(1, inputs // 3)) @ normal(seed + 1, max(1, inputs // 3), inputs)
    return hidden + 0.1 * normal(seed + 2, rows, inputs)


def output_error(weight, x, q, params):
    return float(((weight - dequantize(q, params, weight.dtype)) @ x.T).square().sum())


@st.composite
def problems(draw):
    """A weight, inputs, a group size."""
    group, groups, out = (draw(st.integers(1, high)) for high in (12, 4, 4))
    seed, inputs = draw(st.integers(0, 999)), group * groups
    return normal(seed, out, inputs), correlated(seed + 1, draw(st.integers(1, 40)), inputs), group


def one_column_at_a_time(weight, hessian, grid, group, symmetric):
    """Optimal Brain Quantization in a fixed order, the inverse updated by each column: O(in³) each.

    Source: Frantar et al. 2022, arXiv:2210.17323, §3, eq. 2 and 3.
    """
    left, inputs = weight.clone(), weight.shape[1]
    damped = hessian + 0.01 * hessian.diagonal().mean() * torch.eye(inputs, dtype=hessian.dtype)
    inverse, q = torch.linalg.inv(damped), []
    for j in range(inputs):
        if j % group == 0:
            params = group_params(left[:, j : j + group], grid, group=group, symmetric=symmetric)
            rows = QuantParams(params.scale[:, 0], params.zero_point[:, 0], grid, axis=0)
        q.append(quantize(left[:, j], rows))
        change = (left[:, j] - dequantize(q[-1], rows, left.dtype)) / inverse[j, j]
        left -= torch.outer(change, inverse[j])
        inverse -= torch.outer(inverse[:, j], inverse[j]) / inverse[j, j]
    return torch.stack(q, 1), left


@given(problems(), grids, st.booleans(), st.integers(1, 9))
@settings(max_examples=60, deadline=None)
def test_it_is_the_column_by_column_update_whatever_the_block(problem, grid, symmetric, block):
    weight, x, group = problem
    hessian = 2 * x.T @ x
    expected, left = one_column_at_a_time(weight, hessian, grid, group, symmetric)
    with patch.object(module, "BLOCK", block):
        q, params = gptq(weight, hessian, grid, group=group, symmetric=symmetric)
    assert torch.equal(q, expected)
    # `left` ends as the rounded weight itself. Damped, H has a condition of at most 100 · in.
    torch.testing.assert_close(dequantize(q, params, torch.float64), left, rtol=0, atol=1e-9)


@given(problems(), grids, st.booleans(), st.sampled_from([torch.float32, torch.float64]))
@settings(max_examples=50, deadline=None)
def test_uncorrelated_inputs_make_it_round_to_nearest_exactly(problem, grid, symmetric, dtype):
    weight, x, group = problem
    weight = weight.to(dtype)
    expected, expected_params = rtn(weight, grid, group=group, symmetric=symmetric)
    diagonal = (2 * x.T @ x).diagonal()
    for hessian in (torch.eye(len(diagonal)), diagonal.diag(), torch.zeros(2 * diagonal.shape)):
        q, params = gptq(weight, hessian, grid, group=group, symmetric=symmetric)
        assert torch.equal(q, expected) and torch.equal(params.scale, expected_params.scale)
        assert torch.equal(params.zero_point, expected_params.zero_point)


@given(problems(), grids, st.integers(-20, 20))
@settings(max_examples=30, deadline=None)
def test_rows_do_not_know_of_each_other_nor_of_the_units_of_the_input(problem, grid, power):
    weight, x, group = problem
    hessian = 2 * x.T @ x
    q, _ = gptq(weight, hessian, grid, group=group, symmetric=True)
    turned, _ = gptq(weight.flip(0), hessian * 4.0**power, grid, group=group, symmetric=True)
    assert torch.equal(turned.flip(0), q)
    alone, _ = gptq(weight[:1], hessian, grid, group=group, symmetric=True)
    assert torch.equal(alone, q[:1])


@pytest.mark.parametrize("symmetric", [True, False])
def test_on_correlated_inputs_its_error_is_far_below_round_to_nearest(symmetric):
    ratios = []
    for seed in SEEDS:
        weight, x = normal(seed, 8, 64), correlated(1000 + seed, 256, 64)
        errors = [
            output_error(weight, x, *found)
            for found in (
                gptq(weight, 2 * x.T @ x, INT4, symmetric=symmetric),
                rtn(weight, INT4, symmetric=symmetric),
            )
        ]
        ratios.append(errors[0] / errors[1])
    # In every one of 20 problems, and by the geometric mean of the 20 ratios.
    assert max(ratios) < 1
    assert math.exp(sum(map(math.log, ratios)) / len(ratios)) < 0.5


def best(weight, x, params):
    """The smallest error of any integers: 4ⁿ of them for a row of n 2-bit weights."""
    choices = torch.tensor(list(itertools.product(range(-2, 2), repeat=weight.shape[1])))
    total = 0.0
    for row, scale in zip(weight, params.scale[:, 0], strict=True):
        errors = ((row - choices * scale.double()) @ x.T).square().sum(1)
        total += float(errors.min())
    return total


def test_on_three_columns_of_two_bits_it_is_near_the_optimum():
    """Three columns, one group: its integers cannot beat brute force, and close most of the gap."""
    excess = {"gptq": 0.0, "nearest": 0.0}
    for seed in range(100):
        weight, x = normal(seed, 2, 3), correlated(1000 + seed, 30, 3)
        grid = Grid(2, signed=True)
        nearest = rtn(weight, grid, group=3, symmetric=True)
        found = gptq(weight, 2 * x.T @ x, grid, group=3, symmetric=True)
        optimum = best(weight, x, nearest[1])
        for name, rounded in (("gptq", found), ("nearest", nearest)):
            error = output_error(weight, x, *rounded)
            assert error >= optimum * (1 - 1e-12)
            excess[name] += error - optimum
    assert excess["gptq"] < 0.5 * excess["nearest"]


def test_a_dead_input_is_rounded_to_nearest_and_moves_no_other():
    weight, x = normal(0, 4, 6), correlated(1, 50, 6)
    x[:, 2] = 0
    q, _ = gptq(weight, 2 * x.T @ x, INT4, group=6, symmetric=True)
    assert torch.equal(q[:, 2], rtn(weight, INT4, group=6, symmetric=True)[0][:, 2])
    other = weight.clone()
    other[:, 2] /= 2  # still inside the range
    again, _ = gptq(other, 2 * x.T @ x, INT4, group=6, symmetric=True)
    kept = [0, 1, 3, 4, 5]
    assert torch.equal(again[:, kept], q[:, kept])


@pytest.mark.parametrize("symmetric", [True, False])
def test_columns_of_zeros_that_fill_the_last_group_change_nothing(symmetric):
    weight, x = normal(0, 4, 11), correlated(1, 50, 11)
    q, params = gptq(weight, 2 * x.T @ x, INT4, group=11, symmetric=symmetric)
    weight, x = (torch.nn.functional.pad(t, (0, 5)) for t in (weight, x))
    padded, padded_params = gptq(weight, 2 * x.T @ x, INT4, group=16, symmetric=symmetric)
    assert torch.equal(padded[:, :11], q) and torch.equal(padded_params.scale, params.scale)
    assert (dequantize(padded, padded_params)[:, 11:] == 0).all()


def test_one_input_seen_once():
    q, params = gptq(torch.tensor([[0.7], [-0.2]]), torch.ones(1, 1), INT4, group=1, symmetric=True)
    assert q.tolist() == [[7], [-7]]
    torch.testing.assert_close(dequantize(q, params), torch.tensor([[0.7], [-0.2]]))


def test_its_arguments_stay_as_they_are():
    weight, x = normal(0, 4, 8), normal(1, 10, 8)
    hessian = 2 * x.T @ x
    hessian[3], hessian[:, 3] = 0, 0
    before = weight.clone(), hessian.clone()
    gptq(weight.requires_grad_(), hessian, INT4, group=4, symmetric=False)
    assert torch.equal(weight, before[0]) and torch.equal(hessian, before[1])


def test_what_is_no_hessian_is_refused():
    weight = torch.ones(2, 2)

    def tried(hessian, weight=weight):
        return gptq(weight, torch.tensor(hessian), INT4, group=2, symmetric=True)

    with pytest.raises(ValueError, match=r"a hessian \[2, 2\] .* found \[1, 1\]"):
        tried([[1.0]])
    for bad in (float("nan"), float("inf")):
        with pytest.raises(ValueError, match="found NaN, inf"):
            tried([[1.0, bad], [bad, 1.0]])
    with pytest.raises(ValueError, match="negative diagonal"):
        tried([[1.0, 0.0], [0.0, -1.0]])
    with pytest.raises(ValueError, match="not positive definite"):
        tried([[1.0, 2.0], [2.0, 1.0]])
    with pytest.raises(ValueError, match="finite"):
        tried([[1.0, 0.0], [0.0, 1.0]], torch.tensor([[1.0, float("nan")]]))
    with pytest.raises(ValueError, match="whole groups"):
        gptq(torch.ones(2, 3), torch.eye(3), INT4, group=2, symmetric=True)
