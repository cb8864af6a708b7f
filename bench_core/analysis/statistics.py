"""From block medians to the interval of a speed-up. All ratios are on the log scale."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bench_core.record import Latency

TRIM = 0.20
BATCHES = 8
PRIOR_LAUNCH_SD = 0.013
"""Launch-to-launch sd of the log-ratio of two identical programs, a fresh zygote per side:
1.34, 0.95 and 0.68 % measured on three models; the largest is kept."""
PRIOR_LAUNCH_DOF = 8.0
FLOOR_DOF = 2.0
SEEN_BEYOND = 0.99
"""The chance, at least, of having seen a sample beyond a percentile that is reported."""


@dataclass(frozen=True)
class LaunchSpread:
    """sd of a launch value from launch to launch, and the degrees of freedom it rests on."""

    sd: float
    dof: float


@dataclass(frozen=True)
class Estimate:
    """A log-ratio, above 0 where the mode is faster, and its bounds.

    half_width = (high - low) / 2; within_half_width is what it would be if a fresh launch
    changed nothing: more quads narrow this part, only more launches the rest.
    """

    log_ratio: float
    low: float
    high: float
    within_half_width: float
    half_width: float


def quad_log_ratios(reference_s: np.ndarray, mode_s: np.ndarray) -> np.ndarray:
    """The mean log-ratio reference / mode of each quad, above 0 where the mode is faster.

    Shapes: block medians [quads, 2] and [quads, 2] → [quads].
    Raises: ValueError for other shapes, and for a time that is not a positive number.
    """
    reference_s, mode_s = np.asarray(reference_s, float), np.asarray(mode_s, float)
    if reference_s.ndim != 2 or reference_s.shape[1] != 2 or reference_s.shape != mode_s.shape:
        raise ValueError(
            f"expected two arrays [quads, 2], found {reference_s.shape} and {mode_s.shape}"
        )
    both = np.stack([reference_s, mode_s])
    if not (np.isfinite(both).all() and (both > 0).all()):
        raise ValueError("expected block medians above 0 s, found one that is not")
    ratios: np.ndarray = (np.log(reference_s) - np.log(mode_s)).mean(axis=1)
    return ratios


def launch_value(quads: np.ndarray) -> float:
    """The 20 % trimmed mean of a launch's quads: contention spoils some of them wholly."""
    if not len(quads):
        raise ValueError("expected at least one quad, found none")
    cut = _cut(len(quads))
    kept = np.sort(quads)[cut : len(quads) - cut]
    return math.fsum(kept) / len(kept)


def within_se(quads: np.ndarray) -> float:
    """Standard error of `launch_value` within its launch, on 7 degrees of freedom.

    se = sd(means of 8 consecutive batches of the winsorised quads) / (0.6 · √8)
    Batches, because neighbouring quads correlate (lag 1: .2 to .5). At 8 quads less than 20 %
    can be cut off each end and 0.6 is too small a divisor, which errs to the wide side.
    Raises: ValueError below 8 quads.
    Source: Tukey & McLaughlin 1963, Sankhyā A 25:331 (winsorised se of a trimmed mean).
    """
    if len(quads) < BATCHES:
        raise ValueError(f"expected at least {BATCHES} quads, found {len(quads)}")
    ordered, cut = np.sort(quads), _cut(len(quads))
    winsorised = np.clip(quads, ordered[cut], ordered[-cut - 1])
    means = [float(batch.mean()) for batch in np.array_split(winsorised, BATCHES)]
    return float(np.std(means, ddof=1)) / ((1 - 2 * TRIM) * math.sqrt(BATCHES))


def pooled_launch_sd(values: Sequence[float]) -> LaunchSpread:
    """The spread of A/A launch values, whose true mean is 0, pooled with the prior.

    sd² = (Σ value² + 8 · 1.3 %²) / (launches + 8), on launches + 8 degrees of freedom.
    """
    dof = len(values) + PRIOR_LAUNCH_DOF
    total = math.fsum(value * value for value in values)
    return LaunchSpread(math.sqrt((total + PRIOR_LAUNCH_DOF * PRIOR_LAUNCH_SD**2) / dof), dof)


def family_spread(
    floor: LaunchSpread, cells: Sequence[Sequence[float]], floor_dof: float = FLOOR_DOF
) -> LaunchSpread:
    """The spread of launch values about the mean of their own cell, pooled over `cells`.

    Two programs that differ answer differently to what the machine does from one launch to
    the next: the ratio of eager to ONNX Runtime spread by 6 % where A/A launches spread by
    1.3 %. So the A/A spread, `floor`, is only a prior here, worth 2 degrees of freedom; where
    the two sides are nearly the same program, as base and head are, it is worth its own.
    """
    dof = floor_dof + sum(len(values) - 1 for values in cells)
    squares = [float(np.var(values)) * len(values) for values in cells]
    # fsum: the order of the cells must not change a digit.
    return LaunchSpread(math.sqrt(math.fsum([floor_dof * floor.sd**2, *squares]) / dof), dof)


def estimate(
    launches: Sequence[np.ndarray], spread: LaunchSpread, confidence: float = 0.95
) -> Estimate:
    """The mean of the launch values, ± t · √(se² + sd² / launches).

    launches: the quads' log-ratios of each launch, at least 8 apiece.
    se² = Σ se_i² / launches², on 7 · launches degrees of freedom; those of the sum are
    Satterthwaite's.
    """
    if not launches:
        raise ValueError("expected at least one launch, found none")
    value = math.fsum(launch_value(quads) for quads in launches) / len(launches)
    within = math.fsum(within_se(quads) ** 2 for quads in launches) / len(launches) ** 2
    within_dof = (BATCHES - 1.0) * len(launches)
    between = spread.sd**2 / len(launches)
    total = within + between
    # Shares of the total, so that nothing is divided by zero or squared to nothing.
    share = within / total if total else 1.0
    dof = 1 / (share**2 / within_dof + (1 - share) ** 2 / spread.dof)
    half = _t(dof, confidence) * math.sqrt(total)
    within_half = _t(within_dof, confidence) * math.sqrt(within)
    return Estimate(value, value - half, value + half, within_half, half)


def half_width(readings: Sequence[float], confidence: float = 0.95) -> float:
    """Of the mean of a few independent readings: t · sd / √n."""
    sd = float(np.std(readings, ddof=1))
    return _t(len(readings) - 1.0, confidence) * sd / math.sqrt(len(readings))


def latency(samples_s: np.ndarray, calls_per_sample: int) -> Latency:
    """Percentiles of all samples, spoilt or not.

    samples_s [samples]: seconds per call; where a sample is the mean of several calls, it
    says nothing of a percentile above the median, which then is null. So is one that fewer
    than n samples were taken for: n ≥ ln 0.01 / ln p (44, 90 and 459 for p90, p95, p99).
    Percentiles between two samples are interpolated linearly.
    """
    count = len(samples_s)
    if not count:
        raise ValueError("expected at least one sample, found none")

    def percentile(share: float) -> float | None:
        enough = count >= math.log(1 - SEEN_BEYOND) / math.log(share)
        return float(np.quantile(samples_s, share)) if enough and calls_per_sample == 1 else None

    middle = float(np.median(samples_s))
    tail = (percentile(0.90), percentile(0.95), percentile(0.99))
    return Latency(middle, middle, *tail, samples=count, calls_per_sample=calls_per_sample)


def _cut(count: int) -> int:
    """How many are cut off each end."""
    return int(TRIM * count)


def _t(dof: float, confidence: float) -> float:
    """Student's t, two-sided."""
    from scipy.special import stdtrit

    return float(stdtrit(dof, (1 + confidence) / 2))
