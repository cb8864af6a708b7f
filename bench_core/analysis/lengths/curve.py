"""Latency over length as a curve, and where two of them cross."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

TERMS = 3
LEAST_LENGTHS = TERMS + 1
"""With as many as terms any points lie on a curve, and their distance from it says nothing."""

LEAST_HALF_WIDTH = 0.005
"""No point weighs as if it were known better than this: the curve's form is not truer than that,
and the reference's ratio to itself is known exactly."""


@dataclass(frozen=True)
class Point:
    """One mode's latency at one length.

    half_width: of its ratio to the reference at that length, on the log scale, at 95 %.
    """

    length: int
    latency_s: float
    half_width: float


@dataclass(frozen=True)
class Curve:
    """latency(n) = fixed + linear · n + square · n², for n from `shortest` to `longest`.

    fixed_s: what a call costs at any length: its dispatch, the weights that it reads.
    linear_s: per unit of length: a token's products with the weights. square_s: per unit
    squared: attention, or pixels where the length is a side.
    off_by: the farthest that one of its points lies from it, as a share of the curve.
    """

    fixed_s: float
    linear_s: float
    square_s: float
    shortest: int
    longest: int
    off_by: float

    def latency_s(self, length: float) -> float:
        return self.fixed_s + length * (self.linear_s + length * self.square_s)


def fit(points: Sequence[Point]) -> Curve:
    """The curve by non-negative least squares; each point weighs as much as it is known well.

    min Σ ((latency(n_i) − t_i) / (t_i · half_width_i))² over fixed, linear, square ≥ 0: none of
    the three can save time, so a negative one would be noise that a curve bends to.
    Raises: ValueError below four different lengths, and for times that are none.
    Source: Lawson & Hanson 1974, Solving Least Squares Problems, ch. 23 (SciPy's nnls).
    """
    from scipy.optimize import nnls

    lengths = np.array([point.length for point in points], float)
    latencies_s = np.array([point.latency_s for point in points])
    if len(set(lengths)) < LEAST_LENGTHS:
        raise ValueError(f"expected at least {LEAST_LENGTHS} lengths, found {len(set(lengths))}")
    if not (np.isfinite(latencies_s).all() and (latencies_s > 0).all()):
        raise ValueError("expected latencies above 0 s, found one that is not")
    known = np.maximum([point.half_width for point in points], LEAST_HALF_WIDTH)
    longest = lengths.max()
    powers = (lengths / longest)[:, None] ** np.arange(TERMS)
    design = powers / (known * latencies_s)[:, None]
    # Columns of one size: what is then solved is the same in any unit of time and of length.
    sizes = np.linalg.norm(design, axis=0)
    found, _ = nnls(design / sizes, 1 / known, maxiter=100)
    terms = found / sizes
    fitted_s = powers @ terms
    fixed_s, linear_s, square_s = terms / longest ** np.arange(TERMS)
    return Curve(
        float(fixed_s),
        float(linear_s),
        float(square_s),
        int(lengths.min()),
        int(longest),
        float(np.abs(latencies_s / fitted_s - 1).max()),
    )


@dataclass(frozen=True)
class Crossing:
    """Where two curves cross. first_below: whether the first is the faster at lesser lengths."""

    length: float
    first_below: bool


def crossings(first: Curve, second: Curve) -> list[Crossing]:
    """At which lengths, of those that both were measured between, the faster one changes.

    A curve says nothing beyond its points, so no crossing is looked for there; curves that
    touch, or are the same, do not cross.
    """
    low, high = max(first.shortest, second.shortest), min(first.longest, second.longest)
    # Lengths as shares of the longest, so that the three terms are of one size.
    square = (first.square_s - second.square_s) * high * high
    linear = (first.linear_s - second.linear_s) * high
    fixed = first.fixed_s - second.fixed_s
    roots = [share * high for share in _roots(square, linear, fixed)]
    inside = sorted(root for root in roots if low < root < high)
    middles = [sum(pair) / 2 / high for pair in pairwise([low, *inside, high])]
    signs = np.sign([fixed + share * (linear + share * square) for share in middles])
    return [
        Crossing(root, bool(before < 0))
        for root, (before, after) in zip(inside, pairwise(signs), strict=True)
        if before * after < 0
    ]


def _roots(square: float, linear: float, fixed: float) -> list[float]:
    """The real roots of a quadratic, neither from a difference of near equals."""
    discriminant = linear * linear - 4 * square * fixed
    if discriminant < 0:
        return []
    q = -(linear + math.copysign(math.sqrt(discriminant), linear)) / 2
    return [top / bottom for top, bottom in ((q, square), (fixed, q)) if bottom]
