"""Small ONNX graphs, as a user might bring them."""

import numpy as np
import onnx
from onnx import TensorProto, helper


def graph(nodes, inputs, weights=(), output=("y", TensorProto.FLOAT, ["batch", None])):
    values = [helper.make_tensor_value_info(*one) for one in inputs]
    made = helper.make_graph(
        nodes, "g", values, [helper.make_tensor_value_info(*output)], list(weights)
    )
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


def weight(name, *shape, seed=0):
    values = np.random.default_rng(seed).standard_normal(shape).astype(np.float32)
    return onnx.numpy_helper.from_array(values, name)


def embedding():
    """Token ids and a mask → a mean of embeddings, as an encoder has it."""
    nodes = [
        helper.make_node("Gather", ["table", "ids"], ["rows"]),
        helper.make_node("Cast", ["mask"], ["kept"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["kept", "last"], ["wide"]),
        helper.make_node("Mul", ["rows", "wide"], ["masked"]),
        helper.make_node("ReduceMean", ["masked", "axis"], ["mean"], keepdims=0),
        helper.make_node("MatMul", ["mean", "w"], ["y"]),
    ]
    ids, mask = (
        (name, TensorProto.INT64, ["batch", "length"]) for name in ("ids", "attention_mask")
    )
    mask = ("mask", *mask[1:])
    constants = [
        onnx.numpy_helper.from_array(np.array([2]), "last"),
        onnx.numpy_helper.from_array(np.array([1]), "axis"),
    ]
    return graph(nodes, [ids, mask], [weight("table", 50, 8), weight("w", 8, 4), *constants])


def linear(*shape):
    return graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        [("x", TensorProto.FLOAT, list(shape))],
        [weight("w", 8, 4)],
    )
