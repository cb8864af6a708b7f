"""When a duel knows enough: looks after 8, 16, 32 … quads, then fresh launches."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bench_core.analysis.statistics import Estimate, LaunchSpread, estimate

FIRST_LOOK_QUADS = 8
MORE_QUADS = "quads"
MORE_LAUNCHES = "launch"


@dataclass(frozen=True)
class Rule:
    """Stop when the 95 % half-width is within `target` (relative), or `budget_s` is spent."""

    budget_s: float
    target: float = 0.02
    confidence: float = 0.95


@dataclass(frozen=True)
class Look:
    """What a duel knows, and what to do: more quads, a fresh launch, or stop and say why."""

    estimate: Estimate
    step: str


def look(
    rule: Rule,
    launches: Sequence[np.ndarray],
    spread: LaunchSpread,
    *,
    spent_s: float,
    quad_s: float,
    launch_s: float,
) -> Look:
    """Decide after a look.

    launches: the quads' log-ratios of each launch so far. quad_s and launch_s: what one more
    of each is expected to take; a step that the budget cannot pay for is not begun.
    Returns: step is "quads" or "launch" to go on, else what limited the duel: "precision",
    "launches" or "budget".
    """
    now = estimate(launches, spread, rule.confidence)
    left_s = rule.budget_s - spent_s
    if now.half_width <= rule.target:
        return Look(now, "precision")
    if now.within_half_width > rule.target:
        quads = len(launches[-1]) if len(launches) == 1 else FIRST_LOOK_QUADS
        step = MORE_QUADS if len(launches) == 1 else MORE_LAUNCHES
        cost_s = quads * quad_s if step == MORE_QUADS else launch_s
        return Look(now, step if cost_s <= left_s else "budget")
    return Look(now, MORE_LAUNCHES if launch_s <= left_s else "launches")
