"""One gate while it runs, with its sides open: what it has found stands even if it is stopped."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from statistics import fmean, median

from bench_core import discover
from bench_core.analysis.gate.protocol import Decision, decisions
from bench_core.analysis.gate.rule import GateCell
from bench_core.analysis.gate.words import place
from bench_core.analysis.units import duration, size
from bench_core.analysis.verdict import NEW, UNSURE, WORSE, Verdict
from bench_core.cell import Cell
from bench_core.errors import BenchError, Incomparable, UsageError, explained
from bench_core.gate import verdicts
from bench_core.gate.launches import Launches
from bench_core.gate.plan import Plan
from bench_core.gate.progress import Progress
from bench_core.gate.sides import BASE, HEAD, Sides
from bench_core.gate.why import with_why
from bench_core.interruption import signal_of
from bench_core.sweep.stopwatch import Stopwatch


class Gate:
    """What it has found goes by the names that it has in a GateResult."""

    def __init__(self, plan: Plan, sides: Sides, progress: Progress, watch: Stopwatch) -> None:
        self._plan, self._sides, self._progress, self._watch = plan, sides, progress, watch
        self._launch = Launches(sides, progress.say)
        self.verdicts: list[Verdict] = []
        self.launches: dict[str, dict[str, tuple[float, ...]]] = {}
        self.sentinels: dict[str, tuple[float, ...]] = {}
        self.invalid: str | None = None
        self.interrupted: str | None = None
        self.stopped: str | None = None

    @property
    def injected(self) -> dict[str, float]:
        return {cell: fmean(shares) for cell, shares in self._launch.achieved.items()}

    def run(self) -> None:
        """Screen and confirm, then what is judged beside time.

        A signal, a full disk and whatever else keeps it from going on leave what is known.
        Raises: UsageError or Incomparable, for what cannot be.
        """
        cells = self._plan.cells
        known = {str(cell): one for cell, one in cells.items() if self._in_base(cell)}
        self.verdicts += [
            Verdict(str(cell), "status", NEW, reason="base has no such cell")
            for cell in cells
            if str(cell) not in known
        ]
        self.verdicts += verdicts.gone(self._plan.request, cells, self._sides)
        try:
            self._judge(known)
        except KeyboardInterrupt as interruption:
            self.interrupted = signal_of(interruption)
        except (UsageError, Incomparable):
            raise
        except (BenchError, OSError) as error:
            self.stopped = explained(error)
        if self.interrupted or self.stopped:
            self._add_unjudged(known)

    def _judge(self, known: Mapping[str, GateCell]) -> None:
        reached: list[Decision] = []
        try:
            with self._watch("launches"):
                reached.extend(self._decisions(known) if known else ())
        finally:
            for decision in reached[-1:]:
                self._take(decision)
            self._add_statuses()
        self._add_why()
        self._progress.step("artefacts and tasks")
        valid = self.invalid is None
        with self._watch("tasks"):
            for verdict in verdicts.beside_time(
                self._launch.standings, self._plan.settings, self._sides, valid=valid
            ):
                self.verdicts.append(verdict)  # one by one: the next may be the last

    def _add_why(self) -> None:
        """Profile what was found slower, cell by cell: it can take some seconds each."""
        for at, verdict in enumerate(self.verdicts):
            if verdict.metric == "latency" and verdict.kind == WORSE and verdict.change:
                self._progress.step(f"profiling {place(verdict.cell)}")
                standings = self._launch.standings[verdict.cell]
                with self._watch("profiles"):
                    why = with_why(verdict, verdict.change, standings, self._sides)
                self.verdicts[at] = why

    def _add_unjudged(self, known: Mapping[str, GateCell]) -> None:
        """What was measured so far stays, and what was not judged is said to be so."""
        told = {verdict.cell for verdict in self.verdicts}
        self.verdicts += [
            Verdict(
                name, "latency", UNSURE, limit=cell.threshold, reason="stopped before a verdict"
            )
            for name, cell in known.items()
            if name not in told
        ]
        screen = self._plan.rule.screen_launches
        for name, values in self._launch.seen.items():
            stages = {"screen": tuple(values[:screen]), "confirm": tuple(values[screen:])}
            self.launches[name] = stages

    def _in_base(self, cell: Cell) -> bool:
        models, given = self._sides.base_models, discover.given()
        return cell.mode in self._sides.base_modes and cell.model in {*models, *given}

    def _decisions(self, known: Mapping[str, GateCell]) -> Iterator[Decision]:
        return decisions(
            self._plan.rule,
            known,
            self._launch,
            sentinels=self._launch.sentinels,
            progress=self._progress.launch,
        )

    def _take(self, decision: Decision) -> None:
        self.verdicts += map(self._with_times, decision.verdicts)
        self.sentinels, self.invalid = decision.sentinels, decision.invalid
        self.launches = {
            cell: {"screen": values, "confirm": decision.confirm.get(cell, ())}
            for cell, values in decision.screen.items()
        }

    def _with_times(self, verdict: Verdict) -> Verdict:
        """With what a call took on either side, and, unjudged, readiness and memory."""
        base, head = (self._launch.standings[verdict.cell][side] for side in (BASE, HEAD))
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
        for cell, both in self._launch.standings.items():
            found = verdicts.status(cell, both)
            if found is not None and cell not in told:
                self.verdicts.append(found)
