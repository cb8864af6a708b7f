"""How far the same code's time differs from one saved run to another, and what that can show."""

import math
from dataclasses import dataclass

import numpy as np

from bench_core.analysis.verdict import Verdict
from bench_core.record import Speedup

ABSOLUTE, RATIO = "seconds", "ratio to the reference"
"""What of a latency is compared: itself, or its ratio to that of a reference in the same run."""
ASSUMED_SD = {ABSOLUTE: 0.0266, RATIO: 0.014}
"""From one session to the next on machines of one kind. The first was measured by CodSpeed on
GitHub's hosted runners; the second is what a reference in the same run leaves of it."""
ALPHA = 0.01
"""The chance of flagging any cell of an unchanged suite, one way."""
CELLS = 100
"""Cells that an assumed spread is taken to be searched for: 3.72 sd, and more above them."""
LEAST = 0.01
"""A limit below this would flag what the gate calls no slowdown."""
BOUND = 0.99
"""Of each bound by itself."""
MIN_SESSIONS = 3
POWER = 0.95


@dataclass(frozen=True)
class Limits:
    """Per cell: the change that is flagged, as a share; how far a bound is off, as a log."""

    limit: np.ndarray
    half: np.ndarray


def limits(sd: np.ndarray, sessions: np.ndarray, noise: np.ndarray, assumed_sd: float) -> Limits:
    """What a new session of unchanged code stays within, given earlier ones of the same cell.

    Of an assumed spread:              z · sd · √(1 + 1/N)
    Of the N ≥ 3 sessions' own spread: t(N-1) · s · √(1 + 1/N), their prediction interval
    at 1 - 1 % / cells, one-sided. One file and up to 100 cells: 3.72 · √2 · 2.66 % = 14 % of a
    latency, 7.4 % of a ratio. The smaller one counts: three sessions know their own spread so
    badly (t = 55 for 60 cells) that more files would see less.
    sd [cells]: of the log of the stored values, NaN where there are fewer than two.
    sessions [cells]: N. noise [cells]: se of the log-ratio that the records' own intervals
    imply, below which no limit can go.
    """
    from scipy.special import ndtri, stdtrit

    cells = max(len(sessions), 1)
    room = np.sqrt(1 + 1 / sessions)
    many = sessions >= MIN_SESSIONS
    dof = np.where(many, sessions - 1.0, 1.0)
    z = quantile(cells)
    assumed = z * assumed_sd * room
    own = np.where(many, stdtrit(dof, 1 - ALPHA / cells) * sd * room, np.inf)
    chosen = own < assumed
    half = np.where(chosen, stdtrit(dof, BOUND) * sd, ndtri(BOUND) * assumed_sd) * room
    return Limits(
        limit=np.maximum(np.maximum(np.where(chosen, own, assumed), LEAST), np.expm1(z * noise)),
        half=np.maximum(half, ndtri(BOUND) * noise),
    )


def quantile(cells: int) -> float:
    """Of the normal distribution, at 1 % over all the cells, one way."""
    from scipy.special import ndtri

    return float(ndtri(1 - ALPHA / max(cells, CELLS)))


def found_from(verdict: Verdict) -> float:
    """The slowdown that is flagged 95 times in 100: limit + 1.64 · sd, of the log-ratio.

    sd is what the upper bound of the change is 2.33 times of.
    """
    from scipy.special import ndtri

    if verdict.change is None or verdict.limit is None:
        return math.inf
    half = math.log(verdict.change.high) - math.log(verdict.change.value)
    return verdict.limit + half * float(ndtri(POWER) / ndtri(BOUND))


def log_se(speedup: Speedup) -> float:
    """Standard error of the log of a speed-up, as its interval says."""
    from scipy.special import ndtri

    z = float(ndtri((1 + speedup.confidence) / 2))
    return (math.log(speedup.high) - math.log(speedup.low)) / (2 * z)
