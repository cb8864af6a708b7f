"""Drop Identity.

Before: y = Identity(x)   After: x
Acts only when
- y is no output of its graph, or x can take over y's name: a node of that very graph makes it, and
  it is no output itself.
"""

import onnx_ir as ir

from bench_core.onnx_graph.constants import is_op
from bench_core.onnx_graph.rewire import can_stand_in, nodes, remove, stand_in


def drop_identity(model: ir.Model) -> int:
    count = 0
    for node in nodes(model):
        if not is_op(node, "Identity"):
            continue
        x, y = node.inputs[0], node.outputs[0]
        if x is not None and can_stand_in(x, y):
            stand_in(x, y)
            remove(node)
            count += 1
    return count
