"""Which passes there are, in which order, and until when."""

from collections.abc import Callable

import onnx_ir as ir
from onnx_ir.passes.common import ShapeInferencePass

from bench_core.onnx_graph.drop_cast import drop_cast
from bench_core.onnx_graph.drop_dead import drop_dead
from bench_core.onnx_graph.drop_dropout import drop_dropout
from bench_core.onnx_graph.drop_identity import drop_identity
from bench_core.onnx_graph.drop_reshape import drop_reshape
from bench_core.onnx_graph.drop_slice import drop_slice
from bench_core.onnx_graph.drop_transpose import drop_transpose
from bench_core.onnx_graph.drop_unsqueeze import drop_unsqueeze
from bench_core.onnx_graph.fold_batch_norm import fold_batch_norm
from bench_core.onnx_graph.fold_constants import fold_constants
from bench_core.onnx_graph.fuse_matmul_add import fuse_matmul_add

Pass = Callable[[ir.Model], int]
"""Rewrites the model in place → how often."""

ORDER: tuple[Pass, ...] = (
    drop_identity,  # first, since an Identity hides what the others look for
    drop_dropout,
    fold_constants,  # before all that want to know a shape or an axis
    drop_cast,
    drop_slice,
    drop_unsqueeze,
    drop_reshape,
    drop_transpose,
    fold_batch_norm,
    fuse_matmul_add,
    drop_dead,  # last: the others leave nodes and initialisers that nobody reads
)


def optimise(model: ir.Model) -> dict[str, int]:
    """Run all passes in `ORDER`, again and again, until none finds anything.

    That comes to an end, since every rewrite leaves fewer nodes or initialisers.
    Returns: by pass, how often it rewrote something.
    """
    rewrites = {one.__name__: 0 for one in ORDER}
    found = True
    while found:
        ShapeInferencePass(check_type=False, strict_mode=False)(model)
        counts = {one.__name__: one(model) for one in ORDER}
        rewrites = {name: count + counts[name] for name, count in rewrites.items()}
        found = any(counts.values())
    return rewrites
