"""How much of a signal quantisation leaves."""

import math

from torch import Tensor


def sqnr_db(y: Tensor, y_hat: Tensor) -> float:
    """Signal to quantisation noise: 10 · log10(Σy² / Σ(y − ŷ)²), in decibels.

    One more bit is worth 6 dB. inf where nothing differs, −inf where y is all zero and ŷ is not.
    Summed in float64, where the square of no float32 overflows or vanishes.
    Shapes: any, the same for both.
    Raises: ValueError for two shapes, for nothing to compare, and for NaN or infinity.
    """
    if y.shape != y_hat.shape or y.numel() == 0:
        found = f"{list(y.shape)} and {list(y_hat.shape)}"
        raise ValueError(f"expected two tensors of one shape, not empty, found {found}")
    y, y_hat = y.detach().double(), y_hat.detach().double()
    signal, noise = y.square().sum().item(), (y - y_hat).square().sum().item()
    if not math.isfinite(signal + noise):
        raise ValueError("expected finite tensors to compare, found NaN, infinity or an overflow")
    if noise == 0:
        return math.inf
    return 10 * (math.log10(signal) - math.log10(noise)) if signal else -math.inf
