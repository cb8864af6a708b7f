"""`bench explain`: find out, print, and save."""

import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console

from bench_core.analysis.explain.report import Found, render
from bench_core.analysis.explain.waterfall import waterfall
from bench_core.analysis.load import EXPLANATION
from bench_core.analysis.units import visible
from bench_core.cache_folder import default_cache
from bench_core.errors import UsageError
from bench_core.hardware import cpu
from bench_core.hardware.crowd import Crowd
from bench_core.studies.explain.find import find
from bench_core.studies.progress import Progress
from bench_core.sweep import fingerprint, profiles, results
from bench_core.sweep.arena import Arena
from bench_core.sweep.lock import machine_lock
from bench_core.sweep.profiles import Request


def explain(request: Request, a: str, b: str, console: Console) -> None:
    """Explain how long mode `b` takes by how long mode `a` does.

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
    with machine_lock("explain"), Progress() as progress:
        session, crowd = _session(request, cells[0].threads), Crowd()
        arena = Arena(
            None,
            cells[0].threads,
            default_cache(),
            progress.say,
            memory_bytes=profiles.memory_limit(request.memory_gib),
        )
        try:
            found = find(arena, cells, request.budget_s, progress)
        finally:
            arena.close()
    session |= {"finished": results.now(), "wall_s": arena.watch.seconds}
    session["warnings"] += crowd.warnings()
    render(found, session, console)
    for path in _save(found, [*map(str, cells)], session, folder):
        console.print(f"saved {path}", soft_wrap=True)


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


def _save(found: Found, cells: list[str], session: dict[str, Any], folder: Path) -> list[Path]:
    """As JSON, with every row of both profiles, and as a picture."""
    path = results.free_name(folder, before=EXPLANATION)
    content = {"schema": 1, "session": session, "cells": cells}
    content |= {"sentence": visible(found.sentence), **asdict(found)}
    results.write_json(path, content)
    picture = path.with_suffix(".svg")
    with results.whole(picture) as part:
        text = waterfall(found.explanation, found.a.name, found.b.name)
        part.write_text(text, encoding="utf-8")
    return [path, picture]
