"""From nothing to the first output, for real: fresh interpreters, files not in memory."""

import importlib
import json
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench_core.cell import Cell
from bench_core.interpreter import answer, ask

_LIMIT_S = 600.0


@dataclass(frozen=True)
class Imports:
    """Seconds to import a set of modules in a fresh interpreter, and what is resident then.

    seconds are those of each launch.
    """

    modules: tuple[str, ...]
    seconds: tuple[float, ...]
    rss_bytes: int


def measure_imports(modules: Sequence[str], launches: int = 5) -> Imports:
    """Import `modules` in that many fresh interpreters, one after the other.

    Raises: WorkerCrashed if one cannot.
    """
    wanted = json.dumps(list(modules))
    readings = [
        ask("bench_core.duel.probe:main_imports", wanted, limit_s=_LIMIT_S) for _ in range(launches)
    ]
    rss = sorted(reading["rss_bytes"] for reading in readings)[launches // 2]
    return Imports(tuple(modules), tuple(reading["import_s"] for reading in readings), rss)


def main_imports(modules: str) -> None:
    """The fresh interpreter of `measure_imports`."""
    import_s = _import_s(json.loads(modules))
    from bench_core.hardware.memory import peak_bytes

    answer({"import_s": import_s, "rss_bytes": peak_bytes()})


def probe(cell: Cell, folder: Path, modules: Sequence[str]) -> dict[str, Any]:
    """Start a finished cell in a fresh interpreter that imports `modules` and no other framework.

    Returns: import_s, load_s, build_s, first_call_s, peak_rss_bytes, and `frameworks`: those
    of torch, transformers and onnxruntime that were loaded in the end.
    Raises: WorkerCrashed if it fails.
    """
    for file in folder.rglob("*"):
        if file.is_file():
            _drop_from_page_cache(file)
    from bench_core import discover  # not above: it imports NumPy, which is the launches' to import

    given, wanted = json.dumps(discover.given()), json.dumps(list(modules))
    return ask(
        "bench_core.duel.probe:main", str(cell), str(folder), given, wanted, limit_s=_LIMIT_S
    )


def main(cell: str, folder: str, given: str, modules: str) -> None:
    """The fresh interpreter of `probe`."""
    import_s = _import_s(json.loads(modules))
    from bench_core import discover
    from bench_core.hardware.memory import peak_bytes
    from bench_core.mode import Job
    from bench_core.worker.serve import set_torch_threads

    discover.give(json.loads(given))
    spec = Cell.parse(cell)
    set_torch_threads(spec.threads)
    job = Job(discover.model(spec.model), spec, Path(folder))
    inputs = job.examples[0]
    start = time.perf_counter()
    runner = discover.modes()[spec.mode].prepare(job)
    built = time.perf_counter()
    runner.call(runner.feed(inputs))
    called = time.perf_counter()
    answer(
        {
            "import_s": import_s,
            "load_s": job.load_s,
            "build_s": built - start - job.load_s,
            "first_call_s": called - built,
            "peak_rss_bytes": peak_bytes(runner.loop.pid if runner.loop else None),
            "frameworks": [
                name for name in ("torch", "transformers", "onnxruntime") if name in sys.modules
            ],
        }
    )


def _import_s(modules: Sequence[str]) -> float:
    start = time.perf_counter()
    for name in modules:
        importlib.import_module(name)
    return time.perf_counter() - start


def _drop_from_page_cache(file: Path) -> None:
    fd = os.open(file, os.O_RDONLY)
    try:
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(fd)
