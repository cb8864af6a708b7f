"""When a duel knows enough: a look after each launch of 8 quads, from the second on."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from bench_core.analysis.statistics import Estimate, LaunchSpread, estimate, launch_value

QUADS_PER_LAUNCH = 8
MIN_LAUNCHES = 2
"""Two launches of the same pair differed by up to 25 % on a machine whose cores change speed
apart from each other, while quads inside a launch agreed to 1 %: more quads prove nothing."""
ANOTHER = "another launch"

SpreadOf = Callable[[Sequence[float]], LaunchSpread]
"""From a cell's own launch values to the spread from launch to launch, pooled with others'."""


@dataclass(frozen=True)
class Rule:
    """Stop when the half-width is within `target` (relative), or `budget_s` is spent."""

    budget_s: float
    target: float = 0.02
    confidence: float = 0.95


@dataclass(frozen=True)
class Look:
    """What a duel knows. step: "another launch", or what limited it: "precision", "budget"."""

    estimate: Estimate
    spread: LaunchSpread
    values: tuple[float, ...]
    step: str


def look(
    rule: Rule, launches: Sequence[np.ndarray], spread_of: SpreadOf, *, left_s: float, next_s: float
) -> Look:
    """Decide what follows, from the quads' log-ratios of each launch so far.

    left_s: of the budget. next_s: what another launch is expected to take; one that the
    budget cannot pay for is not begun.
    """
    values = tuple(launch_value(quads) for quads in launches)
    spread = spread_of(values)
    now = estimate(launches, spread, rule.confidence)
    if len(launches) < MIN_LAUNCHES:
        step = ANOTHER
    elif now.half_width <= rule.target:
        step = "precision"
    else:
        step = ANOTHER if next_s <= left_s else "budget"
    return Look(now, spread, values, step)
