"""Which mode to advise: the two best against each other, then the winner afresh."""

from dataclasses import replace

from bench_core.analysis.advice import candidates
from bench_core.analysis.break_even import break_even
from bench_core.analysis.statistics import latency
from bench_core.cell import Cell
from bench_core.duel.duel import Duel
from bench_core.duel.stopping import Rule
from bench_core.errors import BenchError
from bench_core.record import Advice, Record, Speedup
from bench_core.sweep.arena import Arena
from bench_core.sweep.start import probed, ready_of
from bench_core.sweep.trial import speedup


def advise(arena: Arena, records: list[Record], rule: Rule) -> Advice:
    """What to run for one group of cells.

    The figure in the sweep was chosen for being the largest of many, and so flatters: the one
    advised comes from a duel of its own, between processes of fresh zygotes.
    """
    group = Cell.parse(records[0].cell).group
    best = [Cell.parse(record.cell) for record in _contested(candidates(records))]
    if not best:
        return Advice(group, None, "no other mode was found to be right and timed")
    try:
        return _play(arena, group, best, rule)
    except BenchError as error:
        return Advice(group, None, f"the play-off came to nothing: {error}")


def _contested(ranked: list[Record]) -> list[Record]:
    """The best, and the second where the sweep could not tell them apart."""
    bounds = [record.speedup for record in ranked[:2] if record.speedup]
    apart = len(bounds) == 2 and bounds[1].high < bounds[0].low
    return ranked[:1] if apart else ranked[:2]


def _play(arena: Arena, group: str, best: list[Cell], rule: Rule) -> Advice:
    winner, playoff = best[0], None
    if len(best) == 2:
        arena.say(f"play-off: {best[0].mode} against {best[1].mode}")
        duel = _fresh_duel(arena, best[1], best[0], rule)
        playoff = speedup(duel, best[1].mode)
        if playoff.ratio < 1:
            winner, playoff = best[1], _turned(playoff, duel, best[0].mode)
    reference = arena.reference(winner)
    arena.say(f"play-off: {winner.mode} against {reference.cell.mode}")
    duel = _fresh_duel(arena, reference.cell, winner, rule)
    afresh = speedup(duel, reference.cell.mode)
    if afresh.low <= 1:
        reason = f"none was measurably faster; {winner.mode} came nearest"
        return Advice(group, None, reason, speedup=afresh)
    with arena.contender(winner) as contender:
        builds_module = contender.started["built_module"]
    ready, peak = probed(arena, winner, builds_module=builds_module)
    return Advice(
        group,
        str(winner),
        None,
        speedup=afresh,
        runner_up=playoff.reference if playoff else None,
        playoff=playoff,
        ready_s=ready,
        break_even_calls=break_even(ready, ready_of(arena, reference), afresh),
        peak_rss_bytes=peak,
    )


def _fresh_duel(arena: Arena, first: Cell, second: Cell, rule: Rule) -> Duel:
    with arena.fresh_pair(first, second) as pair:
        return arena.fight(pair, lambda: arena.fresh_pair(first, second), rule)


def _turned(found: Speedup, duel: Duel, reference: str) -> Speedup:
    """The same duel seen from its other side."""
    return replace(
        found,
        reference=reference,
        reference_median_s=latency(duel.samples_s("B"), duel.calls_per_sample).p50,
        ratio=1 / found.ratio,
        low=1 / found.high,
        high=1 / found.low,
        launch_values=tuple(-value for value in found.launch_values),
    )
