"""What a batch norm says of the layer that takes it up."""

from dataclasses import dataclass

import torch
from torch import Tensor

from bench_core.fusion.fold import Norm


@dataclass(frozen=True, eq=False)
class PreActivation:
    """Mean and standard deviation, [out], of what goes into the activation after a layer."""

    mean: Tensor
    std: Tensor

    def divided(self, scales: Tensor) -> "PreActivation":
        """After equalisation by these scales, [out]."""
        return PreActivation(self.mean / scales, self.std / scales)


def pre_activation(norm: Norm) -> PreActivation:
    """What the norm puts out, if its inputs are as its statistics say.

    mean β, standard deviation |γ| · √(σ² / (σ² + ε)): |γ| but for ε, so that a channel that is
    constant (σ² = 0) is said to be so.
    Source: Nagel et al. 2019, arXiv:1906.04721, §4.2.1.
    """
    mean = torch.zeros_like(norm.mean) if norm.bias is None else norm.bias
    return PreActivation(mean, norm.factors.abs() * norm.variance.sqrt())
