"""Unsqueeze and Squeeze of the same axes cancel."""

import pytest

from bench_core.onnx_graph.drop_unsqueeze import drop_unsqueeze
from tests.onnx_graph.judge import acts, applied, operators, parse

WEIGHTS = "int64[1] one = {1}, int64[1] zero = {0}, int64[1] last = {-1}, int64[2] both = {0, 3}, int64[2] turned = {3, 0}"  # noqa: E501


@pytest.mark.parametrize(
    ("first", "second"), [("one", "one"), ("last", "last"), ("both", "turned")]
)
def test_added_and_taken_away(first, second):
    proto = parse(f"a = Unsqueeze(x, {first}) b = Squeeze(a, {second}) y = Neg(b)", weights=WEIGHTS)
    assert acts(drop_unsqueeze, proto) == 1
    assert operators(applied(drop_unsqueeze, proto)[1]) == ["Neg"]


@pytest.mark.parametrize("axis", ["one", "last"])
def test_taken_away_and_added(axis):
    shape = {"one": "2,1,3", "last": "2,3,1"}[axis]
    proto = parse(
        f"a = Squeeze(x, {axis}) b = Unsqueeze(a, {axis}) y = Neg(b)",
        inputs=f"float[{shape}] x", outputs=f"float[{shape}] y", weights=WEIGHTS,
    )  # fmt: skip
    assert acts(drop_unsqueeze, proto) == 1


def test_other_axes_stay():
    proto = parse(
        "a = Unsqueeze(x, one) b = Squeeze(a, zero) y = Neg(b)",
        inputs="float[1,3] x", outputs="float[1,3] y", weights=WEIGHTS,
    )  # fmt: skip
    assert acts(drop_unsqueeze, proto) == 0


def test_axes_that_are_not_said_stay():
    """A Squeeze without axes takes away every 1."""
    proto = parse("a = Unsqueeze(x, one) b = Squeeze(a) y = Neg(b)", weights=WEIGHTS)
    assert acts(drop_unsqueeze, proto) == 0


def test_axes_that_are_only_known_when_it_runs_stay():
    proto = parse(
        "a = Unsqueeze(x, axis) b = Squeeze(a, axis) y = Neg(b)",
        inputs="float[2,3] x, int64[1] axis", weights=WEIGHTS,
    )  # fmt: skip
    assert acts(drop_unsqueeze, proto) == 0


def test_before_opset_13_attributes_say_it():
    body = "a = Unsqueeze<axes = [{}]>(x) b = Squeeze<axes = [{}]>(a) y = Neg(b)"
    assert acts(drop_unsqueeze, parse(body.format(1, 1), opset=11)) == 1
    one = {"inputs": "float[1,3] x", "outputs": "float[1,3] y"}
    assert acts(drop_unsqueeze, parse(body.format(1, 0), opset=11, **one)) == 0


def test_the_first_stays_where_others_read_it():
    proto = parse(
        "a = Unsqueeze(x, one) b = Squeeze(a, one) y = Neg(b) z = Abs(a)",
        outputs="float[2,3] y, float[2,1,3] z", weights=WEIGHTS,
    )  # fmt: skip
    assert acts(drop_unsqueeze, proto) == 1
    assert operators(applied(drop_unsqueeze, proto)[1]) == ["Unsqueeze", "Neg", "Abs"]


def test_the_output_keeps_its_name():
    assert (
        acts(drop_unsqueeze, parse("a = Unsqueeze(x, one) y = Squeeze(a, one)", weights=WEIGHTS))
        == 0
    )
