"""One study of lengths while it runs: what it has found stands even if it is stopped."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from bench_core import discover
from bench_core.analysis.columns import mode_of
from bench_core.analysis.lengths.flip import Meeting
from bench_core.analysis.lengths.padding import Padding, padded_length
from bench_core.analysis.lengths.result import LengthsResult
from bench_core.analysis.statistics import pooled_launch_sd
from bench_core.cell import Cell
from bench_core.duel.duel import Duel
from bench_core.errors import BenchError
from bench_core.studies.lengths import recompiles
from bench_core.studies.lengths.meeting import meet, meet_padded
from bench_core.studies.lengths.plan import Plan
from bench_core.studies.progress import Progress
from bench_core.sweep import control
from bench_core.sweep.arena import Arena
from bench_core.sweep.trial import speedup, try_cell

CONTROL_LAUNCHES = 2


class Study:
    """result: all that is known so far.

    keep: called whenever more is known, with the duel that showed it, if one did, and its name.
    """

    def __init__(
        self,
        plan: Plan,
        arena: Arena,
        progress: Progress,
        result: LengthsResult,
        keep: Callable[[tuple[str, Duel] | None], None],
    ) -> None:
        self._plan, self._arena, self._progress, self._keep = plan, arena, progress, keep
        self.result = result

    def run(self) -> None:
        """Every mode at every length, then what follows from it."""
        self._control()
        self._time_modes()
        self._settle_flips()
        if self._plan.bucket is not None:
            self._pad(self._plan.bucket)
        self._count_recompiles()

    def _control(self) -> None:
        """The reference against itself, so that intervals know how far launches lie apart."""
        chosen = control.control_cells(list(self._plan.cells), self._plan.reference)
        ((bound, cell),) = chosen.items()
        self._progress.stage("A/A control", 1)
        self._progress.step(f"{self._plan.reference} against itself")
        try:
            values = tuple(control.launches(self._arena, cell, CONTROL_LAUNCHES))
        except BenchError:  # each mode will say the same of the reference
            return
        self._arena.floors[bound] = pooled_launch_sd(values)
        found = control.summary({bound: control.Control(str(cell), values)})
        self._know(session=self.result.session | {"aa": found})

    def _time_modes(self) -> None:
        cells = self._plan.cells
        facts: dict[str, Any] = {
            "peak_flops_per_s": {},
            "energy_reason": "not measured in a study of lengths",
        }
        self._progress.stage("modes", len(cells))
        for cell in cells:
            self._progress.step(f"{cell.mode} at {cell.length} {self.result.axis}")
            trial = try_cell(self._arena, cell, self._plan.rule, facts)
            self._know(str(cell), trial.duel, records=(*self.result.records, trial.record))

    def _settle_flips(self) -> None:
        self._know(flips=tuple(self.result.crossings()))
        duels = [(n, at) for n, flip in enumerate(self.result.flips) for at in flip.duelled_at]
        self._progress.stage("flips", len(duels))
        for number, at in duels:
            flip = self.result.flips[number]
            self._progress.step(f"{flip.first} against {flip.second} at {at} {self.result.axis}")
            self._settle(number, at)

    def _settle(self, number: int, at: int) -> None:
        """Add to what is known of one flip a duel of its two modes at that length."""
        flips, duel = list(self.result.flips), None
        flip = flips[number]
        first, second = (self._cell(mode, at) for mode in (flip.first, flip.second))
        try:
            duel = meet(self._arena, second, first, self._plan.rule)
            meeting = Meeting(at, speedup(duel, second.mode))
            flips[number] = replace(flip, meetings=(*flip.meetings, meeting))
        except BenchError as error:
            flips[number] = replace(flip, reason=f"at {at}: {error}")
        self._know(f"{second} against {first}", duel, flips=tuple(flips))

    def _pad(self, bucket: int) -> None:
        """Lengths that are multiples of the bucket need no duel."""
        modes, lengths = self._modes(), self._plan.lengths
        exact = tuple(Padding(mode, n, n) for n in lengths if n % bucket == 0 for mode in modes)
        self._know(padding=exact)
        others = [(mode, n) for n in lengths if n % bucket for mode in modes]
        self._progress.stage("padding", len(others))
        for mode, length in others:
            to = padded_length(length, bucket)
            self._progress.step(f"{mode}, {length} to {to} {self.result.axis}")
            self._pad_one(mode, length, to)

    def _pad_one(self, mode: str, length: int, to: int) -> None:
        found, duel, cell = Padding(mode, length, to), None, self._cell(mode, length)
        try:
            duel = meet_padded(self._arena, cell, to, self._plan.rule)
            found = replace(found, cost=speedup(duel, f"{mode}, padded"))
        except BenchError as error:
            found = replace(found, reason=str(error))
        name = f"{cell} padded to {to} against itself"
        self._know(name, duel, padding=(*self.result.padding, found))

    def _count_recompiles(self) -> None:
        known, plan = discover.modes(), self._plan
        families = {known[cell.mode].family for cell in plan.cells}
        if "compile" not in families or plan.model.onnx is not None:
            return
        self._progress.stage("recompiles", len(recompiles.ASKED))
        for name in recompiles.ASKED:
            self._progress.step(f"torch.compile, {name}, over all lengths")
            batch, threads = plan.cells[0].batch, plan.cells[0].threads
            passed = recompiles.compile_pass(name, plan.model.name, plan.lengths, batch, threads)
            self._know(compile_passes=(*self.result.compile_passes, passed))

    def _modes(self) -> list[str]:
        """Those that were timed and right somewhere, the reference first."""
        return [mode for mode, points in self.result.points().items() if points]

    def _cell(self, mode: str, length: int) -> Cell:
        """Of a mode, as results call it, the cell at a length."""
        if mode == self._plan.reference:
            return replace(
                self._plan.cells[0], mode=self._plan.reference, provider="cpu", length=length
            )
        name = next(r.cell for r in self.result.records if mode_of(r) == mode)
        return replace(Cell.parse(name), length=length)

    def _know(self, name: str = "", duel: Duel | None = None, **more: Any) -> None:
        """More is known now: by a duel of that name, or without one."""
        self.result = replace(self.result, **more)
        self._keep((name, duel) if duel else None)
