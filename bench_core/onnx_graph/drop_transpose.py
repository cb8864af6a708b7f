"""Drop a transpose that moves nothing, and make one of two.

Before: y = Transpose(x), each axis where it was   After: x
Before: y = Transpose(Transpose(x, p), q)          After: y = Transpose(x, p[q]), or x
Acts only when
- the order of the axes is given, or the rank is known, of which the default is the reverse;
- to x: y is no output, or x can take over its name;
- to one transpose: nobody else reads what stands between.
"""

import onnx_ir as ir

from bench_core.onnx_graph.constants import is_op
from bench_core.onnx_graph.rewire import can_stand_in, nodes, only_reader, remove, stand_in


def drop_transpose(model: ir.Model) -> int:
    return sum(_drop(node) for node in nodes(model) if is_op(node, "Transpose"))


def _drop(node: ir.Node) -> bool:
    between, y = node.inputs[0], node.outputs[0]
    order = _order(node)
    if node.graph is None or between is None or order is None:
        return False
    if order == sorted(order) and can_stand_in(between, y):
        stand_in(between, y)
        remove(node)
        return True
    first = between.producer()
    if first is None or not is_op(first, "Transpose"):
        return False
    x, inner = first.inputs[0], _order(first, len(order))
    if x is None or inner is None:
        return False
    both = [inner[axis] for axis in order]
    alone = only_reader(between, node)
    if both == sorted(both) and can_stand_in(x, y):
        stand_in(x, y)
        remove(node)
    elif alone:
        node.attributes["perm"] = ir.AttrInt64s("perm", both)
        node.replace_input_with(0, x)
    else:
        return False
    if alone:
        remove(first)
    return True


def _order(node: ir.Node, rank: int | None = None) -> list[int] | None:
    if "perm" in node.attributes:
        return list(node.attributes["perm"].as_ints())
    known = node.inputs[0].shape if node.inputs[0] is not None else None
    if known is not None:
        rank = len(known)
    return None if rank is None else list(range(rank))[::-1]
