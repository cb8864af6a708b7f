"""How well a weight reproduces a layer's outputs, at positions sampled from the layer's data."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from bench_core.quantization.patches import Convolution, Patches, matrix


@dataclass(frozen=True, eq=False)
class Layer:
    """What a layer does beside multiplying by its weight; linear where it has no convolution.

    activation: elementwise, on [positions, out].
    """

    bias: Tensor | None = None
    convolution: Convolution | None = None
    activation: Callable[[Tensor], Tensor] | None = None

    def activated(self, y: Tensor) -> Tensor:
        return self.activation(y) if self.activation else y


@dataclass(frozen=True, eq=False)
class Reconstruction:
    """What a layer reads at some positions of its output, and what it should give there.

    Shapes: x [groups, positions, in / groups · kernel]; y, activated, [positions, out].
    """

    layer: Layer
    x: Tensor
    y: Tensor

    def error(self, weight: Tensor) -> Tensor:
        """Mean over the positions of ‖f(y) − f(W x + b)‖²."""
        products = self.x @ matrix(weight, self.layer.convolution).mT
        found = products.transpose(0, 1).flatten(1)
        if self.layer.bias is not None:
            found = found + self.layer.bias
        return (self.layer.activated(found) - self.y).square().sum(1).mean()

    def batches(self, size: int) -> list["Reconstruction"]:
        """Its positions in equal parts of at least `size`, or all of them where they are fewer."""
        count = max(1, len(self.y) // size)
        parts = zip(self.x.tensor_split(count, 1), self.y.tensor_split(count), strict=True)
        return [Reconstruction(self.layer, x, y) for x, y in parts]


def reconstruction(
    layer: Layer,
    data: Patches,
    items: Tensor,
    positions: int,
    dtype: torch.dtype,
    generator: torch.Generator,
) -> Reconstruction:
    """At most `positions` of these items of a layer's data, computed with in `dtype`."""
    x, y = data.sample(items, positions, generator)
    return Reconstruction(layer, x.to(dtype), layer.activated(y.to(dtype)))
