"""The latencies of a saved run against those of earlier ones: in seconds, or in ratios."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bench_core.analysis.compare.saved import SavedCell
from bench_core.analysis.compare.spread import ABSOLUTE, ASSUMED_SD, limits, log_se
from bench_core.analysis.verdict import BETTER, SKIPPED, UNSURE, WITHIN, Verdict
from bench_core.cell import Cell
from bench_core.record import Interval, Speedup

METRIC = "latency"
SLOWER = "slower than a saved file's limit; only a duel can tell"
Run = Mapping[str, SavedCell]


@dataclass(frozen=True)
class Judged:
    """A verdict, and the two values it compares; None where there are not two."""

    verdict: Verdict
    before: float | None = None
    after: float | None = None


def latencies(
    baselines: Sequence[Run], candidate: Run, names: Sequence[str], basis: str
) -> list[Judged]:
    """The cells `names`, which are ok in the candidate and in the newest baseline with them.

    Flagged slower is `unsure`, for a saved file only screens; flagged faster is `better`,
    which fails nothing. before: the geometric mean of the baselines.
    """
    given = {name: _unjudged(name, candidate[name], basis) for name in names}
    left = [name for name, judged in given.items() if judged is None]
    measured = _measured(baselines, candidate, left, basis) if left else {}
    return [given[name] or measured[name] for name in names]


def _unjudged(name: str, cell: SavedCell, basis: str) -> Judged | None:
    """Why the candidate alone leaves nothing to compare, or None."""
    if basis == ABSOLUTE:
        return None if cell.median_s else _unsure(name, "no time above 0 s in the newer file")
    if cell.speedup is None:
        return _unsure(name, "no ratio to a reference in the newer file")
    its = Cell.parse(cell.name)
    if (its.mode, its.provider) == (cell.speedup.reference, "cpu"):
        why = "the reference itself: its seconds are not compared under other conditions"
        return Judged(Verdict(name, METRIC, SKIPPED, reason=why))
    return None


def _unsure(name: str, reason: str) -> Judged:
    return Judged(Verdict(name, METRIC, UNSURE, reason=reason))


def _measured(
    baselines: Sequence[Run], candidate: Run, names: list[str], basis: str
) -> dict[str, Judged]:
    import pandas as pd

    # Cells down, runs across: pandas leaves out what is missing, cell by cell.
    logs = pd.DataFrame(
        [[_log_time(run.get(name), candidate[name], basis) for run in baselines] for name in names],
        index=names,
        dtype=float,
    ).dropna(how="all")
    before, sessions = logs.mean(axis="columns"), logs.count(axis="columns")
    noise = [_noise(name, baselines, candidate, basis) for name in logs.index]
    found = limits(
        logs.std(axis="columns").to_numpy(),
        sessions.to_numpy(),
        np.array(noise),
        ASSUMED_SD[basis],
    )
    rows = zip(logs.index, before, sessions, found.limit, found.half, strict=True)
    judged = {}
    for name, old, stored, limit, half in rows:
        after = _log_time(candidate[name], candidate[name], basis)
        judged[name] = _judged(name, old, after, stored, limit, half, basis)
    why = f"no {'time above 0 s' if basis == ABSOLUTE else 'ratio to the same reference'} before"
    return {name: judged.get(name) or _unsure(name, why) for name in names}


def _judged(
    name: str, before: float, after: float, sessions: int, limit: float, half: float, basis: str
) -> Judged:
    """before, after: logs of seconds, or of seconds over the reference's."""
    change = after - before
    kind, reason = WITHIN, None
    if abs(change) > math.log1p(limit):
        kind, reason = (UNSURE, SLOWER) if change > 0 else (BETTER, None)
    bounds = Interval(*(math.exp(change + way * half) for way in (0, -1, 1)))
    verdict = Verdict(name, METRIC, kind, bounds, float(limit), int(sessions), reason=reason)
    sign = 1 if basis == ABSOLUTE else -1
    return Judged(verdict, math.exp(sign * before), math.exp(sign * after))


def _log_time(cell: SavedCell | None, candidate: SavedCell, basis: str) -> float:
    """Log of the seconds, or of their ratio to the reference's; NaN where there is none."""
    if cell is None or not cell.ok:
        return math.nan
    if basis == ABSOLUTE:
        return math.log(cell.median_s) if cell.median_s else math.nan
    speedup = _against(cell, candidate)
    return -math.log(speedup.ratio) if speedup else math.nan


def _against(cell: SavedCell, candidate: SavedCell) -> Speedup | None:
    """Its speed-up, if that is against the reference that the candidate has too."""
    own, its = cell.speedup, candidate.speedup
    return own if own and its and own.reference == its.reference else None


def _noise(name: str, baselines: Sequence[Run], candidate: Run, basis: str) -> float:
    """Standard error of the difference of the logs, as the records' own intervals have it."""
    cell = candidate[name]
    if basis == ABSOLUTE or cell.speedup is None:
        return 0.0
    earlier = (run[name] for run in baselines if name in run and run[name].ok)
    stored = [log_se(speedup) for c in earlier if (speedup := _against(c, cell))]
    return math.hypot(math.hypot(*stored) / max(len(stored), 1), log_se(cell.speedup))
