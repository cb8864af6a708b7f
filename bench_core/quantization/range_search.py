"""Search for the range at which a loss is least."""

from collections.abc import Callable
from itertools import product

import torch
from torch import Tensor

OCTAVES = [2.0**-step for step in range(7)]
"""Down to 1/64: transformers have activations 50 times as far out as the rest."""
QUARTERS, SIXTEENTHS, SIXTY_FOURTHS = (
    [2.0 ** (step / parts) for step in (-2, -1, 0, 1, 2)] for parts in (4, 16, 64)
)
"""Of an octave; each reaches half of the spacing before on either side. The last is 1.1 %."""


def best_range(
    low: Tensor,
    high: Tensor,
    loss: Callable[[Tensor, Tensor], Tensor],
    *,
    symmetric: bool,
) -> tuple[Tensor, Tensor]:
    """Of the ranges within low … high that are tried, the one of least loss, in each channel.

    Each end is multiplied by shares of a coarse grid, the best of which three finer ones refine;
    both ends by the same share, of the further one, if symmetric. low … high itself is tried
    first, so no worse one is returned.
    Shapes: low ≤ 0 ≤ high [channels] → the same; loss: [channels], [channels] → [channels].
    """
    if symmetric:
        high = torch.maximum(-low, high)
        low = -high
    shares = torch.ones(2, len(low), dtype=torch.float64)
    least = loss(low, high)
    for factors in (OCTAVES, QUARTERS, SIXTEENTHS, SIXTY_FOURTHS):
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
