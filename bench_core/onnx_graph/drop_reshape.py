"""Drop a reshape to the shape that is there, and the first of two.

Before: y = Reshape(x, shape)             After: x
Before: y = Reshape(Reshape(x, s₁), s₂)   After: y = Reshape(x, s₂)
Acts only when
- the shape is known: an attribute before opset 5, a constant input since;
- one alone: as many sizes as x has axes, each of which copies x's (0, without `allowzero`) or is
  x's; one may be left open (−1), since it follows from the others;
- and y is no output, or x can take over its name;
- two: s₂ copies no size (0) of what stands between, which nobody else reads.
"""

import onnx_ir as ir

from bench_core.onnx_graph.constants import ints, is_op, sizes
from bench_core.onnx_graph.rewire import can_stand_in, nodes, only_reader, remove, stand_in


def drop_reshape(model: ir.Model) -> int:
    return sum(_drop(node) for node in nodes(model) if is_op(node, "Reshape"))


def _drop(node: ir.Node) -> bool:
    x, y, shape = node.inputs[0], node.outputs[0], ints(node, "shape", 1)
    if node.graph is None or x is None or shape is None:
        return False
    copies = not node.attributes.get_int("allowzero", 0)
    first = x.producer()
    if _is_there(shape, sizes(x), copies) and can_stand_in(x, y):
        stand_in(x, y)
        remove(node)
        return True
    if first is None or not is_op(first, "Reshape") or (0 in shape and copies):
        return False
    if only_reader(x, node):
        node.replace_input_with(0, first.inputs[0])
        remove(first)
        return True
    return False


def _is_there(shape: list[int], there: list[int | None] | None, copies: bool) -> bool:
    if there is None or len(there) != len(shape):
        return False
    return all(
        asked in (size, -1) or (asked == 0 and copies)
        for asked, size in zip(shape, there, strict=True)
    )
