"""What the gate asks for and when it looks: fixed before the first launch."""

import math
from dataclasses import dataclass, replace
from itertools import pairwise

from bench_core.errors import UsageError

SMALLEST_THRESHOLD, LARGEST_THRESHOLD = 0.005, 1.0
FEWEST_SCREEN_LAUNCHES = 2
FEWEST_LAUNCHES = 4
"""Of a test: with 3 its t has 2 degrees of freedom, and no power at the levels spent."""
FEWEST_SEEN = 2
"""Of a look that spends nothing, and so can only find a cell within."""


@dataclass(frozen=True)
class GateCell:
    """One cell to judge: its class, and the slowdown that must be found in it (0.05 is 5 %).

    bound: compute, memory or dispatch; cells of one class share a launch-to-launch spread.
    """

    bound: str
    threshold: float


@dataclass(frozen=True)
class GateRule:
    """The schedule and the levels. A threshold is a share: 0.05 is 5 %.

    screen_launches: of every cell. looks: fresh launches of a flagged cell, cumulative, at
        which it is tested. alpha: the chance of a false alarm in a suite, at most; spending:
        the part of it that each look spends. One that spends nothing tests nothing: it only
        lets go the cells that are within.
    flag_share: the screen flags a log slowdown or speed-up beyond this part of the limit.
    null_share: a slowdown up to this part of the threshold is no regression: two builds of
        one program can differ by 1 %.
    Raises: UsageError for a rule that cannot be.
    """

    threshold: float = 0.05
    screen_launches: int = 2
    looks: tuple[int, ...] = (2, 4, 8, 16, 24)
    alpha: float = 0.01
    spending: tuple[float, ...] = (0.0, 0.15, 0.25, 0.30, 0.30)
    flag_share: float = 0.3
    null_share: float = 0.2

    def __post_init__(self) -> None:
        _check_threshold(self.threshold)
        _check_spending(self.alpha, self.spending, len(self.looks))
        _check_schedule(self.screen_launches, self.looks, self.spending)
        for name in ("flag_share", "null_share"):
            if not 0 < (share := getattr(self, name)) < 1:
                raise UsageError(f"{name}: expected a part of the threshold, found {share!r}")

    @property
    def log_limit(self) -> float:
        """log(1 + threshold): the slowdown that must be found."""
        return math.log1p(self.threshold)

    @property
    def log_null(self) -> float:
        """log(1 + null_share · threshold): up to here nothing is called slower."""
        return math.log1p(self.null_share * self.threshold)

    @property
    def log_flag(self) -> float:
        """flag_share · log(1 + threshold): beyond it the screen flags."""
        return self.flag_share * self.log_limit

    def alpha_at(self, look: int) -> float:
        """What may be spent at a look, the first is 0."""
        return self.alpha * self.spending[look]

    def of(self, threshold: float) -> "GateRule":
        """The same schedule at a cell's own threshold."""
        return self if threshold == self.threshold else replace(self, threshold=threshold)


def rule_for(threshold: float) -> GateRule:
    """From 5 % up 2 screen launches and looks at 2, 4, 8, 16, 24; below 4 and 4, 8, 16, 28, 40.

    Raises: UsageError for a threshold below 0.5 % or above 100 %.
    """
    if threshold < 0.05:
        return GateRule(threshold, screen_launches=4, looks=(4, 8, 16, 28, 40))
    return GateRule(threshold)


def _check_threshold(threshold: float) -> None:
    if not SMALLEST_THRESHOLD <= threshold <= LARGEST_THRESHOLD:
        raise UsageError(
            f"threshold: expected 0.5 % to 100 %, found {100 * threshold:.4g} %; a smaller "
            "slowdown cannot be told from the bias of a build, a larger one needs no gate"
        )


def _check_schedule(
    screen_launches: int, looks: tuple[int, ...], spending: tuple[float, ...]
) -> None:
    if screen_launches < FEWEST_SCREEN_LAUNCHES:
        raise UsageError(
            f"screen launches: expected at least {FEWEST_SCREEN_LAUNCHES}, found {screen_launches}"
        )
    tests = [look for look, spent in zip(looks, spending, strict=True) if spent]
    ascending = all(a < b for a, b in pairwise(looks))
    if looks[0] < FEWEST_SEEN or tests[0] < FEWEST_LAUNCHES or not ascending:
        raise UsageError(
            f"looks: expected ascending numbers of launches from {FEWEST_SEEN} up, those that "
            f"spend from {FEWEST_LAUNCHES} up, found {list(looks)}"
        )


def _check_spending(alpha: float, spending: tuple[float, ...], looks: int) -> None:
    if not 0 < alpha < 0.5:
        raise UsageError(f"alpha: expected a level above 0 and below 0.5, found {alpha!r}")
    if not looks or len(spending) != looks or min(spending) < 0 or not spending[-1]:
        raise UsageError(
            f"spending: expected a part from 0 up for each of {looks} looks, above 0 for the last, "
            f"found {list(spending)}"
        )
    if math.fsum(spending) > 1 + 1e-9:
        raise UsageError(
            f"spending: expected parts that sum to at most 1, found {math.fsum(spending):.6g}"
        )
