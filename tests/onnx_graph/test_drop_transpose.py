"""A transpose that moves nothing goes, and two become one."""

import numpy as np
import onnx
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper

from bench_core.onnx_graph.drop_transpose import drop_transpose
from tests.onnx_graph.judge import acts, applied, operators, parse, reference

THREE = {"inputs": "float[2,3,4] x"}


def test_each_axis_where_it_was():
    assert acts(drop_transpose, parse("a = Transpose<perm = [0, 1]>(x) y = Neg(a)")) == 1


def test_other_orders_stay():
    proto = parse("a = Transpose<perm = [1, 0]>(x) y = Neg(a)", outputs="float[3,2] y")
    assert acts(drop_transpose, proto) == 0


def test_the_default_turns_all_round():
    proto = parse("a = Transpose(x) b = Transpose(a) y = Neg(b)")
    assert acts(drop_transpose, proto) == 1
    assert operators(applied(drop_transpose, proto)[1]) == ["Neg"]
    vector = {"inputs": "float[3] x", "outputs": "float[3] y"}
    assert acts(drop_transpose, parse("a = Transpose(x) y = Neg(a)", **vector)) == 1


def test_two_become_one():
    proto = parse(
        "a = Transpose<perm = [1, 2, 0]>(x) b = Transpose<perm = [0, 2, 1]>(a) y = Neg(b)",
        outputs="float[3,2,4] y", **THREE,
    )  # fmt: skip
    assert acts(drop_transpose, proto) == 1
    _, after = applied(drop_transpose, proto)
    assert operators(after) == ["Transpose", "Neg"]
    assert list(after.graph.node[0].attribute[0].ints) == [1, 0, 2]


def test_two_stay_where_others_read_what_is_between():
    body = "a = Transpose<perm = [1, 2, 0]>(x) b = Transpose<perm = [{}]>(a) y = Neg(b) z = Neg(a)"
    proto = parse(body.format("0, 2, 1"), outputs="float[3,2,4] y, float[3,4,2] z", **THREE)
    assert acts(drop_transpose, proto) == 0
    proto = parse(body.format("2, 0, 1"), outputs="float[2,3,4] y, float[3,4,2] z", **THREE)
    assert acts(drop_transpose, proto) == 1
    assert operators(applied(drop_transpose, proto)[1]) == ["Transpose", "Neg", "Neg"]


def test_the_output_keeps_its_name():
    proto = parse("a = Transpose(x) y = Transpose(a)")
    assert acts(drop_transpose, proto) == 1
    assert operators(applied(drop_transpose, proto)[1]) == ["Transpose"]
    assert acts(drop_transpose, parse("y = Transpose<perm = [0, 1]>(x)")) == 0


def test_without_a_rank_the_default_is_not_known():
    """Turned round, then turned on: that is only known with the number of axes."""
    proto = parse("a = Other(x) b = Transpose(a) y = Neg(b)")
    proto.graph.node[0].domain = "other"
    proto.opset_import.add(domain="other", version=1)
    assert applied(drop_transpose, proto)[0] == 0


orders = st.permutations(range(4)) | st.none()


@settings(max_examples=50, deadline=None)
@given(st.lists(orders, min_size=1, max_size=4))
def test_any_chain_becomes_what_numpy_makes_of_it(chain):
    shape = [2, 3, 4, 5]
    names = ["x", *(f"v{at}" for at in range(len(chain)))]
    nodes = [
        helper.make_node(
            "Transpose", [names[at]], [names[at + 1]], **({"perm": perm} if perm else {})
        )
        for at, perm in enumerate(chain)
    ]
    nodes.append(helper.make_node("Neg", [names[-1]], ["y"]))
    right = np.arange(120, dtype=np.float32).reshape(shape)
    x = right.copy()
    for perm in chain:
        right = np.transpose(right, perm)
    graph = helper.make_graph(
        nodes, "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, right.shape)],
    )  # fmt: skip
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=8)
    while True:
        count, proto = applied(drop_transpose, proto)
        if not count:
            break
    onnx.checker.check_model(proto)
    moved = (right.shape != x.shape) or (right != x).any()
    assert operators(proto) == ["Transpose", "Neg"] if moved else ["Neg"]
    np.testing.assert_array_equal(reference(proto, {"x": x})[0], -right)
