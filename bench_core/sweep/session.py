"""A sweep from its first cell to its file."""

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from bench_core import discover
from bench_core.analysis.statistics import pooled_launch_sd
from bench_core.cell import Cell
from bench_core.duel.contender import Failure, Worker
from bench_core.duel.stopping import Rule
from bench_core.errors import BenchError
from bench_core.hardware import cpu, gpu
from bench_core.hardware.crowd import Crowd
from bench_core.record import SCHEMA, Advice, Record
from bench_core.sweep import control, fingerprint, profiles, results
from bench_core.sweep.arena import Arena
from bench_core.sweep.cache import drop_stale, file_name
from bench_core.sweep.journal import Journal
from bench_core.sweep.lock import machine_lock
from bench_core.sweep.playoff import advise
from bench_core.sweep.profiles import Request
from bench_core.sweep.trial import try_cell

PEAK_DTYPES = ("float32", "bfloat16", "int8")


@dataclass(frozen=True)
class Done:
    """A finished cell: its record, the medians of its blocks, and the trail of a failure."""

    record: Record
    block_medians_s: list[float]
    detail: str = ""


@dataclass
class Sweep:
    """What one run of the suite holds open, and what it has found so far.

    say: told, in a few words, what is being done.
    """

    request: Request
    folder: Path
    cache: Path
    resume: bool
    say: Callable[[str], None]
    done: dict[str, Done] = field(default_factory=dict, init=False)
    advice: list[Advice] = field(default_factory=list, init=False)
    facts: dict[str, Any] = field(default_factory=dict, init=False)

    @contextmanager
    def open(self, cells: list[Cell]) -> Iterator["Sweep"]:
        """Take the machine for `cells`; everything is ended on leaving.

        Raises: UsageError if another sweep has it, or nothing can be kept.
        """
        self._cells = cells
        self._journal = Journal(self.folder / ".journal")
        self._profile = profiles.profile(self.request.profile)
        budget_s = self.request.budget_s
        self._rule = Rule(self._profile.budget_s if budget_s is None else budget_s)
        threads = profiles.thread_count(self.request.threads)
        self._controls: dict[str, control.Control] = {}
        self._warnings: list[str] = []
        self._crowd = Crowd()
        with machine_lock("sweep"):
            for folder in (self.folder, self.cache):
                results.check_writable(folder)
                results.drop_parts(folder)
            self._journal.open(resume=self.resume)
            drop_stale(self.cache)
            self.arena = Arena(
                self.request.reference,
                threads,
                self.cache,
                self.say,
                probe_each=self._profile.probe_each,
                memory_bytes=profiles.memory_limit(self.request.memory_gib),
            )
            try:
                self.facts = self._look_around(threads)
                yield self
            finally:
                self.arena.close()

    def run(self, cell: Cell) -> Done:
        """Measure one cell, or take it from the journal of the run that is resumed.

        Raises: OSError where it cannot be kept; what is done so far is.
        """
        key = self._key(cell)
        if self._rule.budget_s > 0:
            self._ensure_control(cell)
        kept = self._journal.read("cell", str(cell), key)
        if kept is not None:
            done = Done(Record.from_json(kept["record"]), kept["block_medians_s"])
            if done.record.speedup:
                self.arena.remember(cell, done.record.speedup.launch_values)
        elif (twin := self._twin(cell)) is not None:
            done = twin
        else:
            trial = try_cell(self.arena, cell, self._rule, self.facts)
            medians = trial.duel.block_medians_s("B") if trial.duel else []
            done = Done(trial.record, medians, trial.detail)
            self.done[str(cell)] = done
            data = {"record": trial.record.to_json(), "block_medians_s": medians}
            self._journal.write("cell", str(cell), key, data)
            if trial.duel:  # after the line: it is far larger, and the record stands without
                self._journal.write_raw(str(cell), trial.duel)
            self._remember_wall(str(cell), trial.record.wall_s)
        self.done[str(cell)] = done
        return done

    def _twin(self, cell: Cell) -> Done | None:
        """What the same program under another name came to, if it was measured."""
        name = discover.modes()[cell.mode].alias_on.get(cell.device)
        done = self.done.get(str(replace(cell, mode=name))) if name else None
        if done is None or name is None:
            return None
        record = replace(done.record, cell=str(cell), alias_of=name, wall_s=None)
        return replace(done, record=record)

    def finish_group(self, group: str) -> None:
        """All cells of a group are done: settle what to advise."""
        records = [
            done.record for name, done in self.done.items() if Cell.parse(name).group == group
        ]
        if len(records) < 2 or self._rule.budget_s == 0:
            return  # nothing to choose between
        key = " ".join([self._key(Cell.parse(records[0].cell)), *(one.cell for one in records)])
        kept = self._journal.read("advice", group, key)
        if kept is not None:
            advice = Advice.from_json(kept)
        else:
            start = time.perf_counter()
            advice = advise(self.arena, records, self._rule)
            self._journal.write("advice", group, key, advice.to_json())
            self._remember_wall(_play_off(group), time.perf_counter() - start)
        self.advice.append(advice)

    def left_s(self, cells: list[Cell]) -> float | None:
        """About how long `cells` and their play-offs will take.

        As long as they last did, else the mean of those done; None before there is one.
        """
        took = [done.record.wall_s for done in self.done.values() if done.record.wall_s]
        mean = sum(took) / len(took) if took else None
        left_s = 0.0
        groups = dict.fromkeys(_play_off(cell.group) for cell in cells)
        for file in map(self._wall_file, [*map(str, cells), *groups]):
            guess = json.loads(file.read_text()) if file.exists() else mean
            if guess is None:
                return None
            left_s += guess
        return left_s

    def bench(self, *, interrupted: bool) -> dict[str, Any]:
        """What the file holds under "bench"."""
        session = self.facts | {
            "finished": results.now(),
            "interrupted": interrupted,
            "warnings": [*self.facts["warnings"], *self._warnings, *self._crowd.warnings()],
            "aa": control.summary(self._controls),
            "wall_s": self.arena.watch.seconds,
        }
        return {
            "schema": SCHEMA,
            "session": session,
            "cells": [done.record.to_json() for done in self.done.values()],
            "advice": [advice.to_json() for advice in self.advice],
        }

    def save(self, content: dict[str, Any]) -> Path:
        """Write the final file. Raises: OSError, and the journal has all that is done."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = results.free_name(self.folder, after=f"_{self.request.profile}")
        results.write_json(path, content)
        return path

    def save_raw(self, path: Path, *, finished: bool) -> None:
        """Write the raw samples beside the final file. A finished run needs no journal then."""
        raw = [(name, self._journal.raw_file(name)) for name in self.done]
        results.write_raw(path.with_suffix(".raw.npz"), [one for one in raw if one[1].exists()])
        if finished:
            self._journal.clear()

    def _key(self, cell: Cell) -> str:
        settings = (
            self.request.reference,
            self.arena.threads,
            self._rule.budget_s,
            self.request.memory_gib,
        )
        return fingerprint.measuring_key(cell.model, settings)

    def _ensure_control(self, cell: Cell) -> None:
        """Before the first cell of a class: A/A launches, so that its intervals are honest."""
        bound = discover.model(cell.model).bound
        if bound in self._controls:
            return
        chosen = control.control_cells(self._cells, self.request.reference)[bound]
        kept = self._journal.read("control", bound, self._key(chosen))
        if kept is None:
            self.say(f"A/A control: {chosen.model}")
            kept = []
            try:
                kept += control.launches(self.arena, chosen, self._profile.control_launches)
                self._journal.write("control", bound, self._key(chosen), kept)
            except BenchError as error:  # its cells will say the same of their reference
                self._warnings.append(
                    f"the A/A control of {bound} came to nothing, so intervals rest on the "
                    f"assumed spread: {error}"
                )
        self._controls[bound] = control.Control(str(chosen), tuple(kept))
        self.arena.floors[bound] = pooled_launch_sd(kept)

    def _look_around(self, threads: int) -> dict[str, Any]:
        gpus, no_gpu = gpu.facts()
        names = dict.fromkeys(cell.model for cell in self._cells)
        first = discover.model(self._cells[0].model)
        return {
            "started": results.now(),
            "request": asdict(self.request),
            "budget_s": self._rule.budget_s,
            "machine": fingerprint.machine(),
            "gpus": gpus,
            "energy_reason": no_gpu or "energy is not measured yet on this device",
            "versions": fingerprint.versions(),
            "environment": fingerprint.environment(),
            "git": fingerprint.git(),
            "threads": threads,
            "cores": self.arena.cores,
            "memory_limit_bytes": self.arena.memory_bytes,
            "parent_pid": os.getpid(),
            "models": {name: _model_facts(name) for name in names},
            "peak_flops_per_s": self._peaks(first, threads),
            "warnings": cpu.warnings(),
        }

    def _peaks(self, first: Any, threads: int) -> dict[str, float]:
        found = {}
        for dtype in PEAK_DTYPES:
            try:
                with Worker(self.arena.zygote(first)) as worker:
                    reply, _ = worker.ask(
                        "peak_flops", dtype=dtype, threads=threads, cores=self.arena.cores
                    )
            except Failure:
                continue  # torch has no such product on this processor: no peak, no share
            except BenchError as error:
                self._warnings.append(f"this machine's peak in {dtype} is not known: {error}")
                continue
            found[dtype] = reply["flops_per_s"]
        return found

    def _wall_file(self, name: str) -> Path:
        return self.cache / "wall_s" / file_name(name)

    def _remember_wall(self, name: str, wall_s: float | None) -> None:
        file = self._wall_file(name)
        file.parent.mkdir(parents=True, exist_ok=True)
        results.write_json(file, wall_s)


def _model_facts(name: str) -> dict[str, Any]:
    model = discover.model(name)
    place, _ = discover.given().get(name, (None, None))
    return {
        "place": place,
        "summary": model.summary,
        "length_axis": model.length_axis,
        "weights": model.weights,
        "licence": model.licence,
        "source": model.source,
    }


def _play_off(group: str) -> str:
    return f"{group} play-off"
