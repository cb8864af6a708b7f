"""An inference-mode batch norm, folded into the layer before it."""

from dataclasses import dataclass

import torch
from torch import Tensor

from bench_core.fusion.linear_layer import LinearLayer, bias_of


@dataclass(frozen=True, eq=False)
class Norm:
    """y = γ · (x − μ) / √(σ² + ε) + β by running statistics μ, σ².

    Shapes: mean (μ), variance (σ²), weight (γ) and bias (β) are [out]; None is 1 and 0.
    """

    mean: Tensor
    variance: Tensor
    weight: Tensor | None
    bias: Tensor | None
    eps: float

    @property
    def factors(self) -> Tensor:
        """γ / √(σ² + ε), [out]."""
        inverse = torch.rsqrt(self.variance + self.eps)
        return inverse if self.weight is None else self.weight * inverse


def fold(
    weight: Tensor, bias: Tensor | None, norm: Norm, channel_axis: int = 0, groups: int = 1
) -> tuple[Tensor, Tensor]:
    """Fold an inference-mode batch norm into the conv or linear layer before it.

    Before: y = γ · (W x + b − μ) / √(σ² + ε) + β      After: y = W' x + b'
    W' = W · γ / √(σ² + ε), b' = (b − μ) · γ / √(σ² + ε) + β.

    Shapes: weight [out, in / groups, *kernel], with channel_axis=1 [in, out / groups, *kernel],
    bias [out] or None → the weight's, [out].
    Raises: ValueError for a norm of another number of channels.
    Source: Jacob et al. 2018, arXiv:1712.05877, §3.2.
    """
    layer = LinearLayer(weight, bias, channel_axis, groups)
    if list(norm.mean.shape) != [layer.out_channels]:
        found = list(norm.mean.shape)
        raise ValueError(f"expected a norm of {layer.out_channels} channels, found {found}")
    folded_bias = (bias_of(layer) - norm.mean) * norm.factors
    if norm.bias is not None:
        folded_bias = folded_bias + norm.bias
    return layer.times_out(norm.factors).weight, folded_bias
