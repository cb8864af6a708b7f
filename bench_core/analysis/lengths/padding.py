"""What padding to a multiple of a bucket costs: padded / exact, both timed in one duel."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from bench_core.record import Interval, Speedup


def padded_length(length: int, bucket: int) -> int:
    """The least multiple of `bucket` that holds `length`."""
    return -(-length // bucket) * bucket


@dataclass(frozen=True)
class Padding:
    """One mode at one length, padded to `padded`.

    cost: padded / exact, above 1 where padding takes time. None for a length that is a multiple,
    which costs nothing, and, with a `reason`, where it could not be measured.
    """

    mode: str
    length: int
    padded: int
    cost: Speedup | None = None
    reason: str | None = None


def mean_cost(paddings: Sequence[Padding]) -> Interval | None:
    """The geometric mean over one mode's lengths, each as likely as any other; 95 %.

    The half-widths, on the log scale, add up as independent ones do: √Σ h² / lengths.
    None where one of them could not be measured.
    """
    if not paddings or any(one.reason for one in paddings):
        return None
    costs = [one.cost for one in paddings if one.cost]
    value = math.fsum(math.log(cost.ratio) for cost in costs) / len(paddings)
    squares = math.fsum(math.log(cost.high / cost.low) ** 2 / 4 for cost in costs)
    half = math.sqrt(squares) / len(paddings)
    return Interval(*(math.exp(at) for at in (value, value - half, value + half)))
