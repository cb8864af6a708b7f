"""The parameters that a range gives."""

import math

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from bench_core.quantization.affine import (
    LEAST_SCALE,
    Grid,
    QuantParams,
    dequantize,
    params_from_range,
    quantize,
)
from tests.quantization.grids import ROUNDING, grids

U8 = Grid(8, signed=False)
few = settings(max_examples=100, deadline=None)

float32 = st.floats(width=32, allow_nan=False, allow_infinity=False)
ranges = st.tuples(float32, float32).map(sorted)
"""Any at all: of one sign, of one point, so wide that high − low exceeds float32."""


def from_range(low, high, grid=U8, *, symmetric=False) -> QuantParams:
    return params_from_range(torch.tensor(low), torch.tensor(high), grid, symmetric=symmetric)


def reach(params: QuantParams) -> tuple[float, float]:
    """The least and the greatest number that the grid represents."""
    scale, zero_point = params.scale.item(), params.zero_point.item()
    grid = params.grid
    return (grid.quant_min - zero_point) * scale, (grid.quant_max - zero_point) * scale


@few
@given(ranges, grids, st.booleans())
def test_the_grid_covers_the_range_and_zero(bounds, grid, symmetric):
    low, high = min(bounds[0], 0.0), max(bounds[1], 0.0)
    found = from_range(*bounds, grid, symmetric=symmetric)
    lowest, highest = reach(found)
    # The zero point is rounded to a step, the scale to float32.
    slack = (0 if symmetric else found.scale.item() / 2) + (high - low) * 2 * ROUNDING
    assert lowest <= low + slack
    assert highest >= high - slack
    assert lowest <= 0 <= highest


@few
@given(ranges, grids)
def test_asymmetric_it_is_no_wider_than_the_range(bounds, grid):
    low, high = min(bounds[0], 0.0), max(bounds[1], 0.0)
    found = from_range(*bounds, grid)
    assume(found.scale > LEAST_SCALE and high > low)
    lowest, highest = reach(found)
    assert highest - lowest == pytest.approx(high - low, rel=2 * ROUNDING)


@few
@given(ranges, grids)
def test_symmetric_its_middle_is_zero_and_it_reaches_the_larger_end(bounds, grid):
    found = from_range(*bounds, grid, symmetric=True)
    assert found.zero_point.item() == grid.middle
    larger = max(map(abs, bounds))
    assume(found.scale > LEAST_SCALE and larger > 0)
    assert reach(found)[1] == pytest.approx(larger, rel=2 * ROUNDING)


moderate = st.just(0.0) | st.floats(2.0**-60, 2.0**60, width=32)


@few
@given(moderate.map(lambda x: -x), moderate, grids, st.booleans(), st.integers(-20, 20))
def test_a_power_of_two_scales_it_exactly(low, high, grid, symmetric, exponent):
    assume(low < high)
    before = from_range(low, high, grid, symmetric=symmetric)
    scaled = (math.ldexp(end, exponent) for end in (low, high))
    after = from_range(*scaled, grid, symmetric=symmetric)
    assert after.scale.item() == math.ldexp(before.scale.item(), exponent)
    assert after.zero_point == before.zero_point


@few
@given(st.lists(ranges, min_size=1, max_size=4), grids, st.booleans())
def test_many_ranges_at_once_are_as_one_after_the_other(bounds, grid, symmetric):
    low, high = torch.tensor(bounds).T
    many = params_from_range(low, high, grid, symmetric=symmetric, axis=0)
    each = [from_range(*one, grid, symmetric=symmetric) for one in bounds]
    assert many.scale.tolist() == [one.scale.item() for one in each]
    assert many.zero_point.tolist() == [one.zero_point.item() for one in each]


@pytest.mark.parametrize("symmetric", [False, True])
def test_an_empty_range_has_scale_1(symmetric):
    found = from_range(0.0, 0.0, symmetric=symmetric)
    assert found.scale.item() == 1.0
    assert dequantize(quantize(torch.zeros(3), found), found).tolist() == [0.0] * 3


@pytest.mark.parametrize("symmetric", [False, True])
@pytest.mark.parametrize("high", [2.0**-149, 2.0**-127, 2.0**-120])
def test_a_range_too_small_for_its_steps_has_the_least_scale(high, symmetric):
    found = from_range(0.0, high, symmetric=symmetric)
    assert found.scale.item() == LEAST_SCALE
    assert (1 / found.scale).isfinite()
    err = dequantize(quantize(torch.tensor(high), found), found).double() - high
    assert abs(err.item()) <= LEAST_SCALE / 2


@pytest.mark.parametrize(("constant", "q"), [(3.0, 255), (-3.0, 0)])
def test_a_constant_is_an_end_of_its_range(constant, q):
    found = from_range(constant, constant)
    assert quantize(torch.tensor(constant), found).item() == q
    assert dequantize(torch.tensor(q), found).item() == pytest.approx(constant, rel=2 * ROUNDING)


def test_a_range_wider_than_float32_does_not_overflow():
    largest = torch.finfo(torch.float32).max
    found = from_range(-largest, largest)
    assert found.scale.item() == pytest.approx(2 * largest / 255, rel=2 * ROUNDING)
    assert found.zero_point.item() == 128


def test_ranges_of_groups_and_of_half_precision():
    low, high = -torch.ones(4, 2, dtype=torch.float16), torch.ones(4, 2, dtype=torch.float16)
    found = params_from_range(low, high, Grid(4), symmetric=True, axis=1, group=8)
    assert (found.scale.dtype, found.scale.shape) == (torch.float32, (4, 2))
    assert torch.equal(found.scale, torch.full((4, 2), 1 / 7))
    assert (found.axis, found.group, found.grid) == (1, 8, Grid(4))


@pytest.mark.parametrize(
    ("low", "high"),
    [(1.0, -1.0), (float("nan"), 1.0), (-1.0, float("nan")), (-float("inf"), 1.0), (0.0, math.inf)],
)
def test_what_is_no_range_is_refused(low, high):
    with pytest.raises(ValueError, match="finite ranges with low ≤ high"):
        from_range([-1.0, low], [1.0, high])


def test_ends_of_two_shapes_are_refused():
    with pytest.raises(ValueError, match=r"of one shape, found \[2\] and \[\]"):
        from_range([-1.0, -1.0], 1.0)
