"""Drop axes that are added and taken away again, or taken away and added again.

Before: y = Squeeze(Unsqueeze(x, axes), axes)   After: x
Before: y = Unsqueeze(Squeeze(x, axes), axes)   After: x
Acts only when
- both have their axes, which are known: attributes before opset 13, constant inputs since;
- they are the same, as written: both count in the tensor that has them, so −1 is one axis to both;
- y is no output, or x can take over its name.

The first of the two stays where others read it.
"""

import onnx_ir as ir

from bench_core.onnx_graph.constants import ints, is_op
from bench_core.onnx_graph.rewire import can_stand_in, nodes, only_reader, remove, stand_in

OPPOSITE = {"Squeeze": "Unsqueeze", "Unsqueeze": "Squeeze"}


def drop_unsqueeze(model: ir.Model) -> int:
    count = 0
    for node in nodes(model):
        between = node.inputs[0] if is_op(node, *OPPOSITE) and node.inputs else None
        first = between.producer() if between is not None else None
        if between is None or first is None or not is_op(first, OPPOSITE[node.op_type]):
            continue
        x, y = first.inputs[0], node.outputs[0]
        if x is not None and _same_axes(first, node) and can_stand_in(x, y):
            alone = only_reader(between, node)
            stand_in(x, y)
            remove(node)
            if alone:
                remove(first)
            count += 1
    return count


def _same_axes(first: ir.Node, second: ir.Node) -> bool:
    axes, again = ints(first, "axes", 1), ints(second, "axes", 1)
    return axes is not None and again is not None and sorted(axes) == sorted(again)
