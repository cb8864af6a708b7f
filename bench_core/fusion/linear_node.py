"""Linear layers of a graph of ATen operators: read as `LinearLayer`s, and written back."""

import torch
from torch.fx import GraphModule, Node

from bench_core.fusion.linear_layer import LinearLayer
from bench_core.fusion.nodes import arguments
from bench_core.fusion.tensors import held, hold, replace

ATEN = torch.ops.aten
CHANNEL_AXIS = {
    ATEN.linear.default: 0,
    ATEN.conv1d.default: 0,
    ATEN.conv2d.default: 0,
    ATEN.conv3d.default: 0,
    ATEN.conv1d.padding: 0,
    ATEN.conv2d.padding: 0,
    ATEN.conv3d.padding: 0,
    ATEN.conv_transpose1d.default: 1,
    ATEN.conv_transpose2d.input: 1,
    ATEN.conv_transpose3d.input: 1,
}
"""Of each operator's weight, the axis of the channels that it puts out."""


def read_linear(graph: GraphModule, node: Node, channel_axis: int) -> LinearLayer:
    """What `node` computes: W is its second argument, b its third if it takes one."""
    weight, *rest = node.args[1:3]
    bias = rest[0] if rest else None
    return LinearLayer(
        held(graph, weight),  # type: ignore[arg-type]
        held(graph, bias) if isinstance(bias, Node) else None,
        channel_axis,
        int(arguments(node).get("groups", 1)),
    )


def write_linear(graph: GraphModule, node: Node, layer: LinearLayer, name: str) -> None:
    """Let `node` compute `layer`; a bias that it has not yet, or shares, is held after `name`."""
    weight, *rest = node.args[1:3]
    replace(graph, weight, layer.weight)  # type: ignore[arg-type]
    if layer.bias is None:
        return
    bias = rest[0] if rest else None
    if isinstance(bias, Node) and len(bias.users) == 1:
        replace(graph, bias, layer.bias)
        return
    with graph.graph.inserting_before(node):
        own = hold(graph, f"{name}_bias", layer.bias)
    node.args = (*node.args[:2], own, *node.args[3:])
