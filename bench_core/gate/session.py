"""A gate from its request to its result: base against head, cell by cell, metric by metric."""

import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench_core.analysis.gate.result import GateResult, Side
from bench_core.gate import trees
from bench_core.gate.environments import environments
from bench_core.gate.gate import Gate
from bench_core.gate.plan import Asked, Plan, plan
from bench_core.gate.progress import Progress
from bench_core.gate.sides import open_sides
from bench_core.gate.virtual_environment import described
from bench_core.hardware import cpu
from bench_core.hardware.crowd import Crowd
from bench_core.sweep import fingerprint
from bench_core.sweep.lock import machine_lock
from bench_core.sweep.profiles import Request
from bench_core.sweep.results import now
from bench_core.sweep.stopwatch import Stopwatch


def run(request: Request, asked: Asked, cache: Path, progress: Progress) -> GateResult:
    """Judge the cells of `request`, head against base.

    Raises: UsageError or Incomparable before anything runs, for what cannot be.
    """
    watch = Stopwatch()
    with watch("opening and closing"):  # whatever the phases inside of it leave
        ahead, crowd = plan(request, asked), Crowd()
        progress.step(f"laying out {asked.base or 'head'} and head")
        with machine_lock("gate"), trees.lay_out(cache, asked.base) as pair:
            with watch("environments"):
                both = environments(cache, pair, ahead.settings.constraints, progress.step)
            session = _session(ahead, pair)
            base, head = (
                Side(tree.name, tree.revision, tree.dirty, described(environment.python))
                for tree, environment in zip(pair, both, strict=True)
            )
            with open_sides(pair, both, ahead.request, cache, ahead.slowdown) as sides:
                gate = Gate(ahead, sides, progress, watch)
                gate.run()
        session["warnings"] += crowd.warnings()
    return GateResult(
        session=session | {"finished": now(), "wall_s": watch.seconds},
        base=base,
        head=head,
        threshold=ahead.settings.limits.threshold,
        verdicts=tuple(gate.verdicts),
        launches=gate.launches,
        sentinels=gate.sentinels,
        invalid=gate.invalid,
        slowdown=ahead.slowdown or None,
        injected=gate.injected,
        interrupted=gate.interrupted,
        stopped=gate.stopped,
        allow_unsure=asked.allow_unsure,
    )


def _session(ahead: Plan, pair: tuple[trees.Tree, trees.Tree]) -> dict[str, Any]:
    missing = trees.missing_commits(*pair)
    behind = f"base has {missing} commits that head lacks: what they gained counts as lost here"
    unfit = ahead.settings.warnings([*map(str, ahead.cells)])
    return {
        "started": now(),
        "request": asdict(ahead.request),
        "machine": fingerprint.machine(),
        "versions": fingerprint.versions(),
        "environment": fingerprint.environment(),
        "git": fingerprint.git(),
        "threads": ahead.request.threads,
        "parent_pid": os.getpid(),
        "warnings": [*cpu.warnings(), *([behind] if missing else []), *unfit],
    }
