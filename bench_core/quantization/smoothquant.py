"""SmoothQuant: move the outlying channels of an activation into the weight that reads it."""

from collections.abc import Sequence

import torch
from torch import Tensor


def smoothing(activation_max: Tensor, weights: Sequence[Tensor], alpha: float = 0.5) -> Tensor:
    """The factor that each channel of x is divided by, and its column of W multiplied.

    s_j = max|x_j|^α / max|W_j|^(1 − α); α = ½ makes both maxima √(max|x_j| · max|W_j|).
    Layers that share one input (q, k, v) share s: max|W_j| is over all of them. A channel that is
    dead on either side, all below the least normal number, gets 1.
    `input_scaling` applies it.

    Shapes: activation_max [in], weights [out, in] each → [in].
    Raises: ValueError for other shapes, for maxima that are negative or not finite, and for an
    α outside [0, 1].
    Source: Xiao et al. 2022, arXiv:2211.10438, §4, eq. 4.
    """
    channels = activation_max.shape
    if len(channels) != 1 or not weights or any(w.shape[1:] != channels for w in weights):
        found = ", ".join(str(list(w.shape)) for w in weights) or "no weights"
        raise ValueError(
            f"expected weights [out, in] for activation_max {list(channels)}, found {found}"
        )
    if not 0 <= alpha <= 1:
        raise ValueError(f"expected alpha between 0 and 1, found {alpha}")
    weight_max = torch.stack([w.detach().abs().amax(0).double() for w in weights]).amax(0)
    largest = activation_max.detach().double()
    for name, maxima in (("activation_max", largest), ("weights", weight_max)):
        if not maxima.isfinite().all() or (maxima < 0).any():
            raise ValueError(f"expected {name} with finite maxima of at least 0, found others")
    least = torch.finfo(activation_max.dtype).tiny
    alive = (largest >= least) & (weight_max >= least)
    scale = largest**alpha / weight_max ** (1 - alpha)
    return torch.where(alive, scale, 1.0).to(activation_max.dtype)
