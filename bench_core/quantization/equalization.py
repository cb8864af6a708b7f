"""Cross-layer equalisation: the channel ranges of two neighbouring layers made equal."""

from collections.abc import Sequence

import torch
from torch import Tensor

from bench_core.fusion.linear_layer import LinearLayer

TOLERANCE = 1e-3
"""A sweep over a chain that moves no scale by more than 0.1 % is its last."""
MAX_SWEEPS = 1000


def scales(first_range: Tensor, second_range: Tensor) -> Tensor:
    """What the first layer's channels are divided and the second's multiplied by.

    s = √(r₁ r₂) / r₂ = √r₁ / √r₂, so that r₁ / s = r₂ · s = √(r₁ r₂); 1 for a dead channel, one
    of whose ranges is 0.
    Shapes: max|W| of the first's output and the second's input channels, [channels].
    Raises: ValueError for a range that is not finite.
    Source: Nagel et al. 2019, arXiv:1906.04721, §4.1.2 and appendix A.
    """
    if first_range.shape != second_range.shape:
        found = f"{list(first_range.shape)} and {list(second_range.shape)}"
        raise ValueError(f"expected as many channels out as in, found {found}")
    if not (first_range.isfinite() & second_range.isfinite()).all():
        raise ValueError("expected finite weights, found NaN or infinity; look at the checkpoint")
    alive = (first_range > 0) & (second_range > 0)
    return torch.where(alive, first_range.sqrt() / second_range.sqrt(), 1.0)


def equalise(first: LinearLayer, second: LinearLayer) -> tuple[LinearLayer, LinearLayer, Tensor]:
    """Move each channel's scale from the first layer into the second, so that they share it.

    Before: W₂ f(W₁ x + b₁) + b₂      After: (W₂ S) f(S⁻¹ (W₁ x + b₁)) + b₂,  S = diag(s)
    Only where f(x / s) = f(x) / s: ReLU, none, and pooling between. Any other clip must itself be
    `divided` by s: ReLU6 becomes min(max(x, 0), 6 / s), one ceiling per channel. Only where
    nobody else reads what is between the two.

    Depthwise, grouped and transposed layers too. A flattened map [channels · positions] that the
    second reads is its weight seen as [out, channels, positions].
    Shapes: → both layers as they were, s [channels].
    Raises: ValueError for layers that do not fit together, and for weights that are not finite.
    Source: Nagel et al. 2019, arXiv:1906.04721, §4.1.1.
    """
    s = scales(first.out_ranges, second.in_ranges)
    return first.times_out(1 / s), second.times_in(s), s


def equalise_chain(layers: Sequence[LinearLayer]) -> tuple[list[LinearLayer], list[Tensor]]:
    """Equalise each pair of neighbours in turn, again and again, until the scales stand still.

    A layer in the middle has each of its two sides moved when the other is made equal: one sweep
    is not enough. The last sweep is the first in which no scale moves by more than `TOLERANCE`,
    so that neighbours differ by no more than that; after `MAX_SWEEPS` it stops unfinished, which
    is as right. (This is Osborne's balancing of a matrix in the maximum norm, arXiv:1504.03026:
    the channels between two layers are its indices.)

    Shapes: n layers → n layers, and n − 1 scales as `equalise` returns them.
    """
    moving, totals = list(layers), [torch.ones(())] * (len(layers) - 1)
    for _ in range(MAX_SWEEPS):
        moved = 0.0
        for i in range(len(totals)):
            moving[i], moving[i + 1], s = equalise(moving[i], moving[i + 1])
            totals[i] = totals[i] * s
            moved = max(moved, s.log().abs().max().item())
        if moved <= TOLERANCE:
            break
    # Applied once to what was given: its weights are rounded once, not once a sweep.
    equalised = list(layers)
    for i, s in enumerate(totals):
        equalised[i] = equalised[i].times_out(1 / s)
        equalised[i + 1] = equalised[i + 1].times_in(s)
    return equalised, totals
