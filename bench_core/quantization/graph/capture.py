"""An exported program as a graph that can be rewritten: identities gone, batch norms folded."""

import dataclasses
from typing import Any

import torch
from torch.export import ExportedProgram
from torch.fx import GraphModule, Node

from bench_core.quantization.fold import Norm, PreActivation, fold, pre_activation
from bench_core.quantization.graph import layers
from bench_core.quantization.graph.layers import Layer
from bench_core.quantization.graph.linear import is_linear, read, write
from bench_core.quantization.graph.tensors import duplicate, held, is_held, rank

ATEN = torch.ops.aten
IDENTITIES = {ATEN.dropout.default, ATEN.dropout_.default, ATEN.alias.default, ATEN.detach.default}
CHECKS = {ATEN._assert_tensor_metadata.default}
IN_PLACE = {
    ATEN.relu_.default: ATEN.relu.default,
    ATEN.hardtanh_.default: ATEN.hardtanh.default,
    ATEN.relu6_.default: ATEN.relu6.default,
}
"""What would overwrite a value that is kept, and need not where nobody else reads it."""


def capture(program: ExportedProgram) -> tuple[GraphModule, dict[str, PreActivation]]:
    """A copy of the program's graph, and what folded norms say of layers' outputs, by layer.

    A tensor that is held under two names is held once. A norm is folded only into a layer that
    nobody else reads and whose weight no other layer shares; any other stays as it is.
    Raises: ValueError for a program that was exported in training mode.
    """
    graph = duplicate(program.module(check_guards=False))
    for node in list(graph.graph.nodes):
        if node.target in IDENTITIES:
            node.replace_all_uses_with(node.args[0])
            graph.graph.erase_node(node)
        elif node.target in CHECKS:
            graph.graph.erase_node(node)
        elif node.target in IN_PLACE and len(node.args[0].users) == 1:
            node.target = IN_PLACE[node.target]
        if node.target is ATEN.relu6.default:  # functional; nn.ReLU6 is a hardtanh
            node.target, node.args = ATEN.hardtanh.default, (node.args[0], 0.0, 6.0)
    _unite(graph)
    known = _fold_norms(graph)
    graph.graph.eliminate_dead_code()
    graph.recompile()
    return graph, known


def _unite(graph: GraphModule) -> None:
    """Tied weights have a name each: let all their readers read the first."""
    first: dict[tuple[int, torch.Size, tuple[int, ...]], Node] = {}
    for node in list(graph.graph.find_nodes(op="get_attr")):
        tensor = held(graph, node)
        same = first.setdefault((tensor.data_ptr(), tensor.shape, tensor.stride()), node)
        if same is not node and tensor.numel():
            node.replace_all_uses_with(same)
            graph.graph.erase_node(node)


def _fold_norms(graph: GraphModule) -> dict[str, PreActivation]:
    known = {}
    for layer in layers.find(graph):
        norm_node = _norm_after(layer)
        if norm_node is None:
            continue
        norm = _norm(graph, norm_node)
        linear = read(graph, layer)
        weight, bias = fold(linear.weight, linear.bias, norm, linear.channel_axis, linear.groups)
        write(graph, layer, dataclasses.replace(linear, weight=weight, bias=bias))
        norm_node.replace_all_uses_with(layer.node)
        graph.graph.erase_node(norm_node)
        known[layer.name] = pre_activation(norm)
    return known


def _norm_after(layer: Layer) -> Node | None:
    """The norm that can be folded into `layer`.

    Not after a linear layer over more than two axes, of which a norm takes the second as channels.
    """
    users = list(layer.node.users)
    if len(users) != 1 or users[0].target is not ATEN.batch_norm.default:
        return None
    if not is_linear(layer) or layer.kind.bias is None:
        return None
    by_rows = layer.node.target is ATEN.linear.default and rank(layer.node) > 2
    return None if by_rows else users[0]


def _norm(graph: GraphModule, node: Node) -> Norm:
    given: tuple[Any, ...] = node.args
    weight, bias, mean, variance, training, _momentum, eps, *_ = given[1:]
    if training or not (is_held(mean) and is_held(variance)):
        raise ValueError(
            f"expected {node.name} to use running statistics, found it in training mode; "
            "export the module after eval()"
        )
    gamma, beta = (None if arg is None else held(graph, arg) for arg in (weight, bias))
    return Norm(held(graph, mean), held(graph, variance), gamma, beta, float(eps))
