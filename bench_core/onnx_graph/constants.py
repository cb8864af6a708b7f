"""What is known of a node before the graph runs: constants, and integers given in either way."""

from collections.abc import Sequence

import onnx_ir as ir


def is_op(node: ir.Node | None, *kinds: str) -> bool:
    """Whether it is one of these standard operators."""
    return node is not None and node.domain == "" and node.op_type in kinds


def opset(model: ir.Model) -> int:
    """The version of the standard operators; 0 where the model has none."""
    return model.opset_imports.get("", 0)


def constant(value: ir.Value | None) -> ir.TensorProtocol | None:
    """Its tensor, where each run finds the same.

    That is an initialiser, unless it is an input too, whose default a caller may override, or
    the output of a Constant. Sparse ones are not looked into.
    """
    if value is None or value.is_graph_input():
        return None
    producer = value.producer()
    if producer is None:
        return value.const_value
    if is_op(producer, "Constant") and "sparse_value" not in producer.attributes:
        return ir.convenience.get_const_tensor(value)
    return None


def ints(
    node: ir.Node, name: str, at: int, default: Sequence[int] | None = None
) -> list[int] | None:
    """What older opsets have as the attribute `name`, and newer ones as the input number `at`.

    Returns: `default` where neither is there, None where it is only known when the graph runs.
    """
    if name in node.attributes:
        return list(node.attributes[name].as_ints())
    value = node.inputs[at] if at < len(node.inputs) else None
    if value is None:
        return None if default is None else list(default)
    tensor = constant(value)
    return None if tensor is None else [int(number) for number in tensor.numpy().reshape(-1)]


def sizes(value: ir.Value) -> list[int | None] | None:
    """Of each axis, None where it is free; None alone where not even the rank is known."""
    if value.shape is None:
        return None
    return [size if isinstance(size, int) else None for size in value.shape]
