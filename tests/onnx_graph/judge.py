"""Small graphs as text, and whether two graphs compute the same under the same names."""

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime
from onnx.reference import ReferenceEvaluator
from onnx_ir.passes.common import ShapeInferencePass

FREE_SIZE = 2
"""Of an axis that the graph leaves free."""


def parse(body, *, inputs="float[2,3] x", outputs="float[2,3] y", weights="", opset=20):
    """A valid model of that body."""
    weights = f"<{weights}>" if weights else ""
    return onnx.parser.parse_model(
        f'<ir_version: 8, opset_import: ["" : {opset}]>\n'
        f"g ({inputs}) => ({outputs}) {weights} {{ {body} }}"
    )


def inferred(proto):
    """The model with what is known of its shapes, as the passes get it."""
    model = ir.from_proto(proto)
    ShapeInferencePass(check_type=False, strict_mode=False)(model)
    return model


def applied(one, proto):
    """How often the pass rewrote the graph, and what came out."""
    model = inferred(proto)
    count = one(model)
    return count, ir.to_proto(model)


def acts(one, proto, run=None):
    """How often the pass rewrote the graph, which then computes the same under the same names."""
    count, after = applied(one, proto)
    assert_same(proto, after, run or reference)
    return count


def operators(proto):
    return [node.op_type for node in proto.graph.node]


def reference(proto, feeds):
    """The reference evaluator of the ONNX project."""
    return ReferenceEvaluator(proto).run(None, feeds)


def runtime(proto, feeds):
    """ONNX Runtime as the graph stands, for what the reference evaluator gets wrong."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(
        proto.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return session.run([value.name for value in proto.graph.output], feeds)


def feeds_of(proto, seed=0):
    """A value for each input that has no default: normal floats, small integers."""
    rng = np.random.default_rng(seed)
    given = {tensor.name for tensor in proto.graph.initializer}
    feeds = {}
    for value in proto.graph.input:
        if value.name in given:
            continue
        kind = value.type.tensor_type
        shape = [dim.dim_value or FREE_SIZE for dim in kind.shape.dim]
        dtype = onnx.helper.tensor_dtype_to_np_dtype(kind.elem_type)
        drawn = rng.standard_normal(shape) if dtype.kind == "f" else rng.integers(0, 2, shape)
        feeds[value.name] = np.asarray(drawn).astype(dtype)
    return feeds


def names(values):
    return [value.name for value in values]


def assert_same(before, after, run=reference):
    """Inputs and outputs have their names, and outputs differ by no more than roundings.

    Sums of some ten terms around 1, each rounded to half an ε of its size: 1000 ε of the largest
    output holds them all, and a wrong rewrite is off by more than 1 %.
    """
    onnx.checker.check_model(after)
    assert names(before.graph.input) == names(after.graph.input)
    assert names(before.graph.output) == names(after.graph.output)
    feeds = feeds_of(before)
    for right, found in zip(run(before, feeds), run(after, feeds), strict=True):
        right, found = np.asarray(right), np.asarray(found)
        assert (right.shape, right.dtype) == (found.shape, found.dtype)
        if right.dtype.kind != "f":
            np.testing.assert_array_equal(found, right)
            continue
        largest = max(1, np.abs(right).max(initial=0))
        atol = 1000 * np.finfo(right.dtype).eps * largest
        np.testing.assert_allclose(found, right, rtol=0, atol=atol)
