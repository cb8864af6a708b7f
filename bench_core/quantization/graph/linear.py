"""Layers of a graph as `LinearLayer`s, and the neighbours that scales can be moved between."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.fx import GraphModule, Node

from bench_core.fusion.linear_layer import LinearLayer
from bench_core.fusion.linear_node import read_linear, write_linear
from bench_core.fusion.tensors import hold, rank
from bench_core.quantization.clip import NO_ACTIVATION, Clip
from bench_core.quantization.graph.layers import FUSED, Layer, find

ATEN = torch.ops.aten
POOLS = {
    getattr(ATEN, f"{kind}_pool{axes}d").default
    for kind in ("max", "avg", "adaptive_avg")
    for axes in (1, 2, 3)
}


@dataclass(frozen=True, eq=False)
class Pair:
    """Two layers with at most clips and pooling between them, which nobody else reads.

    clips, pools: the activations and the pooling between, in order.
    """

    first: Layer
    second: Layer
    clips: tuple[Node, ...]
    pools: tuple[Node, ...]


def is_linear(layer: Layer) -> bool:
    """Whether it is W x + b, with a weight of its own.

    So it is not shared, not looked up, no LSTM's, and no batch of matrices.
    """
    return (
        len(layer.weights) == 1
        and len(layer.weights[0].users) == 1
        and layer.kind.operands == (0,)
        and (layer.kind.channel_axis >= 0 or rank(layer.weights[0]) == 2)
    )


def read(graph: GraphModule, layer: Layer) -> LinearLayer:
    axis = layer.kind.channel_axis % rank(layer.weights[0])
    return read_linear(graph, layer.node, axis)


def write(graph: GraphModule, layer: Layer, linear: LinearLayer) -> None:
    """Raises: ValueError for a bias where the operator has no place for one."""
    if linear.bias is not None and layer.kind.bias is None:
        raise ValueError(f"expected {layer.name} to take a bias, found {layer.node.target}")
    write_linear(graph, layer.node, linear, layer.name)


def pairs(graph: GraphModule) -> list[Pair]:
    """Every pair, in the order of the first layers."""
    linear = {layer.node: layer for layer in find(graph) if is_linear(layer)}
    found = []
    for layer in linear.values():
        node, clips, pools = layer.node, list[Node](), list[Node]()
        while len(node.users) == 1:
            (user,) = node.users
            second = linear.get(user)
            if second is not None and user.args[0] is node:
                found.append(Pair(layer, second, tuple(clips), tuple(pools)))
                break
            if user.target in FUSED:
                clips.append(user)
            elif user.target in POOLS or _averages_positions(user) or _flattens_points(user):
                pools.append(user)
            else:
                break
            node = user
    return found


def chains(pairs_: list[Pair]) -> list[list[Pair]]:
    """Pairs whose second layer is the next one's first, together."""
    linked: list[list[Pair]] = []
    for pair in pairs_:
        for chain in linked:
            if chain[-1].second.node is pair.first.node:
                chain.append(pair)
                break
        else:
            linked.append([pair])
    return linked


def clip_of(node: Node) -> Clip:
    """What an activation among `FUSED` does."""
    if node.target is ATEN.hardtanh.default:
        low = node.args[1] if len(node.args) > 1 else -1.0
        high = node.args[2] if len(node.args) > 2 else 1.0
        return Clip(torch.tensor(float(low)), torch.tensor(float(high)))  # type: ignore[arg-type]
    if node.target in FUSED:
        return Clip(torch.tensor(0.0), torch.tensor(math.inf))
    return NO_ACTIVATION


def apply_clip(graph: GraphModule, node: Node, clip: Clip, channel_axis: int) -> None:
    """Make the activation `node` clip each channel at its own bounds.

    Where both bounds are those of a ReLU it stays, or becomes, one.
    """
    (x, *_), view = node.args, [1] * rank(node)
    view[channel_axis] = -1

    def bound(name: str, values: Tensor) -> Node:
        return hold(graph, f"{node.name}_{name}", values.reshape(view))

    with graph.graph.inserting_before(node):
        found: Node = x  # type: ignore[assignment]
        if torch.equal(clip.low, torch.zeros_like(clip.low)):
            found = graph.graph.call_function(ATEN.relu.default, (found,))
        else:
            found = graph.graph.call_function(ATEN.maximum.default, (found, bound("low", clip.low)))
        found.meta.update(node.meta)
        if not clip.high.isinf().all():
            found = graph.graph.call_function(
                ATEN.minimum.default, (found, bound("high", clip.high))
            )
            found.meta.update(node.meta)
    node.replace_all_uses_with(found)
    graph.graph.erase_node(node)


def _averages_positions(node: Node) -> bool:
    """A mean over all axes but the batch's and the channels', [n, c, …] → [n, c]."""
    if node.target is not ATEN.mean.dim or len(node.args) > 2 or node.kwargs:
        return False
    x, axes = node.args
    if not isinstance(x, Node) or not isinstance(axes, list | tuple):
        return False
    return {axis % rank(x) for axis in axes} == set(range(2, rank(x)))  # type: ignore[operator]


def _flattens_points(node: Node) -> bool:
    """[n, c, 1, …] → [n, c]."""
    if node.target not in (ATEN.flatten.using_ints, ATEN.view.default, ATEN.reshape.default):
        return False
    before, after = node.args[0], node.meta["val"].shape
    if not isinstance(before, Node) or len(after) != 2:
        return False
    shape = before.meta["val"].shape
    return all(size == 1 for size in shape[2:]) and after[1] == shape[1]
