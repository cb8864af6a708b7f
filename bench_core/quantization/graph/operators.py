"""The two operators of a quantised graph, which simulate in PyTorch what their ONNX twins do.

`quantize_dequantize` of an activation lowers to QuantizeLinear and DequantizeLinear,
`dequantize` of integers that the graph holds (weights, biases) to DequantizeLinear.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from bench_core.quantization.affine import dequantize as dequantized
from bench_core.quantization.affine import quantize
from bench_core.quantization.quant_params import Grid, QuantParams


@torch.library.custom_op("bench_core::quantize_dequantize", mutates_args=())
def quantize_dequantize(
    x: Tensor, scale: Tensor, zero_point: Tensor, bits: int, signed: bool
) -> Tensor:
    """float32 → float32 on the whole grid; scale and zero_point are [], in the grid's dtype."""
    params = QuantParams(scale, zero_point.int(), Grid(bits, signed=signed))
    return dequantized(quantize(x, params), params)


@quantize_dequantize.register_fake
def _(x: Tensor, scale: Tensor, zero_point: Tensor, bits: int, signed: bool) -> Tensor:
    return torch.empty_like(x)


@torch.library.custom_op("bench_core::dequantize", mutates_args=())
def dequantize(q: Tensor, scale: Tensor, zero_point: Tensor, axis: int) -> Tensor:
    """Integers → float32. scale, zero_point (in q's dtype): [] or [channels] along `axis`."""
    view = [1] * q.ndim
    if scale.ndim:
        view[axis] = -1
    return (q.float() - zero_point.float().reshape(view)) * scale.reshape(view)


@dequantize.register_fake
def _(q: Tensor, scale: Tensor, zero_point: Tensor, axis: int) -> Tensor:
    return torch.empty_like(q, dtype=torch.float32)


QUANTIZE_DEQUANTIZE = torch.ops.bench_core.quantize_dequantize.default
DEQUANTIZE = torch.ops.bench_core.dequantize.default


def onnx_translations() -> dict[Callable[..., Any], Callable[..., Any]]:
    """What the ONNX exporter writes for each."""
    from onnxscript import opset20 as op

    def as_pair(x, scale, zero_point, bits, signed):  # type: ignore[no-untyped-def]  # noqa: ANN
        return op.DequantizeLinear(op.QuantizeLinear(x, scale, zero_point), scale, zero_point)

    def as_one(q, scale, zero_point, axis=0):  # type: ignore[no-untyped-def]
        return op.DequantizeLinear(q, scale, zero_point, axis=axis)

    return {QUANTIZE_DEQUANTIZE: as_pair, DEQUANTIZE: as_one}
