"""How often the gate is wrong: whole suites replayed from real launches.

A two-level bootstrap: cells are drawn with replacement, then launches of each. What it finds
is conditional on those launches: tails beyond them, and what is common to all cells of one
launch, are not in it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bench_core.analysis.gate.protocol import Decision, Launch, decisions
from bench_core.analysis.gate.rule import GateCell, GateRule
from bench_core.analysis.verdict import UNSURE, WORSE
from bench_core.record import Interval

PYTEST_BENCHMARK_LIMIT = 1.05


@dataclass(frozen=True)
class Launches:
    """Real launches of one condition, base against base in truth.

    bounds: the class of each cell. values [cells, pairs]: log(head / base).
    means, minima [cells, pairs, 2]: of the same samples, seconds, base then head.
    sentinels [sentinels, launches]: A/A values; sentinel_bounds: the class of each.
    Raises: ValueError for other shapes, fewer than 2 pairs, and what is not finite (or, of a
        time, not positive).
    """

    condition: str
    bounds: tuple[str, ...]
    values: np.ndarray
    means: np.ndarray
    minima: np.ndarray
    sentinel_bounds: tuple[str, ...]
    sentinels: np.ndarray

    def __post_init__(self) -> None:
        pairs = self.values.shape[1] if self.values.ndim == 2 else 0
        shape = (len(self.bounds), pairs)
        shapes = self.values.shape, self.means.shape, self.minima.shape
        if pairs < 2 or shapes != (shape, (*shape, 2), (*shape, 2)):
            raise ValueError(
                f"expected values of {len(self.bounds)} cells and at least 2 pairs, and a mean and "
                f"a minimum of each side of each, found {shapes[0]}, {shapes[1]} and {shapes[2]}"
            )
        if self.sentinels.ndim != 2 or len(self.sentinels) != len(self.sentinel_bounds):
            raise ValueError(
                f"expected A/A values of {len(self.sentinel_bounds)} sentinels, one row each, "
                f"found {self.sentinels.shape}"
            )
        logs = (self.values, self.sentinels)
        times = (self.means, self.minima)
        if not all(np.isfinite(a).all() for a in logs + times) or any(
            (a <= 0).any() for a in times
        ):
            raise ValueError("expected finite launch values and times above 0 s")


@dataclass(frozen=True)
class Tally:
    """What became of the replayed suites, and of the cells that were slowed in them.

    alarms, mean_alarms, min_alarms: suites in which a cell that was not slowed came out worse:
        by the gate, and by pytest-benchmark's `mean:5%` and `min:5%`.
    unsure: suites without a `worse` that have an unsure cell; invalid: those of an invalid
        session, which are among them. found, mean_found, min_found: slowed cells found.
    launches: of a suite, on average.
    """

    condition: str
    slowdown: float
    suites: int
    slowed: int
    alarms: int
    unsure: int
    invalid: int
    found: int
    mean_alarms: int
    mean_found: int
    min_alarms: int
    min_found: int
    launches: float


def replay(
    rule: GateRule,
    measured: Launches,
    *,
    suites: int = 2000,
    cells: int = 24,
    slowed: int = 0,
    slowdown: float = 0.0,
    seed: int = 0,
) -> Tally:
    """Suites of `cells` drawn cells, `slowed` of which have head slowed by `slowdown`, a share.

    The screen's launches of a drawn cell come from one random half of its pairs, the confirm's
    from the other; the arms are swapped at random in each launch drawn, then head is slowed.
    pytest-benchmark, which runs each side once, is given the first launch of each cell: its
    samples are pinned and interleaved ones here, which flatters it.
    """
    rng = np.random.default_rng(seed)
    outcomes = [_suite(rule, measured, rng, cells, slowed, slowdown) for _ in range(suites)]
    alarms, found = np.zeros(3, int), np.zeros(3, int)
    for outcome in outcomes:
        alarms += outcome.failing[:, slowed:].any(axis=1)
        found += outcome.failing[:, :slowed].sum(axis=1)
    calm = [o for o in outcomes if not o.failing[0].any()]
    return Tally(
        measured.condition,
        slowdown,
        suites,
        slowed=suites * slowed,
        alarms=int(alarms[0]),
        unsure=sum(UNSURE in outcome.kinds for outcome in calm),
        invalid=sum(outcome.invalid for outcome in outcomes),
        found=int(found[0]),
        mean_alarms=int(alarms[1]),
        mean_found=int(found[1]),
        min_alarms=int(alarms[2]),
        min_found=int(found[2]),
        launches=sum(outcome.launches for outcome in outcomes) / suites,
    )


def rate(count: int, of: int) -> Interval:
    """A share with its exact bounds: 95 % two-sided, at 0 and at `of` the one bound is one-sided.

    Raises: ValueError unless 0 ≤ count ≤ of and of > 0.
    Source: Clopper & Pearson 1934, Biometrika 26:404.
    """
    from scipy.special import betaincinv

    if not 0 <= count <= of or of == 0:
        raise ValueError(f"expected 0 ≤ count ≤ of and of > 0, found {count} of {of}")
    tail = 0.05 if count in (0, of) else 0.025
    low = float(betaincinv(count, of - count + 1, tail)) if count else 0.0
    high = float(betaincinv(count + 1, of - count, 1 - tail)) if count < of else 1.0
    return Interval(count / of, low, high)


@dataclass(frozen=True)
class _Outcome:
    """failing [gate · mean · min, cells]; kinds: by cell, as the gate came to them."""

    failing: np.ndarray
    kinds: tuple[str, ...]
    invalid: bool
    launches: int


def _suite(
    rule: GateRule,
    measured: Launches,
    rng: np.random.Generator,
    cells: int,
    slowed: int,
    slowdown: float,
) -> _Outcome:
    """One replayed suite; its first `slowed` cells are the slowed ones."""
    drawn = rng.integers(len(measured.bounds), size=cells)
    pairs = _pairs(rng, cells, measured.values.shape[1], rule)
    swap = rng.random(pairs.shape) < 0.5
    shift = np.where(np.arange(cells) < slowed, math.log1p(slowdown), 0.0)
    values = measured.values[drawn[:, None], pairs]
    values = np.where(swap, -values, values) + shift[:, None]
    sentinels = _sentinels(rng, measured, pairs.shape[1])
    decision = _decided(rule, [measured.bounds[i] for i in drawn], values, measured, sentinels)
    first = (drawn, pairs[:, 0])
    log_limit = math.log(PYTEST_BENCHMARK_LIMIT)
    failing = [np.array([verdict.kind == WORSE for verdict in decision.verdicts])]
    for times in (measured.means[first], measured.minima[first]):
        log_ratios = np.log(times[:, 1]) - np.log(times[:, 0])
        failing.append(np.where(swap[:, 0], -log_ratios, log_ratios) + shift > log_limit)
    launches = max(map(len, decision.confirm.values()), default=0) + rule.screen_launches
    kinds = tuple(verdict.kind for verdict in decision.verdicts)
    return _Outcome(np.stack(failing), kinds, decision.invalid is not None, launches)


def _pairs(rng: np.random.Generator, cells: int, pairs: int, rule: GateRule) -> np.ndarray:
    """Which pairs a suite launches, [cells, screen and confirm]: from disjoint halves."""
    shuffled = rng.permuted(np.tile(np.arange(pairs), (cells, 1)), axis=1)
    half = pairs // 2
    screen = rng.integers(half, size=(cells, rule.screen_launches))
    confirm = rng.integers(half, pairs, size=(cells, rule.looks[-1]))
    return np.take_along_axis(shuffled, np.hstack([screen, confirm]), axis=1)


def _sentinels(rng: np.random.Generator, measured: Launches, launches: int) -> np.ndarray:
    """[sentinels, launches], drawn from its own A/A values, the arms swapped at random."""
    rows, seen = measured.sentinels.shape
    drawn = np.take_along_axis(measured.sentinels, rng.integers(seen, size=(rows, launches)), 1)
    swapped: np.ndarray = drawn * rng.choice([-1.0, 1.0], size=drawn.shape)
    return swapped


def _decided(
    rule: GateRule,
    bounds: Sequence[str],
    values: np.ndarray,
    measured: Launches,
    sentinels: np.ndarray,
) -> Decision:
    """The real gate's own decision, its launches read off `values` [cells, launches]."""
    # Tuples of Python's floats: the gate asks for them one by one.
    rows = {str(i): row for i, row in enumerate(values.tolist())}
    names = {f"sentinel {i}": row for i, row in enumerate(sentinels.tolist())}
    number = iter(range(values.shape[1]))

    def launch(asked: Sequence[str]) -> Launch:
        i = next(number)
        return Launch({c: rows[c][i] for c in asked}, {c: row[i] for c, row in names.items()})

    cells = {str(i): GateCell(bound, rule.threshold) for i, bound in enumerate(bounds)}
    classes = dict(zip(names, measured.sentinel_bounds, strict=True))
    *_, last = decisions(rule, cells, launch, sentinels=classes)
    return last
