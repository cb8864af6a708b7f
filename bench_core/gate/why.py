"""Where the time of a cell that got slower goes: base and head under a profiler, in turn."""

import math
from dataclasses import replace
from statistics import median

from bench_core.analysis.explain.difference import explain, times
from bench_core.analysis.explain.words import sentence
from bench_core.analysis.statistics import Estimate
from bench_core.analysis.verdict import Verdict
from bench_core.cell import Cell
from bench_core.errors import BenchError
from bench_core.gate.exam import Standing
from bench_core.gate.sides import BASE, HEAD, Sides
from bench_core.record import Interval
from bench_core.sweep.profiling import profiles


def with_why(
    verdict: Verdict, change: Interval, standings: dict[str, Standing], sides: Sides
) -> Verdict:
    """The verdict, whose reason also says what head saves and pays against base.

    change: the verdict's. An injected slowdown is in no profile, and so is unexplained.
    """
    cell = Cell.parse(verdict.cell)
    try:
        with sides.base.contender(cell) as base, sides.head.contender(cell) as head:
            found = profiles((base, head))
    except BenchError as error:
        why = f"why is not known: {error}"
    else:
        value, low, high = (-math.log(ratio) for ratio in (change.value, change.high, change.low))
        half = (high - low) / 2
        base_s, head_s = (median(standings[name].median_s) for name in (BASE, HEAD))
        duel = times(base_s, head_s, Estimate(value, low, high, half, half))
        names = [sides.tree(name).name for name in (BASE, HEAD)]
        why = f"why: {sentence(explain(*found, duel), *names)}"
    said = [*([verdict.reason] if verdict.reason else []), why]
    return replace(verdict, reason="; ".join(said))
