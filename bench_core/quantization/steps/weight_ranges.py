"""Set the weights' scales: one for each channel that the target tells apart."""

import torch
from torch.fx import Node

from bench_core.fusion.tensors import held
from bench_core.quantization.range_method import RangeMethod, observe
from bench_core.quantization.work import Work


def set_weight_ranges(work: Work, method: RangeMethod) -> None:
    """By `method`, on the weights themselves; zero points of 0."""
    for node, axis in _axes(work).items():
        work.weight_params[node] = observe(
            method, [held(work.graph, node)], work.target.weights, symmetric=True, axis=axis
        )


def _axes(work: Work) -> dict[Node, int | None]:
    """The channel axis of each weight; None for one scale.

    So has a table that is looked up, whose rows' scales would have to be looked up as well, and
    a weight whose readers put out different axes of it as channels.
    """
    axes: dict[Node, set[int | None]] = {}
    for layer in work.placement.layers:
        for node in layer.weights:
            axis: int | None = layer.kind.channel_axis % node.meta["val"].ndim
            if not work.target.per_channel or layer.node.target is torch.ops.aten.embedding.default:
                axis = None
            axes.setdefault(node, set()).add(axis)
    return {node: found.pop() if len(found) == 1 else None for node, found in axes.items()}
