"""A graph in which every layer that runs in int8 computes with what its integers stand for.

It runs in PyTorch, in float32, as a simulation, and it is this very graph that is lowered.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.fx import GraphModule, Node

from bench_core.fusion.tensors import duplicate, held, hold, rank, replace
from bench_core.quantization.graph.layers import Layer
from bench_core.quantization.graph.operators import DEQUANTIZE, QUANTIZE_DEQUANTIZE
from bench_core.quantization.graph.placement import Placement
from bench_core.quantization.quant_params import QuantParams

ATEN = torch.ops.aten
INT32_MAX = 2**31 - 1


@dataclass(frozen=True, eq=False)
class Integers:
    """A held tensor, quantised."""

    q: Tensor
    params: QuantParams


def simulate(
    graph: GraphModule,
    placement: Placement,
    weights: Mapping[Node, Integers],
    biases: Mapping[Node, Tensor],
    activations: Mapping[Node, QuantParams],
    *,
    integer_bias: bool,
) -> GraphModule:
    """`graph` with Q/DQ at the placement's values, and its weights and biases as integers.

    weights: of each layer's weight nodes. biases: those that are other than the graph's.
    activations: of each observed value.
    """
    made = duplicate(graph)
    twin = dict(zip(graph.graph.nodes, made.graph.nodes, strict=True))
    for value, origin in placement.values.items():
        readers = [twin[reader] for reader in placement.reads_quantised(value)]
        _quantise_value(made, twin[value], activations[origin], readers)
    for node, bias in biases.items():
        replace(made, twin[node], bias)
    for node, integers in weights.items():
        _hold_integers(made, twin[node], integers)
    for layer in placement.layers:
        node = twin[layer.node]
        if node.target is ATEN.embedding.default:
            _look_up_integers(made, node)
        elif node.target is ATEN.linear.default and rank(layer.inputs[0]) != 2:
            _as_product(made, node)  # after which ONNX adds the bias as floats
        elif integer_bias and layer.bias is not None:
            scale = activations[placement.values[layer.inputs[0]]].scale
            _integer_bias(made, layer, node, scale * weights[layer.weights[0]].params.scale)
    made.graph.eliminate_dead_code()
    made.recompile()
    return made


def _quantise_value(
    graph: GraphModule, value: Node, params: QuantParams, readers: list[Node]
) -> None:
    grid = params.grid
    first = next(node for node in graph.graph.nodes if node in readers)
    with graph.graph.inserting_before(first):
        scale = hold(graph, f"{value.name}_scale", params.scale)
        zero_point = hold(graph, f"{value.name}_zero_point", params.zero_point.to(grid.dtype))
        given = (value, scale, zero_point, grid.bits, grid.signed)
        pair = graph.graph.call_function(QUANTIZE_DEQUANTIZE, given)
    pair.meta["val"] = value.meta["val"]
    for reader in readers:
        reader.replace_input_with(value, pair)


def _hold_integers(graph: GraphModule, weight: Node, integers: Integers) -> None:
    """Let all who read `weight` read what its integers stand for."""
    params, name = integers.params, str(weight.target)
    readers = list(weight.users)
    first = next(node for node in graph.graph.nodes if node in readers)
    with graph.graph.inserting_before(first):
        q = hold(graph, f"{name}_q", integers.q)
        scale = hold(graph, f"{name}_scale", params.scale)
        zero_point = hold(graph, f"{name}_zero_point", params.zero_point.to(integers.q.dtype))
        axis = (params.axis or 0) % integers.q.ndim
        found = graph.graph.call_function(DEQUANTIZE, (q, scale, zero_point, axis))
    found.meta["val"] = weight.meta["val"]
    for reader in readers:
        reader.replace_input_with(weight, found)


def _look_up_integers(graph: GraphModule, node: Node) -> None:
    """embedding(dequantize(q), i) → dequantize(embedding(q, i)): not the whole table each time."""
    table = node.args[0]
    q, *params = table.args  # type: ignore[union-attr]
    with graph.graph.inserting_after(node):
        found = graph.graph.call_function(DEQUANTIZE, (node, *params))
    found.meta["val"] = node.meta["val"]
    node.replace_all_uses_with(found, delete_user_cb=lambda user: user is not found)
    node.args = (q, *node.args[1:])


def _integer_bias(graph: GraphModule, layer: Layer, node: Node, scale: Tensor) -> None:
    """The bias as int32 at `scale`, with a zero point of 0.

    A channel of zeros has so small a scale that its bias would not fit: the kernel saturates it.
    """
    at = layer.kind.bias
    bias = held(graph, node.args[at])  # type: ignore[index,arg-type]
    if scale.ndim and len(scale) < len(bias):  # grouped and transposed: groups share scales
        scale = scale.repeat(layer.groups)
    steps = (bias.double() / scale.double()).round().clamp(-INT32_MAX, INT32_MAX)
    with graph.graph.inserting_before(node):
        q = hold(graph, f"{layer.name}_bias_q", steps.int())
        held_scale = hold(graph, f"{layer.name}_bias_scale", scale.expand(bias.shape).contiguous())
        zero_point = hold(
            graph, f"{layer.name}_bias_zero_point", torch.zeros_like(bias, dtype=torch.int32)
        )
        found = graph.graph.call_function(DEQUANTIZE, (q, held_scale, zero_point, 0))
    node.update_arg(at, found)  # type: ignore[arg-type]


def _as_product(graph: GraphModule, node: Node) -> None:
    """linear(x, w, b) → matmul(x, wᵀ) + b, with wᵀ held: ONNX has no other form for many axes.

    Turning the integers at each call would keep the runtime from fusing their product.
    """
    x, weight, *rest = node.args
    given: tuple[Any, ...] = weight.args  # type: ignore[union-attr]
    q, scale, zero_point, axis = given
    with graph.graph.inserting_before(node):
        turned = hold(graph, f"{q.target}_turned", held(graph, q).t().contiguous())
        as_float = graph.graph.call_function(DEQUANTIZE, (turned, scale, zero_point, 1 - axis))
        found = graph.graph.call_function(ATEN.matmul.default, (x, as_float))
        if rest and rest[0] is not None:
            found = graph.graph.call_function(ATEN.add.Tensor, (found, rest[0]))
    found.meta.update(node.meta)
    node.replace_all_uses_with(found)
    graph.graph.erase_node(node)
