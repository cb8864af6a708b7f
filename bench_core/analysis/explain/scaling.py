"""What more threads of a mode do not gain."""

import math
from dataclasses import dataclass

from bench_core.analysis.statistics import Estimate
from bench_core.record import Interval


@dataclass(frozen=True)
class Scaling:
    """Seconds per call of a mode on one thread and on `threads`, and what is lost."""

    threads: int
    one_s: float
    all_s: float
    lost_s: Interval


def scaling(one_median_s: float, all_median_s: float, estimate: Estimate, threads: int) -> Scaling:
    """What is lost = T(n) − T(1) / n, serial parts included, from the duel of 1 thread against n.

    With r = ln(T(1) / T(n)) and m the geometric mean of the medians it is m·(e^(−r/2) − e^(r/2)/n),
    which falls as r grows.
    """
    mean_s = math.sqrt(one_median_s * all_median_s)

    def lost_s(log_ratio: float) -> float:
        return mean_s * (math.exp(-log_ratio / 2) - math.exp(log_ratio / 2) / threads)

    half = estimate.log_ratio / 2
    lost = Interval(*map(lost_s, (estimate.log_ratio, estimate.high, estimate.low)))
    return Scaling(threads, mean_s * math.exp(half), mean_s * math.exp(-half), lost)
