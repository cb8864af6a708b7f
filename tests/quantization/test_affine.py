"""The corners of quantising: what each number is defined to become, and what is refused."""

import math

import pytest
import torch

from bench_core.quantization.affine import (
    Grid,
    QuantParams,
    dequantize,
    fake_quantize,
    params_from_range,
    quantize,
)

U8 = Grid(8, signed=False)
FLOATS = [torch.float16, torch.bfloat16, torch.float32, torch.float64]


def params(scale: float, zero_point: int = 0, grid: Grid = Grid()) -> QuantParams:
    return QuantParams(torch.tensor(scale), torch.tensor(zero_point, dtype=torch.int32), grid)


@pytest.mark.parametrize("dtype", FLOATS)
def test_halves_go_to_the_even_step_before_the_zero_point_is_added(dtype):
    x = torch.tensor([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5], dtype=dtype)
    assert quantize(x, params(1.0, 3)).tolist() == [1, 1, 3, 3, 5, 5]


@pytest.mark.parametrize("dtype", FLOATS)
def test_infinity_saturates(dtype):
    x = torch.tensor([-math.inf, math.inf], dtype=dtype)
    assert quantize(x, params(0.5, 10, U8)).tolist() == [0, 255]
    assert fake_quantize(x, params(0.5, 10, U8)).tolist() == [-5.0, 122.5]


def test_what_overflows_when_divided_saturates():
    assert quantize(torch.tensor([-1e38, 1e38]), params(2.0**-126)).tolist() == [-128, 127]


@pytest.mark.parametrize("dtype", FLOATS)
def test_nan_has_no_integer(dtype):
    with pytest.raises(ValueError, match="found NaN"):
        quantize(torch.tensor([0.0, math.nan], dtype=dtype), params(1.0))


@pytest.mark.parametrize("dtype", FLOATS)
def test_nan_stays_nan_when_it_stays_float(dtype):
    fake = fake_quantize(torch.tensor([math.nan, 1.0], dtype=dtype), params(1.0))
    assert fake.isnan().tolist() == [True, False]


@pytest.mark.parametrize("dtype", FLOATS)
def test_nothing_gives_nothing(dtype):
    x = torch.empty(0, 3, dtype=dtype)
    per_channel = params_from_range(-torch.ones(3), torch.ones(3), U8, symmetric=False, axis=1)
    for one in (params(1.0), per_channel):
        q = quantize(x, one)
        assert (q.shape, q.dtype) == (x.shape, one.grid.dtype)
        assert dequantize(q, one).shape == x.shape
        assert (fake_quantize(x, one).shape, fake_quantize(x, one).dtype) == (x.shape, dtype)


def test_subnormal_numbers_are_numbers():
    least = 2.0**-149
    assert quantize(torch.tensor([-least, least]), params(1.0)).tolist() == [0, 0]
    # A scale that only flushing arithmetic would take for 0.
    assert quantize(torch.tensor([3 * least]), params(least)).tolist() == [3]
    assert dequantize(torch.tensor([3]), params(least)).tolist() == [3 * least]


def test_half_precision_is_not_divided_in_half_precision():
    # From 2048 on float16 has even numbers only.
    x, scale = torch.tensor([100.0], dtype=torch.float16), 100 / 3003
    assert quantize(x, params(scale, 0, Grid(16))).item() == 3003


@pytest.mark.parametrize("dtype", FLOATS)
def test_dequantizing_rounds_to_the_dtype_asked_for_at_the_end(dtype):
    q, one = torch.tensor([-128, -1, 0, 1, 127]), params(0.1, 1)
    exact = (q - 1).double() * one.scale.double()
    found = dequantize(q, one, dtype)
    assert found.dtype == dtype
    # The product is rounded to float32 first, which moves no tie of these to the other side.
    assert torch.equal(found, exact.to(dtype))


def test_what_exceeds_the_dtype_is_infinite():
    one = params(1000.0)
    assert dequantize(torch.tensor([-128, 127]), one, torch.float16).tolist() == [
        -math.inf,
        math.inf,
    ]


def test_integers_are_refused():
    for function in (quantize, fake_quantize):
        with pytest.raises(ValueError, match=r"expected floats to quantise, found torch\.int64"):
            function(torch.tensor([1]), params(1.0))


def test_what_is_quantised_is_a_constant_to_autograd():
    x = torch.ones(3, requires_grad=True)
    q = quantize(x, params(1.0))
    assert not q.requires_grad
    assert not dequantize(q, params(1.0)).requires_grad
