"""Drop Dropout, which passes its input on in inference.

Before: y, mask = Dropout(x)   After: x
Acts only when
- it is known not to train: no `training_mode`, or a constant false one (opset 12 and later);
  always (7 to 11); `is_test` is set (before 7);
- nobody reads the mask;
- y is no output, or x can take over its name.
"""

import onnx_ir as ir

from bench_core.onnx_graph.constants import constant, is_op, opset
from bench_core.onnx_graph.rewire import can_stand_in, nodes, remove, stand_in


def drop_dropout(model: ir.Model) -> int:
    count = 0
    for node in nodes(model):
        if not is_op(node, "Dropout") or _may_train(node, opset(model)):
            continue
        x, y = node.inputs[0], node.outputs[0]
        masked = any(mask.uses() or mask.is_graph_output() for mask in node.outputs[1:])
        if x is not None and not masked and can_stand_in(x, y):
            stand_in(x, y)
            remove(node)
            count += 1
    return count


def _may_train(node: ir.Node, version: int) -> bool:
    if version < 7:
        return not node.attributes.get_int("is_test", 0)
    training = node.inputs[2] if version >= 12 and len(node.inputs) > 2 else None
    if training is None:
        return False
    tensor = constant(training)
    return tensor is None or bool(tensor.numpy())
