"""An activation's range from batch-norm statistics, without data."""

import torch
from torch import Tensor

from bench_core.quantization.clip import Clip
from bench_core.quantization.pre_activation import PreActivation


def batch_norm_range(
    pre: PreActivation, activation: Clip, deviations: float = 6.0
) -> tuple[Tensor, Tensor]:
    """low, high = clip(β ∓ n · γ), then widened to hold 0; n = 6 leaves out 2 in 10⁹ if normal.

    The range of the whole tensor is their least and their greatest.
    Shapes: → [out], [out], float32.
    Source: Nagel et al. 2019, arXiv:1906.04721, §5; Nagel et al. 2021, arXiv:2106.08295, §3.1.
    """
    reach = deviations * pre.std
    low, high = (
        torch.clamp(end, activation.low, activation.high).float()
        for end in (pre.mean - reach, pre.mean + reach)
    )
    return low.clamp(max=0), high.clamp(min=0)
