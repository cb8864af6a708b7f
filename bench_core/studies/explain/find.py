"""What there is to find out of two modes: profiles, a duel, scaling, the roofline.

First both are profiled, in processes that are not timed; then they duel in fresh ones; then, where
there is more than one thread, each duels with itself on one.
"""

from dataclasses import replace
from typing import Any

from bench_core import discover
from bench_core.analysis.explain.difference import explain, times
from bench_core.analysis.explain.integer import int8_share
from bench_core.analysis.explain.profile import Profile
from bench_core.analysis.explain.report import Found, Side
from bench_core.analysis.explain.roofline import ITEM_BYTES, Ceiling, Layer, Roofline
from bench_core.analysis.explain.scaling import Scaling, scaling
from bench_core.analysis.statistics import latency
from bench_core.cell import Cell
from bench_core.duel.contender import BUILD_LIMIT_S, Failure, Worker
from bench_core.duel.duel import Duel
from bench_core.duel.stopping import Rule
from bench_core.studies.progress import Progress
from bench_core.sweep.arena import Arena
from bench_core.sweep.profiling import profiles
from bench_core.wire import Message

BUDGET_S = 20.0
SCALING_SHARE = 0.25
"""Of the budget, for each duel of a mode with itself on one thread."""


def find(
    arena: Arena, cells: tuple[Cell, Cell], budget_s: float | None, progress: Progress
) -> Found:
    """budget_s: of their duel. Raises: BenchError for what a mode or its process came to."""
    a, b = cells
    rule = Rule(BUDGET_S if budget_s is None else budget_s)
    progress.stage("explaining", 3 if a.threads == 1 else 5)
    progress.step("profiles")
    with arena.forked_pair(a, b) as pair:
        found = profiles(pair)
        evidence = [one.ask("evidence")[0] for one in pair]
    progress.step(f"{b.mode} against {a.mode}")
    with arena.fresh_pair(a, b) as pair:
        duel = arena.fight(pair, lambda: arena.fresh_pair(a, b), rule)
    scalings = [_scaling(arena, cell, rule, progress) for cell in cells]
    progress.step("roofline")
    roofline = _roofline(arena, a, b)
    first, second = (
        Side(cell.mode, profile, scaling, said["not_engaged"], _with_share(said, profile))
        for cell, profile, scaling, said in zip(cells, found, scalings, evidence, strict=True)
    )
    explanation = explain(*found, times(*_medians_s(duel), duel.look.estimate))
    return Found(explanation, first, second, roofline)


def _with_share(said: Message, profile: Profile) -> dict[str, Any]:
    """The evidence, and what share of the call int8 kernels take, if any."""
    share = int8_share(profile)
    return {**said["evidence"], **({"int8_share": share} if share else {})}


def _scaling(arena: Arena, cell: Cell, rule: Rule, progress: Progress) -> Scaling | None:
    """None on one thread."""
    if cell.threads == 1:
        return None
    progress.step(f"{cell.mode} on 1 thread and on {cell.threads}")
    alone = replace(cell, threads=1)
    rule = replace(rule, budget_s=SCALING_SHARE * rule.budget_s)
    with arena.forked_pair(alone, cell) as pair:
        duel = arena.fight(pair, lambda: arena.forked_pair(alone, cell), rule)
    return scaling(*_medians_s(duel), duel.look.estimate, cell.threads)


def _medians_s(duel: Duel) -> tuple[float, float]:
    a_s, b_s = (latency(duel.samples_s(side), duel.calls_per_sample).p50 for side in "AB")
    return a_s, b_s


def _roofline(arena: Arena, a: Cell, b: Cell) -> Roofline | None:
    """None of a graph in a file, whose layers are not known."""
    model = discover.model(a.model)
    where: dict[str, Any] = {"threads": a.threads, "cores": arena.cores}
    if model.onnx is not None:
        return None
    with Worker(arena.zygote(model)) as worker:
        asked: dict[str, Any] = {"model": a.model, "length": a.length, "batch": a.batch}
        work, _ = worker.ask("work", BUILD_LIMIT_S, **asked)
        bandwidth, _ = worker.ask("bandwidth", **where)
        known: dict[str, Ceiling | None] = {}
        for dtype in {discover.modes()[cell.mode].dtype for cell in (a, b)} & set(ITEM_BYTES):
            try:
                reply, _ = worker.ask("peak_flops", dtype=dtype, **where)
            except Failure:  # torch has no such product on this processor
                continue
            known[dtype] = Ceiling(dtype, reply["flops_per_s"], bandwidth["bytes_per_s"])
    ceilings = (known.get(discover.modes()[cell.mode].dtype) for cell in (a, b))
    return Roofline(tuple(Layer(*layer) for layer in work["layers"]), *ceilings)
