"""A linear layer whose weight is held in 4 bits: ONNX Runtime's MatMulNBits, and its simulation.

Source: onnxruntime's contrib operator com.microsoft.MatMulNBits (docs/ContribOperators.md).
"""

from collections.abc import Callable
from typing import Any

import onnx
import torch
from torch import Tensor
from torch.fx import GraphModule
from torch.nn import functional as F

from bench_core.fusion.tensors import hold
from bench_core.quantization.affine import dequantize
from bench_core.quantization.graph.layers import Layer
from bench_core.quantization.quant_params import Grid, QuantParams

ATEN = torch.ops.aten
GRID = Grid(4, signed=False)


@torch.library.custom_op("bench_core::matmul_nbits", mutates_args=())
def matmul_nbits(
    x: Tensor, packed: Tensor, scale: Tensor, zero_point: Tensor, inputs: int, group: int
) -> Tensor:
    """X times the weight, transposed.

    Shapes: packed, uint8 [out, groups, group / 2]; scale [out, groups]; zero_point, packed as
    well, uint8 [out, ⌈groups / 2⌉].
    """
    q = unpack(packed).flatten(1)
    zeros = unpack(zero_point)[:, : scale.shape[1]].int()
    weight = dequantize(q, QuantParams(scale, zeros, GRID, axis=1, group=group))
    return x @ weight[:, :inputs].T


@matmul_nbits.register_fake
def _(
    x: Tensor, packed: Tensor, scale: Tensor, zero_point: Tensor, inputs: int, group: int
) -> Tensor:
    return x.new_empty(*x.shape[:-1], packed.shape[0])


def pack(q: Tensor) -> Tensor:
    """Two of the last axis a byte, the first in the lower half; an odd one is alone."""
    q = F.pad(q, (0, q.shape[-1] % 2))
    return q[..., 0::2] | (q[..., 1::2] << 4)


def unpack(packed: Tensor) -> Tensor:
    return torch.stack([packed & 0xF, packed >> 4], dim=-1).flatten(-2)


def hold_nbits(
    graph: GraphModule, layer: Layer, q: Tensor, params: QuantParams, inputs: int
) -> None:
    """Let the linear `layer` multiply by these integers.

    q: [out, in], columns of zeros appended to whole groups. inputs: the columns without them.
    """
    if params.group is None:
        raise ValueError("expected groups of inputs, found one scale for all")
    x, _, *rest = layer.node.args
    with graph.graph.inserting_before(layer.node):
        given = (
            x,
            hold(graph, f"{layer.name}_packed", pack(q.reshape(len(q), -1, params.group))),
            hold(graph, f"{layer.name}_scale", params.scale),
            hold(graph, f"{layer.name}_zero_point", pack(params.zero_point.to(torch.uint8))),
            inputs,
            params.group,
        )
        found = graph.graph.call_function(torch.ops.bench_core.matmul_nbits.default, given)
        if rest and rest[0] is not None:
            found = graph.graph.call_function(ATEN.add.Tensor, (found, rest[0]))
    found.meta.update(layer.node.meta)
    layer.node.replace_all_uses_with(found)
    graph.graph.erase_node(layer.node)


def nbits_translations() -> dict[Callable[..., Any], Callable[..., Any]]:
    """What the ONNX exporter writes for it."""
    from onnxscript.values import Op, Opset

    operator = Op(Opset("com.microsoft", 1), "MatMulNBits", _schema())

    def as_nbits(x, packed, scale, zero_point, inputs=0, group=0):  # type: ignore[no-untyped-def]
        out = packed.shape[0]
        return operator(x, packed, scale, zero_point, K=inputs, N=out, bits=4, block_size=group)

    return {torch.ops.bench_core.matmul_nbits.default: as_nbits}


def _schema() -> onnx.defs.OpSchema:
    """What of the operator we use; the onnx package knows only its own."""
    schema = onnx.defs.OpSchema
    inputs = {"A": "tensor(float)", "B": "tensor(uint8)", "scales": "tensor(float)"}
    inputs["zero_points"] = "tensor(uint8)"
    numbers = ("K", "N", "bits", "block_size")
    return schema(
        "MatMulNBits",
        "com.microsoft",
        1,
        inputs=[schema.FormalParameter(name, kind) for name, kind in inputs.items()],
        outputs=[schema.FormalParameter("Y", "tensor(float)")],
        attributes=[schema.Attribute(name, schema.AttrType.INT) for name in numbers],
    )
