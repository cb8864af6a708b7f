"""Dropout goes where it is known not to drop."""

import pytest

from bench_core.onnx_graph.drop_dropout import drop_dropout
from tests.onnx_graph.judge import acts, applied, parse


@pytest.mark.parametrize(
    ("opset", "node", "expected"),
    [
        (20, "Dropout(x)", 1),
        (20, "Dropout(x, half)", 1),
        (20, "Dropout(x, half, no)", 1),
        (20, "Dropout(x, , no)", 1),
        (13, "Dropout(x, half, no)", 1),
        (12, "Dropout(x, half, no)", 1),
        (10, "Dropout<ratio = 0.25>(x)", 1),
        (7, "Dropout<ratio = 0.25>(x)", 1),
    ],
)
def test_it_goes_where_it_does_not_train(opset, node, expected):
    proto = parse(
        f"d = {node} y = Neg(d)",
        weights="float half = {0.5}, bool no = {0}",
        opset=opset,
    )
    assert acts(drop_dropout, proto) == expected


@pytest.mark.parametrize(
    ("opset", "node"),
    [(20, "Dropout(x, half, yes)"), (20, "Dropout(x, half, given)"), (6, "Dropout(x)")],
)
def test_it_stays_where_it_may_train(opset, node):
    """Before opset 7 it trains unless told not to; an input says it only when the graph runs."""
    proto = parse(
        f"d = {node} y = Neg(d)",
        inputs="float[2,3] x, bool given",
        weights="float half = {0.5}, bool yes = {1}",
        opset=opset,
    )
    assert applied(drop_dropout, proto)[0] == 0


def test_before_opset_7_an_attribute_says_so():
    assert applied(drop_dropout, parse("d = Dropout<is_test = 1>(x) y = Neg(d)", opset=6))[0] == 1


def test_it_stays_where_its_mask_is_read():
    proto = parse("d, m = Dropout(x) y = Neg(d) z = Not(m)", outputs="float[2,3] y, bool[2,3] z")
    assert acts(drop_dropout, proto) == 0
    proto = parse("d, m = Dropout(x) y = Neg(d)", outputs="float[2,3] y, bool[2,3] m")
    assert acts(drop_dropout, proto) == 0


def test_a_mask_that_nobody_reads_does_not_matter():
    assert acts(drop_dropout, parse("d, m = Dropout(x) y = Neg(d)")) == 1


def test_the_output_keeps_its_name():
    assert acts(drop_dropout, parse("y = Dropout(x)")) == 0
    assert acts(drop_dropout, parse("a = Neg(x) y = Dropout(a)")) == 1
