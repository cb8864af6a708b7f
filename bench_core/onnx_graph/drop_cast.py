"""Drop a cast to the type that is there, and the first of two that loses nothing.

Before: y = Cast(x, to=X)               After: x
Before: y = Cast(Cast(x, to=A), to=B)   After: y = Cast(x, to=B), or x where B is X
Acts only when
- x's type X is known;
- to x: y is no output, or x can take over its name;
- two: A holds every value of X as it is, and both are booleans, integers or floats;
- B is no string, which would show the type that it was made from;
- to one cast: nobody else reads what stands between.
"""

import numpy as np
import onnx_ir as ir

from bench_core.onnx_graph.constants import is_op
from bench_core.onnx_graph.rewire import can_stand_in, nodes, only_reader, remove, stand_in

MANTISSA_BITS = {"float16": 11, "float32": 24, "float64": 53}


def drop_cast(model: ir.Model) -> int:
    return sum(_drop(node) for node in nodes(model) if is_op(node, "Cast"))


def _drop(node: ir.Node) -> bool:
    between, y, to = node.inputs[0], node.outputs[0], node.attributes["to"].as_int()
    if node.graph is None or between is None:
        return False
    if to == between.dtype and can_stand_in(between, y):
        stand_in(between, y)
        remove(node)
        return True
    first = between.producer()
    x = first.inputs[0] if first is not None and is_op(first, "Cast") else None
    if first is None or x is None or x.dtype is None or not _loses_nothing(x.dtype, first, to):
        return False
    alone = only_reader(between, node)
    if to == x.dtype and can_stand_in(x, y):
        stand_in(x, y)
        remove(node)
    elif alone:
        node.replace_input_with(0, x)
    else:
        return False
    if alone:
        remove(first)
    return True


def _loses_nothing(dtype: ir.DataType, first: ir.Node, to: int) -> bool:
    wide = ir.DataType(first.attributes["to"].as_int())
    return ir.DataType.STRING not in (dtype, wide, to) and holds(wide.numpy(), dtype.numpy())


def holds(wide: np.dtype, narrow: np.dtype) -> bool:
    """Whether every value of `narrow` is one of `wide`; False for types that NumPy has not.

    NumPy calls int64 → float64 safe, which rounds from 2⁵³ up.
    """
    if narrow.kind in "iu" and wide.kind == "f":
        bits = 8 * narrow.itemsize - (narrow.kind == "i")
        return bits <= MANTISSA_BITS.get(wide.name, 0)
    known = set(narrow.kind + wide.kind) <= set("biuf")
    return known and np.can_cast(narrow, wide, "safe")
