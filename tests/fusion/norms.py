"""Batch norms as Hypothesis draws them, and torch's own way to run them."""

import torch
import torch.nn.functional as F
from hypothesis import strategies as st

from bench_core.fusion.fold import Norm


@st.composite
def norms(draw, channels: int) -> Norm:
    """Variances down to 1e-4: below, 1 / √(σ² + ε) may be as large as it likes."""
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**31)))
    mean, weight, bias = torch.randn(3, channels, generator=generator).double()
    variance = 10 ** (8 * torch.rand(channels, generator=generator).double() - 4)
    affine = draw(st.booleans())
    eps = draw(st.sampled_from([0.0, 1e-5, 1e-3]))
    return Norm(mean, variance, weight if affine else None, bias if affine else None, eps)


def normed(norm: Norm, y: torch.Tensor) -> torch.Tensor:
    return F.batch_norm(y, norm.mean, norm.variance, norm.weight, norm.bias, eps=norm.eps)
