"""Round the weights: to nearest, or so that each layer's outputs change least."""

from collections.abc import Iterator
from functools import partial

import torch
from torch.fx import Node

from bench_core.fusion.tensors import held
from bench_core.quantization.adaround import Rounded, adaround
from bench_core.quantization.affine import dequantize, quantize
from bench_core.quantization.clip import NO_ACTIVATION
from bench_core.quantization.graph.convolution import convolution_of, is_matrix_product, items
from bench_core.quantization.graph.layers import Layer
from bench_core.quantization.graph.linear import clip_of
from bench_core.quantization.graph.placement import written
from bench_core.quantization.graph.simulate import Integers
from bench_core.quantization.graph.values import Values
from bench_core.quantization.reconstruction import Layer as Reconstructed
from bench_core.quantization.work import Work


def round_to_nearest(work: Work) -> None:
    for node, params in work.weight_params.items():
        work.weights[node] = Integers(quantize(held(work.graph, node), params), params)


def round_adaptively(work: Work) -> None:
    """AdaRound, layer after layer: each sees what the ones before it, rounded, give it.

    What is neither linear nor a convolution, and a weight that is used twice, stays nearest.
    """
    round_to_nearest(work)
    learnt = {layer.node: layer for layer in work.placement.layers if _can_learn(layer)}
    kept: dict[str, str] = {}
    for layer, values, rounded_values in _walk_both(work, learnt):
        node = layer.weights[0]
        found = _learn(work, layer, values, rounded_values)
        work.weights[node] = Integers(found.q, work.weight_params[node])
        rounded_values.instead[node] = dequantize(found.q, work.weight_params[node])
        kept[layer.name] = found.kept
    work.notes["rounding"] = kept


def _walk_both(work: Work, wanted: dict[Node, Layer]) -> Iterator[tuple[Layer, Values, Values]]:
    """The float graph and the one with rounded weights, side by side, before each layer wanted."""
    values = work.values(quantised_weights=False)
    rounded_values = work.values(quantised_weights=True)
    for node, _ in zip(values.steps(), rounded_values.steps(), strict=True):
        if node in wanted:
            yield wanted[node], values, rounded_values


def _can_learn(layer: Layer) -> bool:
    return is_matrix_product(layer) and len(layer.weights[0].users) == 1


def _learn(work: Work, layer: Layer, values: Values, rounded_values: Values) -> Rounded:
    node = layer.weights[0]
    inputs, targets = items(layer, rounded_values.of(layer.inputs[0]), values.run(layer.node))
    bias = None if layer.bias is None else held(work.graph, layer.bias)
    clip = clip_of(written(layer.node))
    activation = (
        None if clip is NO_ACTIVATION else partial(torch.clamp, min=clip.low, max=clip.high)
    )
    reconstructed = Reconstructed(bias, convolution_of(layer), activation)
    weight = held(work.graph, node)
    return adaround(weight, work.weight_params[node], reconstructed, inputs, targets)
