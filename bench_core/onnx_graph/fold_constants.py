"""Compute once what depends on constants alone.

Before: y = f(c₁, c₂, …)   After: y is an initialiser
Acts only when
- all inputs are constant;
- f is a standard operator without a body that gives the same in every run, and no DequantizeLinear,
  after which the weights of a quantised model would be floats again;
- everything is booleans, integers and floats that NumPy has;
- the results' sizes are known beforehand, and they take no more than `LIMIT_BYTES`, or no more than
  the constants that nobody reads any longer;
- no result is an output of the graph;
- ONNX Runtime has a kernel for it.
"""

from math import prod

import numpy as np
import onnx
import onnx_ir as ir

from bench_core.onnx_graph.constants import constant, opset
from bench_core.onnx_graph.kernel import run
from bench_core.onnx_graph.rewire import (
    add_initialiser,
    bodies,
    nodes,
    only_reader,
    remove,
    stand_in,
)

LIMIT_BYTES = 2**20
"""Of one node: ConstantOfShape makes any size of 8 bytes."""

SMALL_BYTES = 1024
"""Constants up to this may be sizes, which inference wants to see."""

LEFT = {
    "Bernoulli",
    "Dropout",
    "Multinomial",
    "RandomNormal",
    "RandomNormalLike",
    "RandomUniform",
    "RandomUniformLike",
    "DequantizeLinear",
    "Constant",
}
"""Operators that are random, or must stay."""


def fold_constants(model: ir.Model) -> int:
    return sum(_fold(node, model) for node in nodes(model))


def _fold(node: ir.Node, model: ir.Model) -> bool:
    if node.domain or node.op_type in LEFT or any(True for _ in bodies(node)):
        return False
    made = [value for value in node.outputs if value.name]
    if node.graph is None or any(value.is_graph_output() for value in made):
        return False
    read = {value: constant(value) for value in node.inputs if value is not None}
    known = {value: tensor for value, tensor in read.items() if tensor is not None}
    if len(known) < len(read) or not all(_in_numpy(tensor.dtype) for tensor in known.values()):
        return False
    types = _types(node, known, model)
    if types is None or not _small_enough(node, known, types):
        return False
    feeds = {str(value.name): tensor.numpy() for value, tensor in known.items()}
    results = run(ir.serde.serialize_node(node), feeds, types, opset(model))
    if results is None:
        return False
    for value, array in zip(made, results, strict=True):
        if value.uses():
            stand_in(add_initialiser(node.graph, ir.Tensor(array), str(value.name)), value)
    remove(node)
    return True


def _in_numpy(dtype: ir.DataType) -> bool:
    without = (ir.DataType.UNDEFINED, ir.DataType.STRING)
    return dtype not in without and dtype.numpy().kind in "biuf"


def _types(
    node: ir.Node, known: dict[ir.Value, ir.TensorProtocol], model: ir.Model
) -> dict[str, onnx.TypeProto] | None:
    """Of what the node makes, by name; None where the operator or its inputs are not valid."""
    given, data = {}, {}
    for value, tensor in known.items():
        given[value.name] = onnx.helper.make_tensor_type_proto(
            int(tensor.dtype), tensor.shape.numpy()
        )
        if tensor.nbytes <= SMALL_BYTES:
            data[value.name] = onnx.numpy_helper.from_array(tensor.numpy(), value.name)
    imports = [onnx.helper.make_opsetid("", opset(model))]
    try:
        schema = onnx.defs.get_schema(node.op_type, opset(model))
        found: dict[str, onnx.TypeProto] = onnx.shape_inference.infer_node_outputs(
            schema, ir.serde.serialize_node(node), given, data, opset_imports=imports
        )
    except (onnx.defs.SchemaError, onnx.shape_inference.InferenceError):
        return None
    return found


def _small_enough(
    node: ir.Node, known: dict[ir.Value, ir.TensorProtocol], types: dict[str, onnx.TypeProto]
) -> bool:
    made = [_nbytes(types.get(str(value.name))) for value in node.outputs if value.name]
    freed = sum(tensor.nbytes for value, tensor in known.items() if only_reader(value, node))
    sizes = [size for size in made if size is not None]
    return len(sizes) == len(made) and sum(sizes) <= max(LIMIT_BYTES, freed)


def _nbytes(kind: onnx.TypeProto | None) -> int | None:
    """Of a tensor of that type; None where it is not known, or not of numbers."""
    if kind is None or not kind.HasField("tensor_type") or not kind.tensor_type.HasField("shape"):
        return None
    dtype, dims = ir.DataType(kind.tensor_type.elem_type), kind.tensor_type.shape.dim
    if not _in_numpy(dtype) or not all(dim.HasField("dim_value") for dim in dims):
        return None
    return int(np.dtype(dtype.numpy()).itemsize * prod(dim.dim_value for dim in dims))
