"""Which integers a grid has, and which parameters are refused."""

import pytest
import torch
from hypothesis import given

from bench_core.quantization.quant_params import Grid, QuantParams
from tests.quantization.grids import grids


@pytest.mark.parametrize(
    ("grid", "quant_min", "quant_max", "dtype"),
    [
        (Grid(), -128, 127, torch.int8),
        (Grid(8, signed=False), 0, 255, torch.uint8),
        (Grid(8, narrow=True), -127, 127, torch.int8),
        (Grid(8, signed=False, narrow=True), 1, 255, torch.uint8),
        (Grid(2), -2, 1, torch.int8),
        (Grid(2, narrow=True), -1, 1, torch.int8),
        (Grid(4), -8, 7, torch.int8),
        (Grid(4, signed=False), 0, 15, torch.uint8),
        (Grid(9), -256, 255, torch.int16),
        (Grid(16), -32768, 32767, torch.int16),
        (Grid(16, signed=False), 0, 65535, torch.uint16),
    ],
)
def test_the_integers_of_a_grid(grid, quant_min, quant_max, dtype):
    assert (grid.quant_min, grid.quant_max, grid.dtype) == (quant_min, quant_max, dtype)


@given(grids)
def test_the_smallest_dtype_that_holds_the_grid(grid):
    held = torch.iinfo(grid.dtype)
    assert held.min <= grid.quant_min < grid.quant_max <= held.max
    assert (held.bits == 8) == (grid.bits <= 8)


@given(grids)
def test_the_middle_reaches_as_far_up_as_down_but_for_one_step(grid):
    up, down = grid.quant_max - grid.middle, grid.middle - grid.quant_min
    assert down == (up if grid.narrow else up + 1)


@pytest.mark.parametrize("bits", [-8, 0, 1, 17, 32])
def test_other_bits_are_refused(bits):
    with pytest.raises(ValueError, match=f"2 to 16 bits, found {bits}"):
        Grid(bits)


def params(scale, zero_point, **place) -> QuantParams:
    scale = torch.tensor(scale, dtype=torch.float32)
    return QuantParams(scale, torch.tensor(zero_point, dtype=torch.int32), Grid(), **place)


@pytest.mark.parametrize("scale", [0.0, -1.0, float("inf"), float("nan")])
def test_a_scale_is_above_0_and_finite(scale):
    with pytest.raises(ValueError, match="scales above 0 and finite"):
        params([1.0, scale], [0, 0], axis=0)


@pytest.mark.parametrize("zero_point", [-129, 128])
def test_a_zero_point_is_on_the_grid(zero_point):
    with pytest.raises(ValueError, match="zero points from -128 to 127"):
        params([1.0, 1.0], [0, zero_point], axis=0)


@pytest.mark.parametrize(
    ("scale", "zero_point"),
    [
        (torch.tensor(1.0, dtype=torch.float64), torch.tensor(0, dtype=torch.int32)),
        (torch.tensor(1.0, dtype=torch.float16), torch.tensor(0, dtype=torch.int32)),
        (torch.tensor(1.0), torch.tensor(0)),
        (torch.tensor(1.0), torch.tensor(0.0)),
    ],
)
def test_other_dtypes_are_refused(scale, zero_point):
    with pytest.raises(ValueError, match="scale in float32, zero_point in int32"):
        QuantParams(scale, zero_point, Grid())


def test_scale_and_zero_point_have_one_shape():
    with pytest.raises(ValueError, match="of one shape"):
        params([1.0, 1.0], 0, axis=0)


@pytest.mark.parametrize(
    ("scale", "place"),
    [
        ([1.0], {}),  # scales, and no axis
        (1.0, {"axis": 0}),
        ([[1.0]], {"axis": 0}),
        ([1.0], {"group": 2}),  # groups, and no axis
        ([1.0], {"axis": 0, "group": 0}),
        ([1.0], {"axis": 0, "group": -2}),
    ],
)
def test_a_shape_and_a_place_that_disagree_are_refused(scale, place):
    zero_point = torch.zeros_like(torch.tensor(scale)).tolist()
    with pytest.raises(ValueError, match=r"expected \[\] without an axis"):
        params(scale, zero_point, **place)


@pytest.mark.parametrize(
    ("shape", "place"),
    [
        ((3, 2), {"axis": 0}),  # 3 channels where there are 2 scales
        ((2,), {"axis": 1}),
        ((2,), {"axis": -2}),
        ((), {"axis": 0}),
        ((5,), {"axis": 0, "group": 2}),  # does not divide
        ((6,), {"axis": 0, "group": 2}),
        ((4, 2), {"axis": 0, "group": 2}),  # groups have the tensor's own dimensions
        ((2, 4), {"axis": 1, "group": 2}),
        ((4,), {"axis": 1, "group": 2}),
    ],
)
def test_a_tensor_that_they_do_not_fit_is_refused(shape, place):
    with pytest.raises(ValueError, match="expected a tensor for parameters"):
        params([1.0, 1.0], [0, 0], **place).along(torch.Size(shape), torch.float32)


def test_parameters_compare_by_identity_since_tensors_do_not_compare_to_one_bool():
    one = params([1.0, 2.0], [0, 0], axis=0)
    assert one == one
    assert one != params([1.0, 2.0], [0, 0], axis=0)
    assert len({one, one}) == 1
