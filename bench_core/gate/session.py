"""A gate from its request to its result: base against head, cell by cell, metric by metric."""

import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import fmean, median
from typing import Any

from bench_core import discover
from bench_core.analysis.gate.protocol import Decision, decide
from bench_core.analysis.gate.result import GateResult, Side
from bench_core.analysis.gate.rule import GateCell, GateRule, rule_for
from bench_core.analysis.units import duration
from bench_core.analysis.verdict import NEW, UNSURE, Verdict
from bench_core.cell import Cell
from bench_core.errors import explained
from bench_core.gate import config, trees, verdicts
from bench_core.gate.environments import environments
from bench_core.gate.launches import BASE, HEAD, Launches
from bench_core.gate.progress import Progress
from bench_core.gate.sides import Sides, open_sides
from bench_core.hardware import cpu, memory
from bench_core.hardware.crowd import Crowd
from bench_core.sweep import fingerprint, profiles
from bench_core.sweep.arena import Arena
from bench_core.sweep.lock import machine_lock
from bench_core.sweep.origin import Origin
from bench_core.sweep.profiles import Request
from bench_core.sweep.results import now
from bench_core.sweep.stopwatch import Stopwatch


@dataclass(frozen=True)
class Asked:
    """base: the revision to compare with; None for the working tree itself (A/A).

    threshold: for all cells, in place of the configuration's. slowdown: to inject into head.
    """

    base: str | None
    threshold: str | None = None
    slowdown: str | None = None
    allow_unsure: bool = False


def run(request: Request, asked: Asked, cache: Path, progress: Progress) -> GateResult:
    """Judge the cells of `request`, head against base.

    Raises: UsageError or Incomparable before anything runs, for what cannot be.
    """
    settings = config.read(trees.root(), asked.threshold)
    slowdown = config.share(asked.slowdown, "--slowdown") if asked.slowdown else 0.0
    request = replace(request, threads=request.threads or max(1, len(cpu.usable_cores()) - 1))
    cells = profiles.cells(request)
    judged = {
        str(cell): GateCell(
            discover.model(cell.model).bound, settings.limits_of(str(cell)).threshold
        )
        for cell in cells
    }
    rule = rule_for(min(one.threshold for one in judged.values()))
    watch, crowd = Stopwatch(), Crowd()
    with machine_lock("gate"), trees.lay_out(cache, asked.base) as pair:
        with watch("environments"):
            both = environments(cache, pair, settings.constraints, progress.say)
        session = _session(request, pair)
        with open_sides(pair, both, arenas(request, cache), slowdown) as sides:
            gate = Gate(rule, settings, sides, progress, watch)
            gate.run(cells, judged, restricted=bool(request.modes))
    return GateResult(
        session=session
        | {
            "finished": now(),
            "wall_s": watch.seconds,
            "warnings": [*session["warnings"], *crowd.warnings()],
        },
        base=_side(pair[0], both[0].python),
        head=_side(pair[1], both[1].python),
        threshold=settings.limits.threshold,
        verdicts=tuple(gate.verdicts),
        launches=gate.history,
        sentinels=gate.sentinels,
        invalid=gate.invalid,
        slowdown=slowdown or None,
        injected={cell: fmean(shares) for cell, shares in gate.launches.achieved.items()},
        interrupted=gate.interrupted,
        allow_unsure=asked.allow_unsure,
    )


class Gate:
    """One gate while it runs: what it has found so far is there even when it is interrupted."""

    def __init__(
        self,
        rule: GateRule,
        settings: config.Config,
        sides: Sides,
        progress: Progress,
        watch: Stopwatch,
    ) -> None:
        self._rule, self._settings, self._sides = rule, settings, sides
        self._progress, self._watch = progress, watch
        self.launches = Launches(sides, progress.say)
        self.verdicts: list[Verdict] = []
        self.history: dict[str, dict[str, tuple[float, ...]]] = {}
        self.sentinels: dict[str, tuple[float, ...]] = {}
        self.invalid: str | None = None
        self.interrupted = False

    def run(self, cells: list[Cell], judged: dict[str, GateCell], *, restricted: bool) -> None:
        """Screen and confirm, then what is judged beside time. Ctrl-C keeps what is known."""
        known = {str(cell): judged[str(cell)] for cell in cells if self._in_base(cell)}
        self.verdicts += [
            Verdict(name, "status", NEW, reason="base has no such cell")
            for name in judged
            if name not in known
        ]
        self.verdicts += verdicts.gone(cells, self._sides, restricted)
        try:
            if known:
                with self._watch("launches"):
                    self._take(self._decide(known))
            self._add_statuses()
            self._progress.say("tasks")
            with self._watch("tasks"):
                self.verdicts += verdicts.beside_time(
                    self.launches.standings, self._settings, self._sides
                )
        except KeyboardInterrupt:
            self.interrupted = True
            self._stopped(known, "interrupted before it was judged")
        except OSError as error:
            self._stopped(known, f"stopped before it was judged: {explained(error)}")
        self._progress.say("")

    def _stopped(self, known: dict[str, GateCell], reason: str) -> None:
        """What was measured so far stays, and what was not judged is said to be so."""
        self._add_statuses()
        told = {verdict.cell for verdict in self.verdicts}
        self.verdicts += [
            Verdict(name, "latency", UNSURE, limit=cell.threshold, reason=reason)
            for name, cell in known.items()
            if name not in told
        ]
        for name, values in self.launches.seen.items():
            self.history.setdefault(name, {"screen": tuple(values), "confirm": ()})

    def _in_base(self, cell: Cell) -> bool:
        models, given = self._sides.base_models, discover.given()
        return cell.mode in self._sides.base_modes and cell.model in {*models, *given}

    def _decide(self, known: dict[str, GateCell]) -> Decision:
        return decide(
            self._rule,
            known,
            self.launches,
            sentinels=self.launches.sentinels,
            progress=self._progress.launch,
        )

    def _take(self, decision: Decision) -> None:
        self.verdicts += map(self._with_times, decision.verdicts)
        self.sentinels, self.invalid = decision.sentinels, decision.invalid
        self.history = {
            cell: {"screen": values, "confirm": decision.confirm.get(cell, ())}
            for cell, values in decision.screen.items()
        }

    def _with_times(self, verdict: Verdict) -> Verdict:
        """With the median time of a call on either side, of the middle launch."""
        both = self.launches.standings[verdict.cell]
        before, after = (duration(median(both[side].median_s)) for side in (BASE, HEAD))
        said = [f"{before} became {after}", *([verdict.reason] if verdict.reason else [])]
        return replace(verdict, reason="; ".join(said))

    def _add_statuses(self) -> None:
        told = {verdict.cell for verdict in self.verdicts if verdict.metric == "status"}
        for cell, both in self.launches.standings.items():
            found = verdicts.status(cell, both)
            if found is not None and cell not in told:
                self.verdicts.append(found)


def arenas(request: Request, cache: Path) -> Any:
    asked_gib = request.memory_gib
    limit = memory.available_bytes() if asked_gib is None else int(asked_gib * 2**30)
    threads = profiles.thread_count(request.threads)

    def new(origin: Origin) -> Arena:
        return Arena(None, threads, cache, lambda _: None, memory_bytes=limit, origin=origin)

    return new


def _session(request: Request, pair: tuple[trees.Tree, trees.Tree]) -> dict[str, Any]:
    missing = trees.missing_commits(*pair)
    behind = f"base has {missing} commits that head lacks: what they gained counts as lost here"
    return {
        "started": now(),
        "request": asdict(request),
        "machine": fingerprint.machine(),
        "versions": fingerprint.versions(),
        "environment": fingerprint.environment(),
        "git": fingerprint.git(),
        "threads": request.threads,
        "parent_pid": os.getpid(),
        "warnings": [*cpu.warnings(), *([behind] if missing else [])],
    }


def _side(tree: trees.Tree, python: str) -> Side:
    return Side(tree.name, tree.revision, tree.dirty, python)
