"""A reshape goes where the shape is there already, and the first of two."""

import pytest

from bench_core.onnx_graph.drop_reshape import drop_reshape
from tests.onnx_graph.judge import acts, applied, operators, parse

WEIGHTS = (
    "int64[2] same = {2, 3}, int64[2] turned = {3, 2}, int64[2] kept = {0, 3}, "
    "int64[2] copied = {0, 0}, int64[2] open = {-1, 3}, int64[2] rest = {0, -1}, "
    "int64[1] flat = {-1}, int64[3] longer = {2, 3, 1}, int64[3] grown = {0, 1, 2}"
)


def reshaping(body, shape="2,3", inputs="float[2,3] x"):
    return parse(f"{body} y = Neg(r)", inputs=inputs, outputs=f"float[{shape}] y", weights=WEIGHTS)


@pytest.mark.parametrize("shape", ["same", "kept", "copied", "open", "rest"])
def test_it_goes_where_the_shape_is_there(shape):
    assert acts(drop_reshape, reshaping(f"r = Reshape(x, {shape})")) == 1


@pytest.mark.parametrize(
    ("shape", "becomes"), [("turned", "3,2"), ("flat", "6"), ("longer", "2,3,1")]
)
def test_another_shape_stays(shape, becomes):
    assert acts(drop_reshape, reshaping(f"r = Reshape(x, {shape})", becomes)) == 0


@pytest.mark.parametrize(
    ("shape", "expected"), [("same", 0), ("copied", 1), ("rest", 1), ("open", 1)]
)
def test_of_a_free_axis_only_copies_are_known(shape, expected):
    """[−1, 3] leaves open what follows from the others; [2, 3] could be what is only there now."""
    proto = reshaping(f"r = Reshape(x, {shape})", "M,3", "float[N,3] x")
    assert acts(drop_reshape, proto) == expected


def test_a_free_axis_beside_another_size_stays():
    """6·N values as rows of 3 are twice as many rows."""
    proto = reshaping("r = Reshape(x, open)", "M,3", "float[N,K] x")
    proto.graph.input[0].type.tensor_type.shape.dim[1].dim_value = 6
    assert acts(drop_reshape, proto) == 0


def test_with_allowzero_a_zero_is_a_size():
    """An empty tensor of [0, 3] is not one of [0, 0]."""
    proto = reshaping("r = Reshape<allowzero = 1>(x, copied)", "0,0", "float[0,3] x")
    assert applied(drop_reshape, proto)[0] == 0


def test_what_is_only_known_when_it_runs_stays():
    inputs = "float[2,3] x, int64[2] shape"
    assert applied(drop_reshape, reshaping("r = Reshape(x, shape)", "N,K", inputs))[0] == 0


def test_the_first_of_two_goes():
    proto = reshaping("a = Reshape(x, turned) r = Reshape(a, flat)", "6")
    assert acts(drop_reshape, proto) == 1
    assert operators(applied(drop_reshape, proto)[1]) == ["Reshape", "Neg"]


def test_the_first_of_two_stays_where_the_second_copies_its_sizes():
    proto = reshaping("a = Reshape(x, turned) r = Reshape(a, grown)", "3,1,2")
    assert acts(drop_reshape, proto) == 0


def test_the_first_of_two_stays_where_others_read_it():
    proto = parse(
        "a = Reshape(x, turned) b = Reshape(a, flat) y = Neg(b) z = Neg(a)",
        outputs="float[6] y, float[3,2] z", weights=WEIGHTS,
    )  # fmt: skip
    assert acts(drop_reshape, proto) == 0


def test_before_opset_5_an_attribute_says_it():
    assert (
        applied(drop_reshape, parse("r = Reshape<shape = [2, 3]>(x) y = Neg(r)", opset=4))[0] == 1
    )
    proto = parse("r = Reshape<shape = [3, 2]>(x) y = Neg(r)", outputs="float[3,2] y", opset=4)
    assert applied(drop_reshape, proto)[0] == 0


def test_the_output_keeps_its_name():
    assert acts(drop_reshape, parse("y = Reshape(x, same)", weights=WEIGHTS)) == 0
    assert (
        acts(drop_reshape, parse("a = Reshape(x, flat) y = Reshape(a, same)", weights=WEIGHTS)) == 1
    )
