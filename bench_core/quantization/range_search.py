"""Search for the range at which a loss is least."""

from collections.abc import Callable
from itertools import product

import torch
from torch import Tensor

COARSE = [2 ** (-step / 2) for step in range(12)]
"""Down to 1/45: transformers have activations 50 times as far out as the rest."""
FINE = [2 ** (step / 8) for step in range(-3, 4)]
FINEST = [2 ** (step / 32) for step in range(-3, 4)]


def best_range(
    low: Tensor,
    high: Tensor,
    loss: Callable[[Tensor, Tensor], Tensor],
    *,
    symmetric: bool,
) -> tuple[Tensor, Tensor]:
    """Of the ranges within low … high that are tried, the one of least loss, in each channel.

    Each end is multiplied by shares of a coarse grid, the best of which two finer ones refine;
    both ends by the same share, of the further one, if symmetric. low … high itself is tried
    first, so no worse one is returned.
    Shapes: low ≤ 0 ≤ high [channels] → the same; loss: [channels], [channels] → [channels].
    """
    if symmetric:
        high = torch.maximum(-low, high)
        low = -high
    shares = torch.ones(2, len(low), dtype=torch.float64)
    least = loss(low, high)
    for factors in (COARSE, FINE, FINEST):
        centre = shares
        for pair in _pairs(factors, low, high, symmetric=symmetric):
            tried = (centre * torch.tensor(pair, dtype=torch.float64)[:, None]).clamp(max=1)
            found = loss(*_ends(low, high, tried))
            better = found < least
            least = torch.where(better, found, least)
            shares = torch.where(better, tried, shares)
    return _ends(low, high, shares)


def _pairs(
    factors: list[float], low: Tensor, high: Tensor, *, symmetric: bool
) -> list[tuple[float, float]]:
    """Of both ends; an end that is 0 in every channel stays there."""
    if symmetric:
        return [(factor, factor) for factor in factors]
    return list(product(factors if low.any() else [1.0], factors if high.any() else [1.0]))


def _ends(low: Tensor, high: Tensor, shares: Tensor) -> tuple[Tensor, Tensor]:
    """In float32, as the range that is returned will be."""
    return (low * shares[0]).float(), (high * shares[1]).float()
