"""Attention under a mask of booleans, as fewer ONNX operators than the exporter writes.

Before (each layer): scores → + (mask ? 0 : −∞) → Softmax → IsNaN ? 0 → · value, and the key turned
round by Reshape, Transpose, Reshape.
After: scores → + bias → Softmax → · value → · seen, with seen: 0 where a query sees no key, whose
output is 0; bias: 0 there, else as before. Both follow from the mask alone, so that the runtime
computes them once for all layers, and nothing walks over [heads, queries, keys] for NaNs.
"""

import math
from collections.abc import Callable
from typing import Any

import torch


def attention_translations() -> dict[Callable[..., Any], Callable[..., Any]]:
    """What the ONNX exporter writes for it; for any other mask, what it wrote before."""
    import onnx_ir as ir
    from onnxscript import opset20 as op
    from onnxscript.function_libs.torch_lib.ops.nn import aten_scaled_dot_product_attention

    def attention(query, key, value, attn_mask=None, *rest, scale=None, **other):  # type: ignore[no-untyped-def]
        plain = not any(rest) and not any(other.values())
        if not (plain and attn_mask is not None and attn_mask.dtype == ir.DataType.BOOL):
            return aten_scaled_dot_product_attention(
                query, key, value, attn_mask, *rest, scale=scale, **other
            )
        axes = range(len(key.shape))
        turned = op.Transpose(key, perm=[*axes[:-2], axes[-1], axes[-2]])
        factor = 1 / math.sqrt(query.shape[-1]) if scale is None else scale
        zero, infinite = op.Constant(value_float=0.0), op.Constant(value_float=-math.inf)
        last = op.Constant(value_ints=[-1])
        seen = op.ReduceMax(op.Cast(attn_mask, to=ir.DataType.FLOAT), last)
        unseen = op.Equal(seen, zero)
        bias = op.Where(op.Or(attn_mask, unseen), zero, infinite)
        scores = op.Mul(op.MatMul(query, turned), op.Constant(value_float=factor))
        weights = op.Softmax(op.Add(scores, bias), axis=-1)
        return op.Mul(op.MatMul(weights, value), seen)

    return {torch.ops.aten.scaled_dot_product_attention.default: attention}
