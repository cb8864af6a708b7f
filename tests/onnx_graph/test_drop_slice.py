"""A slice goes where it is known to take everything."""

import pytest

from bench_core.onnx_graph.drop_slice import drop_slice
from tests.onnx_graph.judge import acts, parse

WEIGHTS = (
    "int64[1] one = {1}, int64[1] zero = {0}, int64[1] two = {2}, int64[1] three = {3}, "
    "int64[1] last = {-1}, int64[1] far = {9223372036854775807}, int64[1] int32 = {2147483647}, "
    "int64[2] zeros = {0, 0}, int64[2] all = {2, 3}"
)


def slicing(arguments, outputs="float[2,3] y", inputs="float[2,3] x"):
    return parse(
        f"s = Slice({arguments}) y = Neg(s)", inputs=inputs, outputs=outputs, weights=WEIGHTS
    )


@pytest.mark.parametrize(
    "arguments",
    [
        "x, zeros, all",
        "x, zero, two",
        "x, zero, three, one",
        "x, zero, three, last",
        "x, zero, three, one, one",
        "x, zero, far, last",
        "x, zero, int32, last",
    ],
)
def test_it_goes_where_it_takes_all(arguments):
    assert acts(drop_slice, slicing(arguments)) == 1


@pytest.mark.parametrize(
    ("arguments", "outputs"),
    [
        ("x, one, two", "float[1,3] y"),
        ("x, zero, one", "float[1,3] y"),
        ("x, zero, two, one", "float[2,2] y"),
        ("x, zero, last, last", "float[2,2] y"),
        ("x, zero, three, one, two", "float[2,2] y"),
    ],
)
def test_it_stays_where_it_takes_a_part(arguments, outputs):
    """From 1; up to 1; up to 2 of 3; all but the last; every other."""
    assert acts(drop_slice, slicing(arguments, outputs)) == 0


def test_an_axis_of_unknown_size_is_taken_whole_by_no_number():
    free = {"inputs": "float[N,3] x", "outputs": "float[M,3] y"}
    assert acts(drop_slice, slicing("x, zero, two, zero", **free)) == 0
    assert acts(drop_slice, slicing("x, zero, far, zero", **free)) == 1
    assert acts(drop_slice, slicing("x, zero, int32, zero", **free)) == 1


def test_what_is_only_known_when_it_runs_stays():
    inputs = "float[2,3] x, int64[1] start"
    assert acts(drop_slice, slicing("x, start, far", "float[K,3] y", inputs)) == 0


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [("starts = [0], ends = [2]", 1), ("axes = [1], starts = [0], ends = [3]", 1),
     ("axes = [1], starts = [0], ends = [2]", 0)],
)  # fmt: skip
def test_before_opset_10_attributes_say_it(attributes, expected):
    size = 3 if expected else 2
    proto = parse(f"s = Slice<{attributes}>(x) y = Neg(s)", outputs=f"float[2,{size}] y", opset=9)
    assert acts(drop_slice, proto) == expected


def test_the_output_keeps_its_name():
    assert acts(drop_slice, parse("y = Slice(x, zeros, all)", weights=WEIGHTS)) == 0
