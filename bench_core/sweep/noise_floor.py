"""`bench aa`: what this machine makes of a mode against itself, by class."""

import numpy as np
from rich.console import Console
from rich.table import Table

from bench_core.analysis.statistics import pooled_launch_sd
from bench_core.analysis.units import percent
from bench_core.cache_folder import default_cache
from bench_core.hardware import cpu
from bench_core.sweep import profiles
from bench_core.sweep.arena import Arena
from bench_core.sweep.control import control_cells, launches
from bench_core.sweep.lock import machine_lock
from bench_core.sweep.profiles import Request


def show(request: Request, count: int, console: Console) -> None:
    """Run `count` A/A launches of each class, and print them as they come.

    Raises: UsageError for what cannot be.
    """
    cells = profiles.cells(request)
    threads = profiles.thread_count(request.threads)
    table = Table("class", "cell", "launches", "sd", "largest", "pooled with the prior")
    for warning in cpu.warnings():
        console.print(f"warning: {warning}")
    with machine_lock("aa"):
        arena = Arena(request.reference, threads, default_cache(), lambda _: None)
        try:
            for bound, cell in control_cells(cells, request.reference).items():
                values = []
                for value in launches(arena, cell, count):
                    values.append(value)
                    console.print(f"{bound}: launch {len(values)} of {count}: {100 * value:+.2f} %")
                spread = float(np.sqrt(np.mean(np.square(values))))
                largest = max(abs(value) for value in values)
                pooled = percent(pooled_launch_sd(values).sd)
                table.add_row(
                    bound, str(cell), str(count), percent(spread), percent(largest), pooled
                )
        finally:
            arena.close()
    console.print(table)
    console.print(
        "A ratio nearer to 1 than about twice the pooled spread, from one launch, shows nothing."
    )
