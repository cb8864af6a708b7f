"""A layer of a graph as `patches` wants it: how its kernel moves, and its data as items."""

import torch
from torch import Tensor

from bench_core.fusion.tensors import rank
from bench_core.quantization.graph.layers import Layer
from bench_core.quantization.patches import Convolution

ATEN = torch.ops.aten
CONVOLUTIONS = {
    ATEN.conv1d.default: False,
    ATEN.conv2d.default: False,
    ATEN.conv3d.default: False,
    ATEN.conv_transpose1d.default: True,
    ATEN.conv_transpose2d.input: True,
    ATEN.conv_transpose3d.input: True,
}
"""Whether they are transposed."""


def is_matrix_product(layer: Layer) -> bool:
    """Whether it is a linear layer or a convolution, padded by numbers."""
    return layer.node.target in CONVOLUTIONS or layer.node.target is ATEN.linear.default


def items(layer: Layer, inputs: list[Tensor], outputs: list[Tensor]) -> tuple[Tensor, Tensor]:
    """All batches as one.

    Of a linear layer each row is an item; a convolution's are all of the first batch's size.
    """
    if layer.node.target is ATEN.linear.default:
        inputs, outputs = ([part.flatten(0, -2) for part in side] for side in (inputs, outputs))
    else:
        same = [at for at, part in enumerate(inputs) if part.shape[1:] == inputs[0].shape[1:]]
        inputs, outputs = ([side[at] for at in same] for side in (inputs, outputs))
    return torch.cat(inputs), torch.cat(outputs)


def convolution_of(layer: Layer) -> Convolution | None:
    if layer.node.target is ATEN.linear.default:
        return None
    given = layer.arguments
    axes = rank(layer.weights[0]) - 2

    def each(name: str) -> tuple[int, ...]:
        numbers = given[name] if isinstance(given[name], list | tuple) else [given[name]]
        return tuple(numbers) * (axes // len(numbers))

    transposed = CONVOLUTIONS[layer.node.target]  # type: ignore[index]
    return Convolution(
        each("stride"),
        each("padding"),
        each("dilation"),
        layer.groups,
        transposed,
        each("output_padding") if transposed else (),
    )
