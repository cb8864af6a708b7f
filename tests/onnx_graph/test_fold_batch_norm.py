"""A batch norm is folded into the convolution before it where both are all constant."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import helper, numpy_helper

from bench_core.onnx_graph.fold_batch_norm import fold_batch_norm
from tests.onnx_graph.judge import acts, applied, assert_same, operators, runtime

CHANNELS = 4
DEFAULT = ["conv", "gamma", "beta", "mean", "variance"]


def normed(
    *, conv=("x", "w", "b"), norm=DEFAULT, more=(), outputs=("y",), drop=(), dtype=np.float32,
    opset=20, groups=1, rank=2, seed=0, inputs=(), norm_outputs=("y",), variance=None, **attributes,
):  # fmt: skip
    """Conv and BatchNormalization of random constants; `inputs` of them are inputs instead."""
    rng = np.random.default_rng(seed)
    image = [2, 4, *[5] * rank]
    arrays = {
        "w": rng.standard_normal((CHANNELS, image[1] // groups, *[3] * rank)),
        "b": rng.standard_normal(CHANNELS),
        "gamma": rng.standard_normal(CHANNELS),
        "beta": rng.standard_normal(CHANNELS),
        "mean": rng.standard_normal(CHANNELS),
        "variance": rng.uniform(0.1, 2, CHANNELS) if variance is None else variance,
    }
    read = {*conv, *norm, *(name for node in more for name in node.input)}
    arrays = {name: value.astype(dtype) for name, value in arrays.items() if name in read}
    kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    nodes = [
        helper.make_node("Conv", conv, ["conv"], group=groups),
        helper.make_node("BatchNormalization", norm, norm_outputs, **attributes),
        *more,
    ]
    graph = helper.make_graph(
        nodes,
        "g",
        [
            helper.make_tensor_value_info("x", kind, image),
            *(helper.make_tensor_value_info(name, kind, arrays[name].shape) for name in inputs),
        ],
        [helper.make_tensor_value_info(name, kind, None) for name in outputs],
        [
            numpy_helper.from_array(array, name)
            for name, array in arrays.items()
            if name not in drop
        ],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


@settings(max_examples=40, deadline=None)
@given(
    dtype=st.sampled_from([np.float32, np.float64]),
    groups=st.sampled_from([1, 2, 4]),
    rank=st.integers(1, 3),
    biased=st.booleans(),
    seed=st.integers(0, 10**6),
    epsilon=st.sampled_from([None, 1e-3]),
)
def test_any_convolution(dtype, groups, rank, biased, seed, epsilon):
    conv = ("x", "w", "b") if biased else ("x", "w")
    more = {} if epsilon is None else {"epsilon": epsilon}
    proto = normed(conv=conv, dtype=dtype, groups=groups, rank=rank, seed=seed, **more)
    assert acts(fold_batch_norm, proto) == 1
    assert operators(applied(fold_batch_norm, proto)[1]) == ["Conv"]


def test_the_folded_weights_are_the_formula_s():
    proto = normed(epsilon=0.25)
    old, new = (
        {
            tensor.name: numpy_helper.to_array(tensor).astype(np.float64)
            for tensor in one.graph.initializer
        }
        for one in (proto, applied(fold_batch_norm, proto)[1])
    )
    factors = old["gamma"] / np.sqrt(old["variance"] + 0.25)
    np.testing.assert_allclose(new["w"], old["w"] * factors[:, None, None, None], rtol=1e-6)
    expected = (old["b"] - old["mean"]) * factors + old["beta"]
    np.testing.assert_allclose(new["conv"], expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("opset", "attributes", "expected"),
    [
        (20, {"training_mode": 1}, 0),
        (20, {"training_mode": 0}, 1),
        (13, {}, 1),
        (9, {"momentum": 0.9}, 1),
        (8, {"spatial": 1}, 1),
        (8, {"spatial": 0}, 0),
        (6, {"is_test": 1}, 1),
        (6, {"is_test": 0}, 0),
        (6, {"is_test": 1, "spatial": 0}, 0),
    ],
)
def test_a_norm_that_trains_or_has_a_scale_for_each_place_stays(opset, attributes, expected):
    proto = normed(opset=opset, **attributes)
    count, after = applied(fold_batch_norm, proto)
    assert count == expected
    if opset >= 7 and expected:  # ONNX Runtime has no kernels of earlier ones
        assert_same(proto, after, runtime)


def test_from_opset_7_to_13_more_outputs_mean_training():
    proto = normed(opset=9, norm_outputs=("y", "mean_out", "var_out", "saved_mean", "saved_var"))
    assert applied(fold_batch_norm, proto)[0] == 0


@pytest.mark.parametrize("name", ["w", "b", "gamma", "beta", "mean", "variance"])
def test_a_part_that_is_given_stays_so_with_a_default_or_without(name):
    for drop in ((), (name,)):
        proto = normed(inputs=(name,), drop=drop)
        assert applied(fold_batch_norm, proto)[0] == 0


def test_a_convolution_that_others_read_stays():
    more = [helper.make_node("Neg", ["conv"], ["z"])]
    assert acts(fold_batch_norm, normed(more=more, outputs=("y", "z"))) == 0
    assert acts(fold_batch_norm, normed(outputs=("y", "conv"))) == 0


def test_weights_that_are_used_twice_stay():
    more = [helper.make_node("Conv", ["x", "w"], ["z"])]
    assert acts(fold_batch_norm, normed(more=more, outputs=("y", "z"))) == 0
    more = [helper.make_node("Neg", ["w"], ["z"])]
    assert acts(fold_batch_norm, normed(more=more, outputs=("y", "z"))) == 0


def test_a_shared_norm_is_folded_and_kept_for_the_others():
    proto = normed(more=[helper.make_node("Neg", ["gamma"], ["z"])], outputs=("y", "z"))
    assert acts(fold_batch_norm, proto) == 1


def test_a_channel_without_spread_stays():
    """σ² + ε is 0 there, and what the norm makes is infinite."""
    proto = normed(variance=np.array([1, 0, 1, 1.0]), epsilon=0.0)
    assert applied(fold_batch_norm, proto)[0] == 0


def test_a_norm_of_other_channels_stays():
    proto = normed()
    wrong = numpy_helper.from_array(np.ones(CHANNELS + 1, np.float32), "mean")
    next(t for t in proto.graph.initializer if t.name == "mean").CopyFrom(wrong)
    assert applied(fold_batch_norm, proto)[0] == 0


def test_a_norm_of_an_input_or_of_something_else_stays():
    assert acts(fold_batch_norm, normed(norm=["x", *DEFAULT[1:]], more=[
        helper.make_node("Neg", ["conv"], ["z"])], outputs=("y", "z"))) == 0  # fmt: skip


def test_the_weights_keep_their_name_and_may_be_a_constant_node_s():
    proto = normed()
    weights = [tensor for tensor in proto.graph.initializer if tensor.name == "w"]
    proto.graph.initializer.remove(weights[0])
    proto.graph.node.insert(0, helper.make_node("Constant", [], ["w"], value=weights[0]))
    assert acts(fold_batch_norm, proto) == 1
    _, after = applied(fold_batch_norm, proto)
    assert operators(after) == ["Constant", "Conv"]
    assert list(after.graph.node[1].input) == ["x", "w", "conv"]


def test_one_outside_of_a_body_stays():
    from tests.onnx_graph.judge import parse

    body = """
        m = Conv(x, w)
        y = If (c) <
            then_branch = t () => (float[1,1,2,2] ty) { ty = BatchNormalization(m, g, b, b, g) },
            else_branch = e () => (float[1,1,2,2] ey) { ey = Identity(x) }
        >
    """
    proto = parse(
        body, inputs="float[1,1,2,2] x, bool c", outputs="float[1,1,2,2] y",
        weights="float[1,1,1,1] w = {2}, float[1] g = {3}, float[1] b = {1}",
    )  # fmt: skip
    assert acts(fold_batch_norm, proto) == 0
