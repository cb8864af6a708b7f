"""From what became of the cells to their verdicts beside time."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

import numpy as np

from bench_core import discover
from bench_core.analysis.gate.beside_time import Paired, artifact, readings, tasks
from bench_core.analysis.gate.protocol import unjudged
from bench_core.analysis.verdict import FAILED, GONE, NEW, SKIPPED, UNSURE, Verdict
from bench_core.cell import Cell
from bench_core.errors import BenchError
from bench_core.gate.config import Config
from bench_core.gate.exam import Standing
from bench_core.gate.sides import BASE, HEAD, Sides
from bench_core.sweep.profiles import Request, thread_count
from bench_core.sweep.tasks import answers

Standings = Mapping[str, Standing]

_NOT_FOR_THIS = ("skipped", "unsupported")


def status(cell: str, sides: Standings) -> Verdict | None:
    """None where both sides are ok."""
    base, head = sides[BASE], sides[HEAD]
    if base.ok and head.ok:
        return None
    now, before = f"{head.status}: {head.reason}", f"{base.status}: {base.reason}"
    if base.ok:
        return Verdict(cell, "status", FAILED, reason=f"ok in base, now {now}")
    if head.ok and base.examined:
        return Verdict(cell, "latency", UNSURE, reason=f"base failed while it was timed: {before}")
    if head.ok:
        return Verdict(cell, "status", NEW, reason=f"ok, and in base {before}")
    if head.status == base.status and head.status in _NOT_FOR_THIS:
        return Verdict(cell, "status", SKIPPED, reason=now)
    return Verdict(cell, "status", SKIPPED, reason=f"on neither side ok: {now}; in base {before}")


def gone(request: Request, cells: Iterable[Cell], sides: Sides) -> list[Verdict]:
    """What base offers and head does not; what was asked for by name leaves others unmissed."""
    modes, models = discover.modes(), discover.models()
    groups = list({cell.group: cell for cell in cells}.values())
    one_each = {cell.model: cell for cell in groups}
    missed: list[Cell] = []
    if not request.modes:
        dropped = [mode for mode in sides.base_modes if mode not in modes]
        missed += [replace(cell, mode=mode) for cell in groups for mode in dropped]
    if not request.lengths:
        missed += [
            replace(cell, length=length)
            for name, cell in one_each.items()
            for length in sides.base_models.get(name, ())
            if length not in discover.model(name).lengths
        ]
    if not request.models:
        dropped = [model for model in sides.base_models if model not in models]
        missed += [Cell(model, "eager_inference_mode", 1) for model in dropped]
    reason = "base has it, head does not; renamed is gone and new"
    return [Verdict(str(cell), "status", GONE, reason=reason) for cell in missed]


def beside_time(
    standings: Mapping[str, Standings], config: Config, sides: Sides, *, valid: bool
) -> Iterator[Verdict]:
    """Of the cells that are ok on both sides, one by one, and last their tasks together.

    valid: whether the session's times may be judged.
    """
    answered: dict[str, Paired] = {}
    for name, both in standings.items():
        base, head, limits = both[BASE], both[HEAD], config.limits_of(name)
        if not (base.ok and head.ok):
            continue
        yield artifact(name, base.artifact_bytes, head.artifact_bytes, limits.artifact_bytes)
        if limits.ready_s is not None:
            ready = readings(name, "ready_s", base.ready_s, head.ready_s, limits.ready_s)
            yield ready if valid else unjudged(ready)
        if limits.peak_rss_bytes is not None:
            peaks = [base.peak_rss_bytes], [head.peak_rss_bytes]
            yield readings(name, "peak_rss_bytes", *peaks, limits.peak_rss_bytes)
        if limits.task and (base.lossy or head.lossy or base.own_model):
            answer = _answered(name, sides)
            if isinstance(answer, Verdict):
                yield answer
            elif answer is not None:
                answered[name] = answer
    yield from tasks(answered)


def _answered(name: str, sides: Sides) -> Paired | Verdict | None:
    """Both sides' answers to the task of the cell's model, or why there are none.

    None where it has no task, or both sides make it of the same code under the same versions.
    Equal outputs on a few inputs would not prove that nothing was lost.
    """
    cell = replace(Cell.parse(name), threads=thread_count(None))  # it is not timed
    task = discover.model(cell.model).task
    if task is None or sides.base.folder(cell) == sides.head.folder(cell):
        return None
    try:
        base = answers(sides.base, cell, task)
    except BenchError as error:
        return Verdict(name, "task", UNSURE, reason=f"{task.name} in base: {error}")
    try:
        head = answers(sides.head, cell, task)
    except BenchError as error:
        return Verdict(name, "task", FAILED, reason=f"{task.name} came to nothing: {error}")
    same_items = base.corpus_sha256 == head.corpus_sha256
    if not (same_items and np.array_equal(base.expected, head.expected)):
        return Verdict(name, "task", NEW, reason=f"{task.name} asks other items than in base")
    return Paired(base.predicted, head.predicted, head.expected)
