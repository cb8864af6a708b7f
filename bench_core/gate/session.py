"""A gate from its request to its result: base against head, cell by cell, metric by metric."""

import os
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import fmean, median
from typing import Any

from bench_core import discover
from bench_core.analysis.gate.protocol import Decision, decisions
from bench_core.analysis.gate.result import GateResult, Side
from bench_core.analysis.gate.rule import GateCell, GateRule, rule_for
from bench_core.analysis.units import duration, size
from bench_core.analysis.verdict import NEW, UNSURE, Verdict
from bench_core.cell import Cell
from bench_core.errors import BenchError, Incomparable, UsageError, explained
from bench_core.gate import config, trees, verdicts
from bench_core.gate.environments import described, environments
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
            gate.run(request, cells, judged)
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
        stopped=gate.stopped,
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
        self.stopped: str | None = None

    def run(self, request: Request, cells: list[Cell], judged: dict[str, GateCell]) -> None:
        """Screen and confirm, then what is judged beside time.

        Ctrl-C, a full disk and whatever else keeps it from going on leave what is known.
        Raises: UsageError or Incomparable, for what cannot be.
        """
        known = {str(cell): judged[str(cell)] for cell in cells if self._in_base(cell)}
        self.verdicts += [
            Verdict(name, "status", NEW, reason="base has no such cell")
            for name in judged
            if name not in known
        ]
        self.verdicts += verdicts.gone(request, cells, self._sides)
        try:
            self._judge(known)
        except KeyboardInterrupt:
            self.interrupted = True
        except (UsageError, Incomparable):
            raise
        except (BenchError, OSError) as error:
            self.stopped = explained(error) if isinstance(error, OSError) else str(error)
        if self.interrupted or self.stopped:
            self._add_unjudged(known)
        self._progress.say("")

    def _judge(self, known: dict[str, GateCell]) -> None:
        reached: list[Decision] = []
        try:
            with self._watch("launches"):
                reached.extend(self._decisions(known) if known else ())
        finally:
            for decision in reached[-1:]:
                self._take(decision)
            self._add_statuses()
        self._progress.say("tasks")
        valid = self.invalid is None
        with self._watch("tasks"):
            for verdict in verdicts.beside_time(
                self.launches.standings, self._settings, self._sides, valid=valid
            ):
                self.verdicts.append(verdict)  # one by one: the next may be the last

    def _add_unjudged(self, known: dict[str, GateCell]) -> None:
        """What was measured so far stays, and what was not judged is said to be so."""
        told = {verdict.cell for verdict in self.verdicts}
        self.verdicts += [
            Verdict(
                name, "latency", UNSURE, limit=cell.threshold, reason="stopped before a verdict"
            )
            for name, cell in known.items()
            if name not in told
        ]
        screen = self._rule.screen_launches
        for name, values in self.launches.seen.items():
            stages = {"screen": tuple(values[:screen]), "confirm": tuple(values[screen:])}
            self.history[name] = stages

    def _in_base(self, cell: Cell) -> bool:
        models, given = self._sides.base_models, discover.given()
        return cell.mode in self._sides.base_modes and cell.model in {*models, *given}

    def _decisions(self, known: dict[str, GateCell]) -> Iterator[Decision]:
        return decisions(
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
        """With what a call took on either side, and, unjudged, readiness and memory."""
        base, head = (self.launches.standings[verdict.cell][side] for side in (BASE, HEAD))
        times, ready = (
            f"{duration(median(before))} became {duration(median(after))}"
            for before, after in ((base.median_s, head.median_s), (base.ready_s, head.ready_s))
        )
        grown = f"{size(base.peak_rss_bytes)} became {size(head.peak_rss_bytes)}"
        said = [times, *([verdict.reason] if verdict.reason else [])]
        said += [f"ready {ready}, resident {grown}"]
        return replace(verdict, reason="; ".join(said))

    def _add_statuses(self) -> None:
        told = {verdict.cell for verdict in self.verdicts if verdict.metric == "status"}
        for cell, both in self.launches.standings.items():
            found = verdicts.status(cell, both)
            if found is not None and cell not in told:
                self.verdicts.append(found)


def arenas(request: Request, cache: Path) -> Callable[[Origin], Arena]:
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
    return Side(tree.name, tree.revision, tree.dirty, described(python))
