"""What can be known of values without data: from batch norms on, through what follows them."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.fx import GraphModule, Node

from bench_core.fusion.tensors import held, is_held
from bench_core.quantization.batch_norm_range import batch_norm_range
from bench_core.quantization.bias_correction import clipped_mean
from bench_core.quantization.clip import NO_ACTIVATION
from bench_core.quantization.graph.layers import FUSED, MOVES, find
from bench_core.quantization.graph.linear import POOLS, clip_of
from bench_core.quantization.pre_activation import PreActivation

ATEN = torch.ops.aten


@dataclass(frozen=True, eq=False)
class Expected:
    """low, high: [channels], or [] where channels are not told apart. mean: None if unknown."""

    low: Tensor
    high: Tensor
    mean: Tensor | None

    @classmethod
    def between(cls, low: float, high: float) -> "Expected":
        return cls(torch.tensor(low), torch.tensor(high), None)


def expect(
    graph: GraphModule, known: dict[str, PreActivation], inputs: Expected | None
) -> dict[Node, Expected]:
    """Every value that something is known of.

    inputs: what is known of the model's float inputs.
    """
    names = {layer.node: layer.name for layer in find(graph)}
    found: dict[Node, Expected] = {}
    for node in graph.graph.nodes:
        expected: Expected | None = None
        before = [found.get(read) for read in node.all_input_nodes if read.op != "get_attr"]
        if node.op == "placeholder":
            expected = inputs
        elif names.get(node) in known:
            expected = _after_norm(known[names[node]])
        elif node.target in FUSED:
            expected = _clipped(node, known.get(names.get(node.args[0], "")), before[0])
        elif node.target in (ATEN.minimum.default, ATEN.maximum.default):
            expected = _bounded(graph, node, before[0])
        elif before and all(before):
            expected = _through(node, [one for one in before if one])
        if expected is not None:
            found[node] = expected
    return found


def _after_norm(pre: PreActivation) -> Expected:
    return Expected(*batch_norm_range(pre, NO_ACTIVATION), pre.mean)


def _clipped(node: Node, pre: PreActivation | None, before: Expected | None) -> Expected | None:
    clip = clip_of(node)
    if pre is not None:
        return Expected(*batch_norm_range(pre, clip), clipped_mean(pre, clip))
    if before is None:
        return None
    low, high = (torch.clamp(end, clip.low, clip.high) for end in (before.low, before.high))
    return Expected(low, high, None)


def _through(node: Node, before: list[Expected]) -> Expected | None:
    """Sums of independent ends, what pools, and what only moves values."""
    if node.target is ATEN.add.Tensor and len(before) == 2 and not node.kwargs:
        first, second = before
        mean = None
        if first.mean is not None and second.mean is not None:
            mean = first.mean + second.mean
        return Expected(first.low + second.low, first.high + second.high, mean)
    if node.target in POOLS or node.target is ATEN.mean.dim:
        averages = node.target is ATEN.mean.dim or "avg" in str(node.target)
        return Expected(before[0].low, before[0].high, before[0].mean if averages else None)
    if node.target in MOVES:
        return Expected(before[0].low.min(), before[0].high.max(), None)
    return None


def _bounded(graph: GraphModule, node: Node, before: Expected | None) -> Expected | None:
    """min(x, held) or max(x, held), a bound for each channel: what equalisation makes of a clip."""
    _, bound = node.args
    if before is None or not is_held(bound):
        return None
    bounds = held(graph, bound).flatten()  # type: ignore[arg-type]
    clip = torch.minimum if node.target is ATEN.minimum.default else torch.maximum
    mean = None if before.mean is None else clip(before.mean, bounds)
    return Expected(clip(before.low, bounds), clip(before.high, bounds), mean)
