"""`bench lengths`: run, save as it goes, print, and say with what to exit."""

import os
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from rich.console import Console

from bench_core import discover
from bench_core.analysis.lengths import svg
from bench_core.analysis.lengths.report import render
from bench_core.analysis.lengths.result import LengthsResult
from bench_core.analysis.load import LENGTHS
from bench_core.cache_folder import default_cache
from bench_core.duel.duel import Duel
from bench_core.hardware import cpu
from bench_core.hardware.crowd import Crowd
from bench_core.interruption import exit_code_of, signal_of
from bench_core.studies.lengths.plan import Plan, plan
from bench_core.studies.lengths.study import Study
from bench_core.studies.progress import Progress
from bench_core.sweep import fingerprint, profiles, results
from bench_core.sweep.arena import Arena
from bench_core.sweep.journal import Journal
from bench_core.sweep.lock import machine_lock
from bench_core.sweep.profiles import Request

OK, NO_CURVE = 0, 1


def lengths(
    model: str, request: Request, budget_s: float, bucket: int | None, console: Console
) -> int:
    """The exit code. Raises: UsageError before anything runs, for what cannot be."""
    ahead = plan(model, request, budget_s, bucket)
    folder, cache = Path("results"), default_cache()
    with machine_lock("lengths"):
        for kept in (folder, cache):
            results.check_writable(kept)
        path = results.free_name(folder, before=LENGTHS)
        result = _run(ahead, cache, path, Journal(folder / ".journal-lengths"))
    render(result, console)
    for file in (path, path.with_suffix(".raw.npz"), path.with_suffix(".svg")):
        if file.exists():
            console.print(f"saved {file}", soft_wrap=True)
    if result.interrupted:
        return exit_code_of(result.interrupted)
    return OK if len(result.curves()) > 1 else NO_CURVE


def _run(ahead: Plan, cache: Path, path: Path, samples: Journal) -> LengthsResult:
    """All that could be found until the end, or until a signal; it is in the file as well."""
    samples.open(resume=False)
    names: list[str] = []
    crowd = Crowd()
    with Progress() as progress:
        arena = Arena(
            ahead.request.reference,
            ahead.cells[0].threads,
            cache,
            progress.say,
            memory_bytes=profiles.memory_limit(ahead.request.memory_gib),
        )

        def keep(named: tuple[str, Duel] | None) -> None:
            if named:
                samples.write_raw(*named)
                names.append(named[0])
            results.write_json(path, study.result.to_json())

        study = Study(ahead, arena, progress, _nothing_yet(ahead, arena), keep)
        try:
            study.run()
        except KeyboardInterrupt as interruption:
            study.result = replace(study.result, interrupted=signal_of(interruption))
        finally:
            arena.close()
    session = study.result.session
    more = {"finished": results.now(), "warnings": [*session["warnings"], *crowd.warnings()]}
    result = replace(study.result, session=session | more | {"wall_s": arena.watch.seconds})
    _save(result, path, samples, names)
    return result


def _save(result: LengthsResult, path: Path, samples: Journal, names: list[str]) -> None:
    """The file, every sample beside it, and the picture."""
    results.write_json(path, result.to_json())
    if names:
        raw = [(name, samples.raw_file(name)) for name in names]
        results.write_raw(path.with_suffix(".raw.npz"), raw)
    samples.clear()
    if page := svg.render(result):
        with results.whole(path.with_suffix(".svg")) as part:
            part.write_text(page, encoding="utf-8")


def _nothing_yet(ahead: Plan, arena: Arena) -> LengthsResult:
    place, _ = discover.given().get(ahead.model.name, (None, None))
    session: dict[str, Any] = {
        "started": results.now(),
        "request": asdict(ahead.request),
        "machine": fingerprint.machine(),
        "versions": fingerprint.versions(),
        "environment": fingerprint.environment(),
        "git": fingerprint.git(),
        "threads": arena.threads,
        "cores": arena.cores,
        "memory_limit_bytes": arena.memory_bytes,
        "parent_pid": os.getpid(),
        "models": {ahead.model.name: {"place": place, "length_axis": ahead.model.length_axis}},
        "warnings": cpu.warnings(),
    }
    return LengthsResult(
        session=session,
        model=ahead.model.name,
        axis=ahead.model.length_axis,
        reference=ahead.reference,
        lengths=ahead.lengths,
        bucket=ahead.bucket,
    )
