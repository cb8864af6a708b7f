"""A rounding that is learnt: each value between its neighbours, until it is pushed to one."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

ZETA, GAMMA = 1.1, -0.1
"""The sigmoid is stretched to γ … ζ and clipped to 0 … 1, so that h reaches both (eq. 23)."""

WARM_UP = 0.2
"""Of the iterations, without the penalty."""

BETA_FIRST, BETA_LAST = 20.0, 2.0

PENALTY = 3.0
"""λ, for an error that is 1 when each value is rounded to nearest. The share of one of n values in
it, where none hangs on another, is 12 (h − frac)² / n, since the mean of (h − frac)² is then
1 / 12. That of the penalty at β = 2 is λ (1 − (2h − 1)²) / n. From λ = 3 on their sum is nowhere
convex, so that every h ends at 0 or 1. (The paper's 0.01 weighs against an error in the outputs'
own unit.) On five layers of digits_cnn_relu at 4 bits λ of 0.1, 1, 3 and 10 left 80, 56, 48 and
47 % of nearest rounding's error, after 500 iterations at a learning rate of 0.01."""


def rectified_sigmoid(v: Tensor) -> Tensor:
    """h(V) = clip(σ(V) · (ζ − γ) + γ, 0, 1).

    Source: Louizos et al. 2018, arXiv:1712.01312; Nagel et al. 2020, arXiv:2004.10568, eq. 23.
    """
    return (v.sigmoid() * (ZETA - GAMMA) + GAMMA).clamp(0, 1)


def beta(progress: float) -> float | None:
    """β at a share of the iterations: none while it warms up, then 20 → 2 on half a cosine.

    A large β spares all but those h that are nearly 0 or 1, so that the rest is free to move.
    """
    if progress < WARM_UP:
        return None
    angle = math.pi * (progress - WARM_UP) / (1 - WARM_UP)
    return BETA_LAST + (BETA_FIRST - BETA_LAST) * (1 + math.cos(angle)) / 2


def learn_rounding(
    values: Tensor,
    below: Tensor,
    above: Tensor,
    error: Callable[[Tensor], Tensor],
    *,
    iterations: int,
    learning_rate: float,
) -> Tensor:
    """Which values to round up, so that the error of all of them together is small.

    min over V of  error(below + h(V) · (above − below)) + λ · mean(1 − |2 h(V) − 1|^β)
    by Adam, from the h that gives the values themselves; h ≥ ½ is rounded up at the end.

    Shapes: values and their neighbours on the grid of one shape → bool of that shape.
    Source: Nagel et al. 2020, arXiv:2004.10568, eq. 21 to 24.
    """
    step = above - below
    share = torch.where(step > 0, (values - below) / step, 0.5).clamp(0, 1)
    v = torch.logit((share - GAMMA) / (ZETA - GAMMA)).requires_grad_()
    adam = torch.optim.Adam([v], lr=learning_rate)
    for iteration in range(iterations):
        with torch.enable_grad():
            h = rectified_sigmoid(v)
            loss = error(below + h * step)
            power = beta(iteration / iterations)
            if power is not None:
                loss = loss + PENALTY * (1 - (2 * h - 1).abs() ** power).mean()
            (v.grad,) = torch.autograd.grad(loss, v)
        adam.step()
    return v.detach() >= 0
