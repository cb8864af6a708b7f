"""Take folded batch norms' statistics anew, from what the quantised layers put out."""

from dataclasses import replace

import torch
from torch import Tensor

from bench_core.fusion.fold import Norm
from bench_core.fusion.tensors import held
from bench_core.quantization.affine import dequantize
from bench_core.quantization.batch_norm_reestimation import NormEstimate
from bench_core.quantization.graph.layers import Layer
from bench_core.quantization.pre_activation import PreActivation
from bench_core.quantization.work import Work


def reestimate_norms(work: Work) -> None:
    """On the calibration data, layer after layer: each sees the re-estimated ones before it.

    The new statistics are folded again: into the weights' scales, whose integers stay, and the
    biases. So only where each channel has a scale of its own.
    """
    layers = {layer.node: layer for layer in work.placement.layers if _has_own_scales(work, layer)}
    values = work.values(quantised_weights=True)
    for node in values.steps():
        layer = layers.get(node)
        if layer is None or layer.bias is None:
            continue
        estimate = NormEstimate()
        for output in values.run(node):
            estimate.see(output)
        weight = layer.weights[0]
        bias = work.biases.get(layer.bias, held(work.graph, layer.bias))
        factors, work.biases[layer.bias] = _refolded(estimate, work.known[layer.name], bias)
        integers = work.weights[weight]
        params = replace(integers.params, scale=integers.params.scale * factors)
        work.weights[weight] = replace(integers, params=params)
        values.instead[weight] = dequantize(integers.q, params)
        values.instead[layer.bias] = work.biases[layer.bias]
        values.run(node, again=True)
    work.notes["reestimated_norms"] = len(layers)


def _refolded(estimate: NormEstimate, known: PreActivation, bias: Tensor) -> tuple[Tensor, Tensor]:
    """Factors of the outputs, and the new bias: y' = (y − m) · std / s + mean.

    A norm that is folded puts out what it was told to, mean β and deviation |γ|: seen as a norm
    after the layer, its statistics are its own β and γ, until they are taken anew. A channel that
    is constant, by either, only has its mean moved.
    """
    folded = Norm(known.mean, known.std.square(), known.std, known.mean, eps=0.0)
    fresh = estimate.norm(folded)
    alive = (fresh.variance > 0) & (known.std > 0)
    factors = torch.where(alive, fresh.factors, 1.0)
    return factors, (bias - fresh.mean) * factors + known.mean


def _has_own_scales(work: Work, layer: Layer) -> bool:
    if layer.name not in work.known or len(layer.weights[0].users) > 1:
        return False
    params = work.weights[layer.weights[0]].params
    return params.axis == 0
