"""What depends on constants alone is computed once, within bounds."""

import ml_dtypes
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from bench_core.onnx_graph import fold_constants as folding
from bench_core.onnx_graph.fold_constants import fold_constants
from tests.onnx_graph.judge import acts, applied, operators, parse, runtime

W = "float[3] w = {1, 2, 3}"


def constants_of(proto):
    return {tensor.name: numpy_helper.to_array(tensor) for tensor in proto.graph.initializer}


def test_a_chain_of_constants_is_folded():
    proto = parse("a = Neg(w) b = Add(a, w) c = Mul(b, a) y = Add(x, c)", weights=W)
    assert acts(fold_constants, proto) == 3
    assert operators(applied(fold_constants, proto)[1]) == ["Add"]


def test_constant_nodes_are_constants():
    proto = parse("k = Constant<value_floats = [1.0, 2.0, 3.0]>() a = Neg(k) y = Add(x, a)")
    assert acts(fold_constants, proto) == 1


def test_all_inputs_have_to_be_constant():
    assert acts(fold_constants, parse("a = Add(x, w) y = Neg(a)", weights=W)) == 0


def test_an_input_with_a_default_may_be_given():
    proto = parse("a = Neg(w) y = Add(x, a)", inputs="float[2,3] x, float[3] w", weights=W)
    assert acts(fold_constants, proto) == 0


def test_without_inputs_there_is_nothing_to_fold():
    """Which leaves a Constant as it is, and what is random."""
    proto = parse(
        "k = Constant<value_float = 1.0>() r = RandomNormal<shape = [3]>() "
        "a = Add(x, k) y = Add(a, r)"
    )
    assert applied(fold_constants, proto)[0] == 0


@pytest.mark.parametrize(
    "node", ["RandomNormalLike(w)", "RandomUniformLike(w)", "Bernoulli(half)", "Dropout(w, p, yes)"]
)
def test_what_is_random_stays(node):
    proto = parse(
        f"r = {node} y = Add(x, r)",
        weights=f"{W}, float[3] half = {{0.5, 0.5, 0.5}}, float p = {{0.5}}, bool yes = {{1}}",
    )
    assert applied(fold_constants, proto)[0] == 0


def test_quantised_weights_stay_quantised():
    proto = parse(
        "w = DequantizeLinear(q, s) y = Add(x, w)",
        weights="int8[3] q = {1, 2, 3}, float s = {0.5}",
    )
    assert acts(fold_constants, proto) == 0


def test_a_branch_is_not_folded_but_what_is_inside():
    body = """
        r = If (yes) <
            then_branch = t () => (float[3] ty) { n = Neg(w) m = Abs(n) ty = Mul(m, w) },
            else_branch = e () => (float[3] ey) { ey = Identity(w) }
        >
        y = Add(x, r)
    """
    proto = parse(body, weights=f"{W}, bool yes = {{1}}")
    count, after = applied(fold_constants, proto)
    assert count == 2 and operators(after) == ["If", "Add"]
    assert acts(fold_constants, proto) == 2


def test_a_branch_stays_though_it_reads_nothing_from_outside():
    body = """
        r = If (yes) <
            then_branch = t () => (float[3] ty) { ty = Constant<value = float[3] {1, 2, 3}>() },
            else_branch = e () => (float[3] ey) { ey = Constant<value = float[3] {4, 5, 6}>() }
        >
        y = Add(x, r)
    """
    assert acts(fold_constants, parse(body, weights="bool yes = {1}")) == 0


def test_other_domains_stay():
    proto = parse("a = Neg(w) y = Add(x, a)", weights=W)
    proto.graph.node[0].domain = "other"
    proto.opset_import.add(domain="other", version=1)
    assert applied(fold_constants, proto)[0] == 0


def test_an_output_stays_made_by_a_node():
    outputs = "float[2,3] y, float[3] a"
    assert acts(fold_constants, parse("a = Neg(w) y = Add(x, a)", outputs=outputs, weights=W)) == 0


LARGE = folding.LIMIT_BYTES // 4


@pytest.mark.parametrize(("size", "expected"), [(LARGE, 1), (LARGE + 1, 0), (2**60, 0)])
def test_what_is_large_is_not_made_of_what_is_small(size, expected):
    """The last would be 4 EiB: its size is known before anything is computed."""
    proto = parse(
        "a = ConstantOfShape(size) s = ReduceSum<keepdims = 0>(a) y = Add(x, s)",
        weights=f"int64[1] size = {{{size}}}",
    )
    count, after = applied(fold_constants, proto)
    assert (operators(after) == ["Add"]) == bool(expected)
    assert count == 2 * expected


def large(readers):
    """A constant beyond the limit, turned; read by that many others."""
    w = numpy_helper.from_array(np.ones((2, LARGE), np.float32), "w")
    nodes = [
        helper.make_node("Transpose", ["w"], ["t"]),
        helper.make_node("MatMul", ["x", "t"], ["y"]),
    ]
    nodes += [helper.make_node("Neg", ["w"], [f"z{at}"]) for at in range(readers)]
    graph = helper.make_graph(
        nodes, "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, LARGE])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None)
         for name in ("y", *(f"z{at}" for at in range(readers)))],
        [w],
    )  # fmt: skip
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=8)


def test_what_is_large_is_folded_where_as_much_is_not_read_any_more():
    assert applied(fold_constants, large(readers=0))[0] == 1
    assert applied(fold_constants, large(readers=1))[0] == 0


def test_a_size_that_is_not_known_beforehand_stays():
    assert (
        acts(fold_constants, parse("n = NonZero(w) c = Cast<to = 1>(n) y = Add(x, c)", weights=W))
        == 0
    )


def test_strings_stay():
    proto = parse("s = Cast<to = 8>(w) c = Cast<to = 1>(s) y = Add(x, c)", weights=W)
    assert applied(fold_constants, proto)[0] == 0


def test_types_that_numpy_has_not_stay():
    proto = parse("c = Cast<to = 1>(h) y = Add(x, c)", weights=W)
    half = np.ones(3, ml_dtypes.bfloat16)
    proto.graph.initializer.append(numpy_helper.from_array(half, "h"))
    assert applied(fold_constants, proto)[0] == 0


def test_what_onnx_runtime_has_no_kernel_for_stays():
    """Of a Gemm of integers it has none; inference knows the size all the same."""
    weights = "int64[2,2] a = {1, 2, 3, 4}"
    proto = parse(
        "g = Gemm(a, a) y = Add(x, g)",
        inputs="int64[2,2] x",
        outputs="int64[2,2] y",
        weights=weights,
    )
    assert acts(fold_constants, proto) == 0


def test_what_is_not_valid_stays():
    """Shapes that do not go together: the graph fails when it runs, as it did."""
    proto = parse("a = Add(w, v) y = Add(x, a)", weights=f"{W}, float[2] v = {{1, 2}}")
    assert applied(fold_constants, proto)[0] == 0


def test_all_outputs_are_folded_at_once():
    proto = parse(
        "a, b = Split<num_outputs = 2>(v) c = Add(a, b) y = Add(x, c)",
        weights="float[6] v = {1, 2, 3, 4, 5, 6}",
    )
    count, after = applied(fold_constants, proto)
    assert count == 2 and operators(after) == ["Add"]
    np.testing.assert_array_equal(constants_of(after)["c"], [5, 7, 9])
    assert acts(fold_constants, proto) == 2


def test_a_node_is_run_as_its_own_opset_has_it():
    """Axes are an attribute in opset 11, and an input since 13."""
    proto = parse("a = Unsqueeze<axes = [0]>(w) y = Add(x, a)", weights=W, opset=11)
    assert acts(fold_constants, proto) == 1


def test_a_batch_norm_of_opset_9_is_folded_as_inference():
    """The reference evaluator of onnx takes the batch's own statistics there."""
    proto = parse(
        "n = BatchNormalization(w, g, b, m, v) f = Flatten<axis = 0>(n) y = Add(x, f)",
        inputs="float[1,4] x", outputs="float[1,4] y", opset=9,
        weights="float[1,2,2] w = {1, 2, 3, 4}, float[2] g = {1, 2}, float[2] b = {0, 1}, "
        "float[2] m = {1, 1}, float[2] v = {4, 1}",
    )  # fmt: skip
    assert acts(fold_constants, proto, runtime) == 2


def test_scalars_stay_scalars():
    proto = parse("a = Neg(s) y = Add(x, a)", weights="float s = {3}")
    after = applied(fold_constants, proto)[1]
    assert constants_of(after)["a"].shape == ()
    onnx.checker.check_model(after, full_check=True)
