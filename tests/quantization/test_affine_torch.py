"""Against torch's fake quantisation, which multiplies by 1 / scale and adds before it rounds."""

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from bench_core.quantization.affine import Grid, QuantParams, fake_quantize
from tests.quantization.grids import ROUNDING, placed, spread

few = settings(max_examples=150, deadline=None)
layouts = ("tensor", "channel")


def by_torch(x: Tensor, params: QuantParams) -> Tensor:
    ends = (params.grid.quant_min, params.grid.quant_max)
    if params.axis is None:
        return torch.fake_quantize_per_tensor_affine(x, params.scale, params.zero_point, *ends)
    axis = params.axis % x.ndim
    return torch.fake_quantize_per_channel_affine(x, params.scale, params.zero_point, axis, *ends)


@few
@given(placed(layouts=layouts))
def test_it_differs_by_one_step_and_only_where_float32_cannot_tell_the_half(case):
    x, params = case
    scale, zero_point = (spread(p, params, x.shape) for p in (params.scale, params.zero_point))
    ours, theirs = (np.rint(f(x, params).numpy() / scale) for f in (fake_quantize, by_torch))
    assert (np.abs(ours - theirs) <= 1).all()
    exact = x.double().numpy() / scale
    # fl(fl(x · fl(1 / s)) + z): two roundings of x / s, one of the sum. Ours: one of x / s.
    # 2⁻³⁰ pays for their products and for what float64 itself rounds.
    sum_rounding = np.abs(exact + zero_point) * ROUNDING
    error = (2 * np.abs(exact) * ROUNDING + sum_rounding) * (1 + 2.0**-20) + 2.0**-30
    from_half = np.abs(exact - np.floor(exact) - 0.5)
    assert (from_half <= error)[ours != theirs].all()


clear = st.integers(-(2**18), 2**18).map(lambda n: n // 3 + (n % 3 - 1) / 4)
"""Steps that are whole or a quarter off: at 2¹⁷ steps float32 errs by less than another quarter."""


@few
@given(placed(layouts=layouts, steps=clear))
def test_off_the_halves_it_is_the_same_number_and_the_same_gradient(case):
    x, params = case
    values, gradients = [], []
    for function in (fake_quantize, by_torch):
        leaf = x.clone().requires_grad_()
        y = function(leaf, params)
        # A gradient that tells elements apart, and is no 1.
        y.backward(torch.arange(2.0, x.numel() + 2).reshape(x.shape))
        values.append(y.detach())
        gradients.append(leaf.grad)
    assert torch.equal(*values)
    assert torch.equal(*gradients)


def test_the_gradient_is_1_on_the_grid_and_0_beyond():
    params = QuantParams(torch.tensor(0.5), torch.tensor(1, dtype=torch.int32), Grid(4))
    # The grid is −8 … 7, that is −4.5 … 3.0; what is rounded to an end is still on it.
    x = torch.tensor([-np.inf, -9.0, -4.8, -4.7, 0.0, 3.2, 3.3, np.inf, np.nan], requires_grad=True)
    fake_quantize(x, params).sum().backward()
    assert x.grad.tolist() == [0, 0, 0, 1, 1, 1, 0, 0, 0]


def test_a_gradient_flows_in_half_precision_and_in_groups():
    ones = torch.ones(2, 2)
    params = QuantParams(ones, torch.zeros(2, 2, dtype=torch.int32), Grid(4), axis=1, group=2)
    for dtype in (torch.float16, torch.bfloat16, torch.float64):
        x = torch.tensor([[-20, -8, 7, 20], [0, 9, 1, -9]], dtype=dtype, requires_grad=True)
        y = fake_quantize(x, params)
        y.sum().backward()
        assert (y.dtype, x.grad.dtype) == (dtype, dtype)
        assert x.grad.tolist() == [[0, 1, 1, 0], [1, 0, 1, 0]]
