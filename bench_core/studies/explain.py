"""`bench explain`: why one mode of a model is slower than another.

First both are profiled, in processes that are not timed; then they duel in fresh ones, and last,
where there is more than one thread, each duels with itself on one.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from rich.console import Console

from bench_core.analysis.explain import report
from bench_core.analysis.explain.difference import Explanation, explain, times
from bench_core.analysis.explain.report import Side
from bench_core.analysis.explain.scaling import Scaling, scaling
from bench_core.analysis.explain.waterfall import waterfall
from bench_core.analysis.explain.words import sentence
from bench_core.analysis.load import EXPLANATION
from bench_core.analysis.statistics import latency
from bench_core.analysis.units import visible
from bench_core.cache_folder import default_cache
from bench_core.cell import Cell
from bench_core.duel.duel import Duel
from bench_core.duel.stopping import Rule
from bench_core.errors import UsageError
from bench_core.hardware import cpu
from bench_core.hardware.crowd import Crowd
from bench_core.sweep import fingerprint, profiles, results
from bench_core.sweep.arena import Arena
from bench_core.sweep.lock import machine_lock
from bench_core.sweep.profiles import Request
from bench_core.sweep.profiling import profiles as profile_both
from bench_core.sweep.terminal import rewrite

BUDGET_S = 20.0
SCALING_SHARE = 0.25
"""Of the budget, for each duel of a mode with itself on one thread."""
_MOST = 150
"""Characters: a line that wraps could not be taken back."""


@dataclass(frozen=True)
class Found:
    """What was found of cells A and B, and under which conditions."""

    session: dict[str, Any]
    cells: tuple[Cell, Cell]
    explanation: Explanation
    sides: tuple[Side, Side]

    def to_json(self) -> dict[str, Any]:
        explanation = asdict(self.explanation)
        return {
            "schema": 1,
            "session": self.session,
            "sentence": sentence(self.explanation, *(visible(side.name) for side in self.sides)),
            "cells": [*map(str, self.cells)],
            "explanation": explanation,
            "sides": [asdict(side) for side in self.sides],
        }


def show(request: Request, a: str, b: str, console: Console) -> None:
    """Explain how long mode `b` takes by how long mode `a` does, print it, and save it.

    request: of one model, one length and these two modes.
    Raises: UsageError before anything runs, for what cannot be; BenchError for what a mode or
        its process came to.
    """
    if a == b:
        raise UsageError(f"expected two modes, found {a} twice; `bench aa` times one by itself")
    by_mode = {cell.mode: cell for cell in profiles.cells(request)}
    cells = by_mode[a], by_mode[b]
    folder = Path("results")
    results.check_writable(folder)
    with machine_lock("explain"), _saying() as say:
        found = _find(request, cells, say)
    report.render(found.explanation, found.session, *found.sides, console)
    for path in _save(found, folder):
        console.print(f"saved {path}", soft_wrap=True)


@contextmanager
def _saying() -> Iterator[Any]:
    """Says what is being done: on a terminal in one line, which goes in the end."""

    def say(what: str) -> None:
        if sys.stdout.isatty():
            rewrite(visible(what)[:_MOST])
        else:
            sys.stdout.write(f"{visible(what)}\n")
            sys.stdout.flush()

    try:
        yield say
    finally:
        if sys.stdout.isatty():
            rewrite("")


def _find(request: Request, cells: tuple[Cell, Cell], say: Any) -> Found:
    a, b = cells
    session, crowd = _session(request, a.threads), Crowd()
    limit_bytes = profiles.memory_limit(request.memory_gib)
    stage = "profiles"
    arena = Arena(
        None, a.threads, default_cache(), lambda what: say(f"{stage}: {what}"),
        memory_bytes=limit_bytes,
    )  # fmt: skip
    rule = Rule(BUDGET_S if request.budget_s is None else request.budget_s)
    try:
        with arena.forked_pair(a, b) as pair:
            found = profile_both(pair)
            engaged = [one.ask("evidence")[0]["not_engaged"] for one in pair]
        stage = "duel"
        with arena.fresh_pair(a, b) as pair:
            duel = arena.fight(pair, lambda: arena.fresh_pair(a, b), rule)
        stage = "scaling"
        scalings = [_scaling(arena, cell, rule) for cell in cells]
    finally:
        arena.close()
    explanation = explain(*found, times(*_medians_s(duel), duel.look.estimate))
    first, second = (
        Side(cell.mode, *of_it)
        for cell, *of_it in zip(cells, found, scalings, engaged, strict=True)
    )
    session |= {"finished": results.now(), "limited_by": duel.look.step}
    session["warnings"] += crowd.warnings()
    return Found(session, cells, explanation, (first, second))


def _scaling(arena: Arena, cell: Cell, rule: Rule) -> Scaling | None:
    """None on one thread."""
    if cell.threads == 1:
        return None
    alone = replace(cell, threads=1)
    rule = replace(rule, budget_s=SCALING_SHARE * rule.budget_s)
    with arena.forked_pair(alone, cell) as pair:
        duel = arena.fight(pair, lambda: arena.forked_pair(alone, cell), rule)
    return scaling(*_medians_s(duel), duel.look.estimate, cell.threads)


def _medians_s(duel: Duel) -> tuple[float, float]:
    a_s, b_s = (latency(duel.samples_s(side), duel.calls_per_sample).p50 for side in "AB")
    return a_s, b_s


def _session(request: Request, threads: int) -> dict[str, Any]:
    return {
        "started": results.now(),
        "request": asdict(request),
        "machine": fingerprint.machine(),
        "versions": fingerprint.versions(),
        "environment": fingerprint.environment(),
        "git": fingerprint.git(),
        "threads": threads,
        "parent_pid": os.getpid(),
        "warnings": cpu.warnings(),
    }


def _save(found: Found, folder: Path) -> list[Path]:
    """As JSON, with every row of both profiles, and as a picture."""
    path = results.free_name(folder, before=EXPLANATION)
    picture = path.with_suffix(".svg")
    results.write_json(path, found.to_json())
    names = [side.name for side in found.sides]
    with results.whole(picture) as part:
        part.write_text(waterfall(found.explanation, *names), encoding="utf-8")
    return [path, picture]
