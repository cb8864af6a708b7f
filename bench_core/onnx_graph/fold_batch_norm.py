"""Fold a batch norm into the convolution before it.

Before: z = γ · (Conv(x, W, b) − μ) / √(σ² + ε) + β   After: z = Conv(x, W', b')
W' = W · γ / √(σ² + ε), b' = (b − μ) · γ / √(σ² + ε) + β.
Acts only when
- the norm does not train: `training_mode` is 0 (opset 14 and later); it has one output (7 to 13);
  `is_test` is set, and `spatial` not cleared (before 7; the latter before 9);
- W, b, γ, β, μ and σ² are constant, and fit each other;
- nobody else reads the convolution, which stands in the same graph, or W: it would be there twice;
- W' and b' are finite, as they are not where σ² + ε is 0.

Source: Jacob et al. 2018, arXiv:1712.05877, §3.2.
"""

import numpy as np
import onnx_ir as ir

from bench_core.onnx_graph.constants import constant, is_op, opset
from bench_core.onnx_graph.rewire import (
    add_initialiser,
    nodes,
    only_reader,
    put_instead,
    refill,
)

EPSILON = float(np.float32(1e-5))
"""The default, as a float attribute holds it: in float64 the difference can be seen."""


def fold_batch_norm(model: ir.Model) -> int:
    return sum(
        _fold(node)
        for node in nodes(model)
        if is_op(node, "BatchNormalization") and not _may_train(node, opset(model))
    )


def _may_train(norm: ir.Node, version: int) -> bool:
    if not norm.attributes.get_int("spatial", 1) or any(y.name for y in norm.outputs[1:]):
        return True
    if version < 7:
        return not norm.attributes.get_int("is_test", 0)
    return bool(norm.attributes.get_int("training_mode", 0))


def _fold(norm: ir.Node) -> bool:
    between = norm.inputs[0]
    conv = between.producer() if between is not None else None
    if between is None or conv is None or not is_op(conv, "Conv") or conv.graph is not norm.graph:
        return False
    weight = conv.inputs[1]
    if weight is None or not only_reader(weight, conv) or not only_reader(between, norm):
        return False
    folded = _folded(conv, norm)
    if conv.graph is None or folded is None:
        return False
    refill(weight, ir.Tensor(folded[0]))
    bias = add_initialiser(conv.graph, ir.Tensor(folded[1]), str(between.name))  # free from now on
    put_instead(ir.Node("", "Conv", [conv.inputs[0], weight, bias], conv.attributes), conv, norm)
    return True


def _folded(conv: ir.Node, norm: ir.Node) -> tuple[np.ndarray, np.ndarray] | None:
    """W' and b', computed in float64; None where they cannot be had."""
    tensors = [constant(value) for value in (conv.inputs[1], *norm.inputs[1:5])]
    if any(tensor is None for tensor in tensors):
        return None
    w, gamma, beta, mean, variance = (tensor.numpy() for tensor in tensors if tensor is not None)
    b: np.ndarray = np.zeros_like(mean)
    if len(conv.inputs) > 2 and conv.inputs[2] is not None:
        tensor = constant(conv.inputs[2])
        if tensor is None:
            return None
        b = tensor.numpy()
    channels = w.shape[:1]
    if w.dtype.kind != "f" or any(
        one.shape != channels for one in (gamma, beta, mean, variance, b)
    ):
        return None
    epsilon = norm.attributes.get_float("epsilon", EPSILON)
    with np.errstate(all="ignore"):  # what is not finite is looked for below
        factors = gamma / np.sqrt(variance.astype(np.float64) + epsilon)
        weight = (w * factors.reshape(-1, *[1] * (w.ndim - 1))).astype(w.dtype)
        bias = ((b.astype(np.float64) - mean) * factors + beta).astype(w.dtype)
    return (weight, bias) if np.isfinite(weight).all() and np.isfinite(bias).all() else None
