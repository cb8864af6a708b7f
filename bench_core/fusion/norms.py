"""A graph's batch norms, folded into the layers before them."""

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import nn
from torch.fx import GraphModule, Node
from torch.nn.modules.batchnorm import _BatchNorm

from bench_core.errors import Unsupported
from bench_core.fusion.fold import Norm, fold
from bench_core.fusion.linear_node import CHANNEL_AXIS, read_linear, write_linear
from bench_core.fusion.nodes import called
from bench_core.fusion.tensors import held, is_held, rank

ATEN = torch.ops.aten


@dataclass(frozen=True, eq=False)
class Folded:
    """A batch norm, by its name, that a layer does now."""

    name: str
    layer: Node
    norm: Norm


def fold_norms(graph: GraphModule) -> tuple[list[Folded], list[str]]:
    """What was folded, in order; what was left, and why.

    Before: y = batch_norm(layer(x))      After: y = layer'(x)
    Acts only when: the norm has running statistics; the graph holds its weights and the layer's,
    which is linear; nobody else reads the layer's outputs or its weight; and the channels that it
    puts out are the norm's, on the second axis (a linear layer's are on the last).
    Raises: Unsupported for a norm in training mode.
    """
    folded, left = list[Folded](), list[str]()
    for node in list(graph.graph.nodes):
        if node.target is ATEN.batch_norm.default:
            why = _obstacle(node)
            if why is None:
                folded.append(_fold(graph, node))
        else:
            why = _beyond(graph, node)
        if why is not None:
            left.append(f"{called(node)}: {why}")
    return folded, left


def _fold(graph: GraphModule, node: Node) -> Folded:
    given: tuple[Any, ...] = node.args
    layer, weight, bias, mean, variance, _training, _momentum, eps, *_ = given
    gamma, beta = (held(graph, arg) if isinstance(arg, Node) else None for arg in (weight, bias))
    norm = Norm(held(graph, mean), held(graph, variance), gamma, beta, float(eps))
    linear = read_linear(graph, layer, CHANNEL_AXIS[layer.target])
    folded_weight, folded_bias = fold(
        linear.weight, linear.bias, norm, linear.channel_axis, linear.groups
    )
    dtype = linear.weight.dtype  # a half-precision layer's norm may be in float32
    made = replace(linear, weight=folded_weight.to(dtype), bias=folded_bias.to(dtype))
    write_linear(graph, layer, made, called(layer))
    node.replace_all_uses_with(layer)
    graph.graph.erase_node(node)
    return Folded(called(node), layer, norm)


def _obstacle(node: Node) -> str | None:
    """Why the norm cannot be folded, if it cannot."""
    given: tuple[Any, ...] = node.args
    layer, *own, training = given[:6]
    if own[2] is None:
        return "it has no running statistics"
    if training:
        raise Unsupported(
            f"expected {called(node)} to use running statistics, found it in training mode; "
            "take the module after eval()"
        )
    if not isinstance(layer, Node) or layer.target not in CHANNEL_AXIS:
        module = isinstance(layer, Node) and layer.op == "call_module"
        before = called(layer) if module else layer  # a node is shown by its operator's name
        return f"it follows {before}, which cannot take it up"
    name = called(layer)
    made_of: tuple[Any, ...] = layer.args[1:3]
    if not all(is_held(arg) for arg in (*own, *made_of) if arg is not None):
        return f"its weights, or those of {name}, are computed"
    if len(layer.users) > 1:
        return f"what {name} puts out is read elsewhere too"
    if len(made_of[0].users) > 1:
        return f"the weight of {name} is used elsewhere too"
    if rank(layer) != rank(made_of[0]):
        return f"its channels are not those that {name} puts out"
    return None


def _beyond(graph: GraphModule, node: Node) -> str | None:
    """Why a norm is no call of ATen, if it is one and is not."""
    if node.target is nn.functional.batch_norm:
        return "it is a function's call, which torch.fx leaves whole"
    if node.op == "call_module" and isinstance(graph.get_submodule(str(node.target)), _BatchNorm):
        return "it has hooks, or a class of its own"
    return None
