"""SmoothQuant: let the weights carry what makes some channels of the activations outlie."""

import torch
from torch import Tensor
from torch.fx import Node

from bench_core.fusion.tensors import held, hold, is_held, replace
from bench_core.quantization.graph.layers import Layer, find
from bench_core.quantization.graph.linear import is_linear
from bench_core.quantization.input_scaling import scale_inputs, unscale_outputs
from bench_core.quantization.smoothquant import smoothing
from bench_core.quantization.work import Work

ATEN = torch.ops.aten


def smooth(work: Work, alpha: float) -> None:
    """Every value that linear layers read, by the largest magnitudes on the calibration data.

    A layer norm that nobody else reads takes 1 / s; elsewhere the value is multiplied by it.
    """
    readers = linear_readers(work)
    largest: dict[Node, Tensor] = {}
    values = work.values(quantised_weights=False)
    for node in values.steps():
        if node in readers:
            each = [value.abs().flatten(0, -2).amax(0) for value in values.run(node)]
            largest[node] = torch.stack(each).amax(0)
    into_norms = 0
    for value, layers in readers.items():
        weights = [held(work.graph, layer.weights[0]) for layer in layers]
        into_norms += scale_value(work, value, layers, smoothing(largest[value], weights, alpha))
    work.graph.recompile()
    work.notes["smoothed"] = {"values": len(readers), "into_norms": into_norms}


def linear_readers(work: Work) -> dict[Node, list[Layer]]:
    """Each value that linear layers read, and those layers."""
    found: dict[Node, list[Layer]] = {}
    for layer in find(work.graph):
        if layer.node.target is ATEN.linear.default and is_linear(layer):
            found.setdefault(layer.inputs[0], []).append(layer)
    return found


def scale_value(work: Work, value: Node, layers: list[Layer], scale: Tensor) -> bool:
    """Divide `value` by `scale`, [channels], for these layers, and multiply their weights by it.

    Returns: whether the layer norm that makes `value` could take it.
    """
    graph = work.graph
    for layer in layers:
        replace(graph, layer.weights[0], scale_inputs(held(graph, layer.weights[0]), scale))
    if _is_own_norm(value, layers):
        weight, bias = value.args[2:4]
        old_bias = held(graph, bias) if is_held(bias) else None  # type: ignore[arg-type]
        new, new_bias = unscale_outputs(held(graph, weight), old_bias, scale)  # type: ignore[arg-type]
        replace(graph, weight, new)  # type: ignore[arg-type]
        if new_bias is not None:
            replace(graph, bias, new_bias)  # type: ignore[arg-type]
        return True
    with graph.graph.inserting_after(value):
        inverse = hold(graph, f"{value.name}_unscale", 1 / scale)
    with graph.graph.inserting_after(inverse):
        scaled = graph.graph.call_function(ATEN.mul.Tensor, (value, inverse))
    scaled.meta["val"] = value.meta["val"]
    for layer in layers:
        layer.node.replace_input_with(value, scaled)
    return False


def _is_own_norm(value: Node, layers: list[Layer]) -> bool:
    """A layer norm with weights that no other norm shares, read by these layers alone."""
    if value.target is not ATEN.layer_norm.default or len(value.args) < 4:
        return False
    tensors = [arg for arg in value.args[2:4] if is_held(arg)]
    shared = any(len(tensor.users) > 1 for tensor in tensors)  # type: ignore[union-attr]
    return (
        is_held(value.args[2]) and not shared and set(value.users) == {one.node for one in layers}
    )
