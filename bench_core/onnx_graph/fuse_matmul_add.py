"""Fuse a matrix product and the sum after it.

Before: y = Add(MatMul(a, b), c), or Add(c, MatMul(a, b))   After: y = Gemm(a, b, c)
Acts only when
- opset 7 or later, where both broadcast as NumPy does;
- a and b are known to be matrices, of float32 or float64, for which ONNX Runtime has a Gemm;
- c is known to spread over the product without making it larger: at most two axes, each of size 1
  or the product's;
- nobody else reads the product, and it is not added to itself;
- both stand in the same graph: a body is run often.
"""

import onnx_ir as ir

from bench_core.onnx_graph.constants import is_op, opset, sizes
from bench_core.onnx_graph.rewire import nodes, only_reader, put_instead

FLOATS = (ir.DataType.FLOAT, ir.DataType.DOUBLE)


def fuse_matmul_add(model: ir.Model) -> int:
    if opset(model) < 7:
        return 0
    return sum(_fuse(node) for node in nodes(model) if is_op(node, "Add"))


def _fuse(add: ir.Node) -> bool:
    for product, c in (add.inputs, add.inputs[::-1]):
        matmul = product.producer() if product is not None else None
        if product is None or matmul is None or not is_op(matmul, "MatMul"):
            continue
        if c is None or c is product:
            continue
        a, b = matmul.inputs
        if a is None or b is None or a.dtype not in FLOATS or matmul.graph is not add.graph:
            continue
        if _spreads(sizes(c), sizes(a), sizes(b)) and only_reader(product, add):
            put_instead(ir.Node("", "Gemm", [a, b, c]), matmul, add)
            return True
    return False


def _spreads(
    c: list[int | None] | None, a: list[int | None] | None, b: list[int | None] | None
) -> bool:
    if a is None or b is None or c is None or len(a) != 2 or len(b) != 2 or len(c) > 2:
        return False
    product = [a[0], b[1]][2 - len(c) :]
    return all(
        size is not None and size in (1, whole) for size, whole in zip(c, product, strict=True)
    )
