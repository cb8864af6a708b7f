"""All passes together: the same outputs, never more nodes, and nothing left to do."""

from pathlib import Path

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from hypothesis import given, settings

import bench_core.onnx_graph
from bench_core.onnx_graph.fold_constants import LIMIT_BYTES
from bench_core.onnx_graph.model_file import read, write
from bench_core.onnx_graph.optimise import ORDER, optimise
from tests.onnx_graph.generated import graphs
from tests.onnx_graph.judge import assert_same, operators, parse, runtime

LIGHT = Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"
LIGHT_MODELS = ("inception_v1", "resnet50", "shufflenet", "squeezenet")
"""The others are like these; they take seconds each, and 400 MB for fully connected layers."""


def optimised(proto):
    model = ir.from_proto(proto)
    rewrites = optimise(model)
    return rewrites, ir.to_proto(model)


def weigh(proto):
    return sum(tensor.ByteSize() for tensor in proto.graph.initializer)


@settings(max_examples=150, deadline=None)
@given(graphs())
def test_any_graph_computes_the_same_with_no_more_nodes_and_is_done(proto):
    rewrites, after = optimised(proto)
    assert_same(proto, after)
    assert len(after.graph.node) <= len(proto.graph.node)
    changed = sorted(operators(after)) != sorted(operators(proto))
    assert not changed or any(rewrites.values())
    again, same = optimised(after)
    assert not any(again.values())
    assert operators(same) == operators(after)


@pytest.mark.parametrize("name", LIGHT_MODELS)
def test_real_architectures_give_the_same_outputs(name, tmp_path):
    """By ONNX Runtime: the reference evaluator takes minutes, and some norms for training."""
    path = LIGHT / f"light_{name}.onnx"
    model = read(path)
    rewrites = optimise(model)
    assert rewrites["fold_constants"] > 10
    assert not any(optimise(model).values())
    write(model, tmp_path / "after.onnx", inline_bytes=10**9)
    before, after = onnx.load(path), onnx.load(tmp_path / "after.onnx")
    onnx.checker.check_model(after)
    (value,) = after.graph.input
    assert weigh(after) < weigh(before) + LIMIT_BYTES * len(before.graph.node)
    shape = [dim.dim_value for dim in value.type.tensor_type.shape.dim]
    x = (np.arange(np.prod(shape)).reshape(shape) / np.prod(shape)).astype(np.float32)
    right, found = (runtime(proto, {value.name: x})[0] for proto in (before, after))
    np.testing.assert_allclose(found, right, rtol=1e-3, atol=1e-7)  # as onnx's own test does


def test_one_pass_clears_the_way_for_another():
    """An Identity hides a Dropout, which hides a norm; the shape is computed from constants."""
    proto = parse(
        """
        c = Conv(x, w) i = Identity(c) d = Dropout(i) n = BatchNormalization(d, g, b, b, g)
        h = Concat<axis = 0>(two, rest) r = Reshape(n, h) m = MatMul(r, v) y = Add(m, k)
        """,
        inputs="float[2,1,2,2] x", outputs="float[2,3] y",
        weights="float[1,1,1,1] w = {2}, float[1] g = {3}, float[1] b = {1}, int64[1] two = {2}, "
        "int64[1] rest = {-1}, float[4,3] v = {1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 2, 3}, "
        "float[3] k = {1, 2, 3}",
    )  # fmt: skip
    rewrites, after = optimised(proto)
    assert operators(after) == ["Conv", "Reshape", "Gemm"]
    assert_same(proto, after)
    assert {name for name, count in rewrites.items() if count} == {
        "drop_identity", "drop_dropout", "fold_constants", "fold_batch_norm", "fuse_matmul_add",
        "drop_dead",
    }  # fmt: skip


def test_the_last_pass_clears_the_way_for_an_earlier_one():
    """The product seems to be read twice until what nobody reads has gone."""
    proto = parse(
        "m = MatMul(x, w) unread = Neg(m) y = Add(m, b)",
        inputs="float[2,2] x",
        outputs="float[2,2] y",
        weights="float[2,2] w = {1, 2, 3, 4}, float[2] b = {1, 2}",
    )
    _, after = optimised(proto)
    assert operators(after) == ["Gemm"]
    assert_same(proto, after)


def test_an_empty_graph_is_left_alone():
    proto = parse("", inputs="float[2,3] y")
    assert optimised(proto)[1].graph.output[0].name == "y"


def test_every_pass_stands_in_the_order_and_says_when_it_acts():
    """A pass that nobody runs would be found by its name alone."""
    folder = Path(bench_core.onnx_graph.__file__).parent
    files = {path.stem: path for path in folder.glob("*.py")}
    passes = {name for name in files if name.startswith(("drop_", "fold_", "fuse_"))}
    assert {one.__name__ for one in ORDER} == passes
    for name in passes:
        text = files[name].read_text()
        assert all(word in text.split('"""')[1] for word in ("Before:", "After:", "Acts only when"))
