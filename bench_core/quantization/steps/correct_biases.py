"""Take out of the biases the mean error that rounded weights make."""

import torch
from torch import Tensor
from torch.fx import Node

from bench_core.fusion.tensors import held
from bench_core.quantization.affine import dequantize
from bench_core.quantization.bias_correction import analytic, empirical
from bench_core.quantization.coverage import coverage
from bench_core.quantization.graph.convolution import (
    CONVOLUTIONS,
    convolution_of,
    is_matrix_product,
)
from bench_core.quantization.graph.expected import Expected
from bench_core.quantization.graph.layers import Layer
from bench_core.quantization.graph.linear import is_linear, read
from bench_core.quantization.work import Work


def correct_biases(work: Work) -> None:
    """On the calibration data, layer after layer: those before it are corrected already."""
    layers = {layer.node: layer for layer in work.placement.layers if _has_own_bias(layer)}
    values = work.values(quantised_weights=False)
    rounded_values = work.values(quantised_weights=True)
    for node, _ in zip(values.steps(), rounded_values.steps(), strict=True):
        layer = layers.get(node)
        if layer is None or layer.bias is None:
            continue
        mean, rounded_mean = (_mean(layer, run.run(node)) for run in (values, rounded_values))
        corrected = empirical(mean, rounded_mean, held(work.graph, layer.bias))
        work.biases[layer.bias] = rounded_values.instead[layer.bias] = corrected
        rounded_values.run(node, again=True)
    work.notes["corrected_biases"] = len(layers)


def correct_biases_analytically(work: Work, expected: dict[Node, Expected]) -> None:
    """From what batch norms say of each layer's inputs; where they say nothing, it is left."""
    corrected = 0
    for layer in work.placement.layers:
        if not _has_own_bias(layer) or not is_linear(layer) or layer.bias is None:
            continue
        known, share = expected.get(layer.inputs[0]), _coverage(layer)
        # Without sizes the border of a padded kernel cannot be counted: as in the paper each tap
        # then counts everywhere. A transposed kernel's do not, by far.
        transposed = CONVOLUTIONS.get(layer.node.target, False)  # type: ignore[call-overload]
        if known is None or known.mean is None or (share is None and transposed):
            continue
        integers = work.weights[layer.weights[0]]
        weight = dequantize(integers.q, integers.params)
        linear = read(work.graph, layer)
        work.biases[layer.bias] = analytic(linear, weight, known.mean, share)
        corrected += 1
    work.notes["corrected_biases"] = corrected


def _coverage(layer: Layer) -> Tensor | None:
    """How often each tap meets an input; None where there are none to count, or sizes are free."""
    moved = convolution_of(layer) if is_matrix_product(layer) else None
    if moved is None:
        return None
    value, weight = layer.inputs[0].meta["val"], layer.weights[0].meta["val"]
    inputs, outputs = value.shape[2:], layer.node.meta["val"].shape[2:]
    if not all(isinstance(size, int) for size in (*inputs, *outputs)):
        return None
    return coverage(
        inputs,
        outputs,
        weight.shape[2:],
        stride=moved.stride,
        padding=moved.padding,
        dilation=moved.dilation,
        transposed=moved.transposed,
    )


def _has_own_bias(layer: Layer) -> bool:
    return layer.bias is not None and len(layer.bias.users) == 1 and bool(layer.weights)


def _mean(layer: Layer, outputs: list[Tensor]) -> Tensor:
    """Over the items and positions of all batches, per channel."""
    rows = [out.movedim(layer.kind.output_axis, -1).flatten(0, -2).double() for out in outputs]
    total = torch.stack([part.sum(0) for part in rows]).sum(0)
    return (total / sum(len(part) for part in rows)).to(outputs[0].dtype)
