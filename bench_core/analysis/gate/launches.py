"""What a few launches of one cell say, and which of many cells may be called slower.

A launch value is log(head / base) of one fresh pair of processes, above 0 where head is slower.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from bench_core.analysis.statistics import PRIOR_LAUNCH_DOF, PRIOR_LAUNCH_SD, LaunchSpread
from bench_core.record import Interval

LEVEL = 0.99
"""Of every bound that the gate shows, each side by itself."""
SMALLEST_SD = PRIOR_LAUNCH_SD / 2
_LARGEST_LOG = 700.0


@dataclass(frozen=True)
class TrimmedMean:
    """Of launch values, with its standard error on `dof` degrees of freedom."""

    mean: float
    se: float
    dof: float


def yuen(values: Sequence[float]) -> TrimmedMean:
    """The 20 % trimmed mean of launch values, and Yuen's standard error of it.

    g = ⌊n / 5⌋ are cut off each end, h = n - 2g are kept;
    se = √(SSD_w / (h (h - 1))) on h - 1 degrees of freedom, SSD_w the squared deviations of
    the winsorised values from their mean. Below 5 launches nothing is cut: Student's t.
    Raises: ValueError below 2 launches, and for a value that is no finite number.
    Source: Yuen 1974, Biometrika 61:165.
    """
    if len(values) < 2 or not all(map(math.isfinite, values)):
        raise ValueError(f"expected at least 2 finite launch values, found {list(values)!r:.60}")
    ordered, cut = sorted(values), len(values) // 5
    kept = ordered[cut : len(ordered) - cut]
    mean, ends = math.fsum(kept) / len(kept), (kept[0], kept[-1])
    if ends[0] == ends[1]:
        # The mean of equal values is that value, which the division may miss by an ulp.
        return TrimmedMean(ends[0], 0.0, len(kept) - 1)
    winsorised = [ends[0]] * cut + kept + [ends[1]] * cut
    centre = math.fsum(winsorised) / len(winsorised)
    squares = math.fsum((value - centre) ** 2 for value in winsorised)
    return TrimmedMean(mean, math.sqrt(squares / (len(kept) * (len(kept) - 1))), len(kept) - 1)


def at_least_the_machines(estimate: TrimmedMean) -> TrimmedMean:
    """The same, with no smaller a standard error than launches on a quiet machine have.

    se ≥ 0.65 % / √h, half of the prior spread from launch to launch. A process has one of a few
    layouts, and four launches can fall on one side with almost no spread: of unchanged suites
    of 24 cells with two layouts 4 % apart, t alone failed 2.5 in 100, with this 0.2.
    """
    least = SMALLEST_SD / math.sqrt(estimate.dof + 1)
    return replace(estimate, se=max(estimate.se, least))


def steadied(estimate: TrimmedMean, spread: LaunchSpread) -> TrimmedMean:
    """The same, its spread drawn towards that of its class in this session.

    sd² = (k · sd_class² + dof · sd_own²) / (k + dof), on k + dof degrees of freedom, k at most
    8: three degrees of four launches are a poor measure of a spread, and t on them asks for
    bounds of 4.5 standard errors, so that in one suite in two some unchanged cell had to be
    launched eight times.
    """
    count, prior = estimate.dof + 1, min(spread.dof, PRIOR_LAUNCH_DOF)
    dof = prior + estimate.dof
    own = estimate.se**2 * count
    square = (prior * spread.sd**2 + estimate.dof * own) / dof
    return TrimmedMean(estimate.mean, math.sqrt(square / count), dof)


def p_above(estimate: TrimmedMean, bound: float) -> float:
    """One-sided p of "the true mean is at most `bound`"; without any spread it is 0 or 1."""
    from scipy.special import stdtr

    distance = estimate.mean - bound
    if not estimate.se:
        return 0.0 if distance > 0 else 1.0
    return float(stdtr(estimate.dof, -distance / estimate.se))


def log_bounds(estimate: TrimmedMean, level: float = LEVEL) -> tuple[float, float]:
    """A lower and an upper bound, each one-sided at `level`."""
    half = student(estimate.dof, level) * estimate.se
    return estimate.mean - half, estimate.mean + half


def student(dof: float, level: float) -> float:
    """Student's t, one-sided."""
    from scipy.special import stdtrit

    return float(stdtrit(dof, level))


def holm(p_values: Mapping[str, float], alpha: float, total: int) -> frozenset[str]:
    """The names whose hypotheses Holm's step-down rejects; the chance of any error is alpha.

    The i-th smallest p, from 0, is rejected while p ≤ alpha / (total - i).
    total: of all hypotheses of the family. Those without a p now, decided before or not
    measured, count as p = 1: that loses power and keeps the level, over looks too, whose
    levels add (union bound).
    Raises: ValueError for more p than hypotheses.
    Source: Holm 1979, Scand. J. Statist. 6:65.
    """
    if len(p_values) > total:
        raise ValueError(f"expected at most {total} hypotheses, found {len(p_values)}")
    rejected: list[str] = []
    for name in sorted(p_values, key=p_values.__getitem__):
        if p_values[name] > alpha / (total - len(rejected)):
            break
        rejected.append(name)
    return frozenset(rejected)


def ratio(log_ratio: float) -> float:
    """Of a log, as a number that JSON can hold: a bound of e⁷⁰⁰ bounds nothing."""
    return math.exp(min(log_ratio, _LARGEST_LOG))


def ratios(mean: float, low: float, high: float) -> Interval:
    """The interval of head / base from that of its log."""
    return Interval(ratio(mean), ratio(low), ratio(high))
