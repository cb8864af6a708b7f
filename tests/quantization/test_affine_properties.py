"""What holds of every grid, every layout and every tensor."""

import numpy as np
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import Tensor

from bench_core.quantization.affine import QuantParams, dequantize, fake_quantize, quantize
from tests.quantization.grids import ROUNDING, grids, placed, scales, spread

few = settings(max_examples=60, deadline=None)
whole = placed(layouts=("tensor",))


def representable(x: Tensor, params: QuantParams) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Each element's scale, and the least and the greatest value that it can have.

    Exact in float64: 17 bits of a step times the 24 of a float32.
    """
    scale = spread(params.scale, params, x.shape)
    zero_point = spread(params.zero_point, params, x.shape)
    grid = params.grid
    return scale, (grid.quant_min - zero_point) * scale, (grid.quant_max - zero_point) * scale


@few
@given(placed())
def test_inside_the_representable_range_it_errs_by_half_a_step(case):
    x, params = case
    scale, lowest, highest = representable(x, params)
    x_hat = dequantize(quantize(x, params), params).double().numpy()
    x = x.double().numpy()
    inside = (x >= lowest) & (x <= highest)
    # With u = ROUNDING: the division moves x by |x|·u before it is rounded, and the product
    # by |x̂|·u ≤ (|x| + scale / 2)·u + |x|·u². As |x| ≤ 2¹⁷·scale, the last is below scale·u / 2.
    bound = scale / 2 + (2 * np.abs(x) + scale) * ROUNDING
    assert (np.abs(x_hat - x) <= bound)[inside].all()


@few
@given(placed())
def test_outside_it_is_clamped_to_the_ends(case):
    x, params = case
    _, lowest, highest = representable(x, params)
    q, x = quantize(x, params).int().numpy(), x.double().numpy()
    assert (q[x <= lowest] == params.grid.quant_min).all()
    assert (q[x >= highest] == params.grid.quant_max).all()
    assert params.grid.quant_min <= q.min() <= q.max() <= params.grid.quant_max


@few
@given(placed())
def test_zero_is_exact(case):
    x, params = case
    q = quantize(torch.zeros_like(x), params)
    assert (q.int().numpy() == spread(params.zero_point, params, x.shape)).all()
    assert torch.equal(dequantize(q, params), torch.zeros_like(x))


@few
@given(grids, scales, st.data())
def test_every_point_of_the_grid_comes_back(grid, scale, data):
    zero_point = data.draw(st.integers(grid.quant_min, grid.quant_max))
    params = QuantParams(torch.tensor(scale), torch.tensor(zero_point, dtype=torch.int32), grid)
    every = torch.arange(grid.quant_min, grid.quant_max + 1)
    for dtype in (torch.float32, torch.float64):
        q = quantize(dequantize(every.to(grid.dtype), params, dtype), params)
        assert torch.equal(q.long(), every)


@few
@given(placed())
def test_twice_is_once(case):
    x, params = case
    once = fake_quantize(x, params)
    assert torch.equal(fake_quantize(once, params), once)


@few
@given(whole)
def test_it_never_decreases(case):
    x, params = case
    q = quantize(x.flatten().sort().values, params).int()
    assert (q.diff() >= 0).all()


@few
@given(placed(layouts=("channel", "group")))
def test_per_channel_and_per_group_are_stacks_of_per_tensor(case):
    x, params = case
    scale, zero_point = (spread(p, params, x.shape) for p in (params.scale, params.zero_point))
    q = quantize(x, params)
    x_hat = dequantize(q, params)
    for index in np.ndindex(*x.shape):
        alone = QuantParams(
            torch.tensor(scale[index], dtype=torch.float32),
            torch.tensor(zero_point[index], dtype=torch.int32),
            params.grid,
        )
        assert q[index].item() == quantize(x[index], alone).item()
        assert x_hat[index].item() == dequantize(q[index], alone).item()


@few
@given(placed(), st.sampled_from([torch.float16, torch.bfloat16]))
def test_half_precision_is_quantised_as_the_same_numbers_in_float32(case, dtype):
    x, params = case
    x = x.to(dtype)
    assume(not x.isnan().any())
    assert torch.equal(quantize(x, params).int(), quantize(x.float(), params).int())


@few
@given(placed(), st.sampled_from([torch.float16, torch.bfloat16, torch.float32, torch.float64]))
def test_fake_quantize_is_quantize_and_dequantize(case, dtype):
    x, params = case
    x = x.to(dtype)
    expected = dequantize(quantize(x, params), params, dtype)
    assert torch.equal(fake_quantize(x, params), expected)


@few
@given(placed())
def test_what_goes_in_is_left_as_it_was(case):
    x, params = case
    # As floats as well: there no cast stands between what is given and what is written to.
    q = quantize(x, params)
    given = [x, params.scale, params.zero_point, q, q.float()]
    copies = [t.clone() for t in given]
    quantize(x, params)
    fake_quantize(x, params)
    dequantize(given[3], params)
    dequantize(given[4], params)
    assert all(map(torch.equal, given, copies))


@few
@given(placed())
def test_float64_is_divided_in_float64(case):
    x, params = case
    # Off a half step by less than float32 can tell: there, and only there, the two differ.
    scale, zero_point = (spread(p, params, x.shape) for p in (params.scale, params.zero_point))
    x64 = x.double() * (1 + 2.0**-40)
    grid = params.grid
    steps = np.rint(x64.numpy() / scale) + zero_point
    expected = steps.clip(grid.quant_min, grid.quant_max)
    assert (quantize(x64, params).int().numpy() == expected).all()
