"""Drop a slice that takes everything.

Before: y = Slice(x, starts, ends, axes, steps)   After: x
Acts only when
- starts, ends, axes and steps are known: attributes before opset 10, constant inputs since;
- every start is 0 and every step 1;
- every end lies at or beyond the axis's size, which is known, or says "to the end" (INT_MAX);
- y is no output, or x can take over its name.
"""

import onnx_ir as ir

from bench_core.onnx_graph.constants import ints, is_op, sizes
from bench_core.onnx_graph.rewire import can_stand_in, nodes, remove, stand_in

TO_THE_END = 2**31 - 1
"""What exporters write, or the same of 64 bits; no axis is as long."""


def drop_slice(model: ir.Model) -> int:
    count = 0
    for node in nodes(model):
        if not is_op(node, "Slice"):
            continue
        x, y = node.inputs[0], node.outputs[0]
        if x is not None and _takes_all(node, x) and can_stand_in(x, y):
            stand_in(x, y)
            remove(node)
            count += 1
    return count


def _takes_all(node: ir.Node, x: ir.Value) -> bool:
    starts, ends = ints(node, "starts", 1), ints(node, "ends", 2)
    if starts is None or ends is None:
        return False
    axes = ints(node, "axes", 3, default=range(len(starts)))
    steps = ints(node, "steps", 4, default=[1] * len(starts))
    if axes is None or steps is None or any(starts) or set(steps) - {1}:
        return False
    known = sizes(x)
    return all(
        end >= TO_THE_END or (known is not None and _reaches(end, known[axis]))
        for end, axis in zip(ends, axes, strict=True)
    )


def _reaches(end: int, size: int | None) -> bool:
    return size is not None and end >= size
