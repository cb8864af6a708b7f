"""How long a cell takes to its first output, and how much memory."""

import json
from statistics import median
from typing import Any

from bench_core import discover
from bench_core.analysis.statistics import half_width
from bench_core.cell import Cell
from bench_core.duel.contender import Contender
from bench_core.duel.probe import Imports, measure_imports, probe
from bench_core.errors import BenchError
from bench_core.record import Peak, Ready
from bench_core.sweep.arena import Arena
from bench_core.sweep.cache import model_folder
from bench_core.sweep.results import write_json
from bench_core.wire import Message

PROBE_LAUNCHES = 5


def imports(arena: Arena, cell: Cell, *, builds_module: bool) -> Imports:
    """What importing the cell's frameworks costs; measured once per set, versions and machine.

    builds_module: whether it needs the model's own code, or a finished artefact is enough.
    """
    model, mode = discover.model(cell.model), discover.modes()[cell.mode]
    modules = tuple(dict.fromkeys((*mode.frameworks, *(model.frameworks * builds_module))))
    note = model_folder(arena.cache, cell.model) / f"imports-{'-'.join(modules)}.json"
    if not note.exists():
        arena.say(f"importing {', '.join(modules)} in fresh interpreters")
        with arena.watch("probing"):
            found = measure_imports(modules)
        write_json(note, {"seconds": found.seconds, "rss_bytes": found.rss_bytes})
    kept = json.loads(note.read_text())
    return Imports(modules, tuple(kept["seconds"]), kept["rss_bytes"])


def ready_of(arena: Arena, contender: Contender) -> Ready:
    """Of a running contender: one reading of each part, the imports measured apart."""
    started, cold = contender.started, arena.cold_reading(contender.cell)
    imported = imports(arena, contender.cell, builds_module=started["built_module"])
    return Ready(
        source="worker",
        import_s=median(imported.seconds),
        load_s=started["load_s"],
        build_cold_s=_build_cold_s(cold, builds_module=started["built_module"]),
        build_warm_s=started["build_s"],
        first_call_s=started["first_call_s"],
        cold_measured_on=cold["date"],
        import_half_width_s=half_width(imported.seconds),
    )


def peak_of(arena: Arena, contender: Contender, taken: Message) -> Peak:
    """The imports' memory plus what the contender's process grew by since it was forked.

    taken: the worker's `growth_bytes`, or `apart_bytes` of a model in a process of its own.
    """
    if taken["apart_bytes"] is not None:
        return Peak(taken["apart_bytes"], "worker")
    imported = imports(arena, contender.cell, builds_module=contender.started["built_module"])
    return Peak(imported.rss_bytes + taken["growth_bytes"], "worker")


def probed(
    arena: Arena, cell: Cell, *, builds_module: bool, launches: int = PROBE_LAUNCHES
) -> tuple[Ready, Peak]:
    """The same for real: medians over fresh interpreters with cold files.

    Raises: WorkerCrashed if one fails, BenchError if it loads a framework it should not need.
    """
    imported = imports(arena, cell, builds_module=builds_module)
    arena.say(f"probing {cell.mode}")
    with arena.watch("probing"):
        readings: list[dict[str, Any]] = [
            probe(cell, arena.folder(cell), imported.modules) for _ in range(launches)
        ]
    needed = {module.split(".")[0] for module in imported.modules}
    if strangers := {name for one in readings for name in one["frameworks"]} - needed:
        raise BenchError(
            f"expected {cell.mode} to need {', '.join(sorted(needed))} alone; a fresh "
            f"interpreter also loaded {', '.join(sorted(strangers))}"
        )
    mid = {
        key: median(one[key] for one in readings)
        for key in ("import_s", "load_s", "build_s", "first_call_s", "peak_rss_bytes")
    }
    cold = arena.cold_reading(cell)
    ready = Ready(
        source="probe",
        import_s=mid["import_s"],
        load_s=mid["load_s"],
        build_cold_s=_build_cold_s(cold, builds_module=builds_module),
        build_warm_s=mid["build_s"],
        first_call_s=mid["first_call_s"],
        cold_measured_on=cold["date"],
        import_half_width_s=half_width(imported.seconds),
    )
    return ready, Peak(int(mid["peak_rss_bytes"]), "probe")


def _build_cold_s(cold: dict[str, Any], *, builds_module: bool) -> float:
    """A mode that keeps a finished artefact loads the module for its first build alone."""
    return float(cold["build_s"] + (0.0 if builds_module else cold["load_s"]))
