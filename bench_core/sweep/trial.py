"""One cell from start to end: built, verified, duelled, verified again, on paper."""

import errno
import math
import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench_core import discover
from bench_core.analysis import task as task_judge
from bench_core.analysis.break_even import break_even
from bench_core.analysis.explain.integer import int8_share
from bench_core.analysis.statistics import latency
from bench_core.cell import Cell
from bench_core.duel.contender import Contender
from bench_core.duel.duel import Duel
from bench_core.duel.interleave import spoilt
from bench_core.duel.stopping import Rule
from bench_core.errors import BenchError, NotEngaged, WrongOutput
from bench_core.hardware.crowd import Crowd
from bench_core.mode import Mode
from bench_core.record import Record, Speedup, Work
from bench_core.sweep.arena import Arena
from bench_core.sweep.oracle import VerifySpec, verify_specs
from bench_core.sweep.profiling import profile
from bench_core.sweep.start import peak_of, probed, ready_of
from bench_core.sweep.tasks import task_score
from bench_core.wire import Message

_SPOILT_SHARE = 0.2
_LEAST_ROOM_BYTES = 1 << 16
_BUSY = "busy: others used the cores meanwhile; the ratio holds, its times are too high"


@dataclass(frozen=True)
class Trial:
    """A cell's record, the duel behind it, and, of a failure, the trail to it."""

    record: Record
    duel: Duel | None = None
    detail: str = ""


def try_cell(arena: Arena, cell: Cell, rule: Rule, facts: dict[str, Any]) -> Trial:
    """Whatever the cell comes to is a result: what was measured before a failure is kept.

    facts: the session's `peak_flops_per_s` and `energy_reason`.
    Raises: OSError where what must be kept cannot be: that is no fault of the cell.
    """
    mode = discover.modes()[cell.mode]
    found: dict[str, Any] = {"energy_reason": facts["energy_reason"]}
    start, crowd = time.perf_counter(), Crowd()
    duels: list[Duel] = []
    status, reason, detail = "ok", None, ""
    try:
        _measure(arena, cell, rule, facts, found, duels)
    except BenchError as error:
        status, reason = error.status, str(error)
        detail = getattr(error, "detail", "\n".join(getattr(error, "__notes__", ())))
        found["right"] = False if status == WrongOutput.status else None
        _check_room(arena.cache)
    if crowd.busy:
        found["warnings"] = (*found.get("warnings", ()), _BUSY)
    record = Record(
        cell=str(cell),
        family=mode.family,
        lossy=mode.lossy,
        status=status,
        reason=reason,
        wall_s=time.perf_counter() - start,
        **found,
    )
    return Trial(record, duels[0] if duels else None, detail)


def _check_room(folder: Path) -> None:
    """A build on a full disk fails in many words, none of which is the mode's fault.

    Raises: OSError if the disk is full.
    """
    if shutil.disk_usage(folder).free < _LEAST_ROOM_BYTES:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder))


def _measure(
    arena: Arena,
    cell: Cell,
    rule: Rule,
    facts: dict[str, Any],
    found: dict[str, Any],
    duels: list[Duel],
) -> None:
    """Fill `found` with the record's fields as they become known."""
    model, mode = discover.model(cell.model), discover.modes()[cell.mode]
    own, other = verify_specs(model, cell)
    with arena.contender(cell) as contender:
        found["artifact_bytes"] = contender.started["artifact_bytes"]
        found["ready_s"] = ready_of(arena, contender)
        _verify(arena, contender, own, found)
        if rule.budget_s > 0:
            duels.append(_duel(arena, contender, rule))
            found |= _duel_fields(arena, cell, duels[0])
        # After the timing: evidence may take a profiler, and other shapes teach a runtime.
        found["peak_rss_bytes"] = peak_of(arena, contender, _engaged(contender, found))
        specs = own + other if mode.any_shape else own
        _verify(arena, contender, specs, found)
        if mode.dtype == "int8" and duels:
            found["evidence"] |= _time_in_int8(contender)
        builds_module = contender.started["built_module"]
    if not duels:
        return  # asked to build and verify only
    if arena.probe_due(cell):
        found["ready_s"], found["peak_rss_bytes"] = probed(
            arena, cell, builds_module=builds_module, launches=1
        )
    reference_ready = ready_of(arena, arena.reference(cell))
    found["break_even_calls"] = break_even(found["ready_s"], reference_ready, found["speedup"])
    found["work"] = _work(arena, cell, mode, facts, found)
    if mode.stochastic:
        found["right"] = False
        return
    score = found["task"] = task_score(arena, cell)
    found["right"] = None if score is None else task_judge.is_right(score)


def _verify(
    arena: Arena, contender: Contender, specs: list[VerifySpec], found: dict[str, Any]
) -> None:
    """Hold its outputs against the oracle's. Raises: WrongOutput."""
    cell = contender.cell
    model, mode = discover.model(cell.model), discover.modes()[cell.mode]
    if mode.stochastic:
        return
    oracle = arena.oracle(cell)
    with arena.watch("verifying"):
        _, outputs = contender.ask("outputs", inputs=specs)
    top1 = model.task is not None and model.task.macro
    found["fidelity"], wrong = oracle.judge(specs, outputs, min_sqnr_db=mode.min_sqnr_db, top1=top1)
    if wrong:
        raise WrongOutput(wrong)


def _engaged(contender: Contender, found: dict[str, Any]) -> Message:
    """Read the evidence, and how much memory was taken before. Raises: NotEngaged."""
    reply, _ = contender.ask("evidence")
    found["evidence"] = reply["evidence"]
    found["engaged"] = reply["not_engaged"] is None
    if restless := reply["restless_threads"]:
        found["warnings"] = (
            *found.get("warnings", ()),
            f"threads that went on computing after the last call: {restless}; they take time "
            "from whatever else runs",
        )
    if not found["engaged"]:
        raise NotEngaged(reply["not_engaged"] or "its mode says so, and not why")
    return reply


def _time_in_int8(contender: Contender) -> dict[str, Any]:
    """What share of a call int8 kernels take, or why that is not known."""
    try:
        return {"int8_share": round(int8_share(profile(contender)), 3)}
    except BenchError as error:
        return {"int8_share": None, "int8_share_unknown": str(error)}


def _right_reference(arena: Arena, cell: Cell) -> Contender:
    """The reference, verified once: it may not be among the cells that were asked for."""
    reference = arena.reference(cell)
    if reference.pid not in arena.verified:
        own, _ = verify_specs(discover.model(cell.model), cell)
        try:
            _verify(arena, reference, own, {})
        except WrongOutput as error:
            raise BenchError(
                f"the reference {reference.cell.mode} is itself wrong: {error}"
            ) from None
        arena.verified.add(reference.pid)
    return reference


def _duel(arena: Arena, contender: Contender, rule: Rule) -> Duel:
    """Against the reference; should the reference itself die, once more against a new one."""

    def against_reference() -> Duel:
        reference = _right_reference(arena, contender.cell)
        arena.say(f"{contender.cell.mode}: timing")
        cells = reference.cell, contender.cell
        return arena.fight((reference, contender), lambda: arena.forked_pair(*cells), rule)

    def is_the_references() -> bool:
        return arena.reference_died and contender.alive

    try:
        return against_reference()
    except BenchError:
        if not is_the_references():
            raise
    try:
        return against_reference()
    except BenchError as error:
        if not is_the_references():
            raise
        mode = arena.reference_mode(contender.cell)
        raise BenchError(f"the reference {mode} itself: {error}") from None


def _duel_fields(arena: Arena, cell: Cell, duel: Duel) -> dict[str, Any]:
    """What a finished duel adds to a record."""
    calls = duel.calls_per_sample
    taken = latency(duel.samples_s("B"), calls)
    return {
        "latency_s": taken,
        "throughput_items_per_s": cell.batch / taken.p50,
        "speedup": speedup(duel, arena.reference_mode(cell)),
        "warnings": _warnings(cell, duel),
    }


def speedup(duel: Duel, reference: str) -> Speedup:
    """The duel's ratio as it goes on paper; `reference` is the mode of its side A."""
    now = duel.look.estimate
    return Speedup(
        reference=reference,
        reference_median_s=latency(duel.samples_s("A"), duel.calls_per_sample).p50,
        ratio=math.exp(now.log_ratio),
        low=math.exp(now.low),
        high=math.exp(now.high),
        confidence=duel.confidence,
        quads=duel.quads,
        launches=len(duel.launches),
        launch_sd=duel.look.spread.sd,
        launch_values=duel.look.values,
        limited_by=duel.look.step,
    )


def _warnings(cell: Cell, duel: Duel) -> tuple[str, ...]:
    found = []
    share = float(spoilt(duel.blocks).mean())
    if share > _SPOILT_SHARE:
        found.append("the machine itself was slow beside more than a fifth of the blocks")
    if (busy := int(duel.warmed["B"]["threads_busy"])) > cell.threads:
        found.append(f"{busy} threads were busy where {cell.threads} were allowed")
    return tuple(found)


def _work(
    arena: Arena, cell: Cell, mode: Mode, facts: dict[str, Any], found: dict[str, Any]
) -> Work | None:
    """None where the peak is not known, and where nothing that is counted was done.

    A model of elementwise operations alone has no products: 0 % of the peak would be no finding.
    """
    peak, flops = facts["peak_flops_per_s"].get(mode.dtype), arena.oracle(cell).flops
    if peak is None or not flops:
        return None
    return Work(flops, peak, flops / found["latency_s"].p50 / peak)
