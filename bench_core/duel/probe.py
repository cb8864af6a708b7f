"""From nothing to the first output, for real: fresh interpreters, files not in memory."""

import importlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench_core.cell import Cell
from bench_core.errors import WorkerCrashed

_BOOT = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from bench_core.duel.probe import {main}; {main}(*sys.argv[2:])"
)
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
    readings = [_launch("main_imports", json.dumps(list(modules))) for _ in range(launches)]
    rss = sorted(reading["rss_bytes"] for reading in readings)[launches // 2]
    return Imports(tuple(modules), tuple(reading["import_s"] for reading in readings), rss)


def main_imports(modules: str) -> None:
    """The fresh interpreter of `measure_imports`."""
    import_s = _import_s(json.loads(modules))
    from bench_core.hardware.memory import peak_bytes

    _answer({"import_s": import_s, "rss_bytes": peak_bytes()})


def probe(cell: Cell, folder: Path, modules: Sequence[str]) -> dict[str, Any]:
    """Start a finished cell in a fresh interpreter that imports `modules` and no other framework.

    Returns: import_s, load_s, build_s, first_call_s, peak_rss_bytes, and `frameworks`: those
    of torch, transformers and onnxruntime that were loaded in the end.
    Raises: WorkerCrashed if it fails.
    """
    for file in folder.rglob("*"):
        if file.is_file():
            _drop_from_page_cache(file)
    return _launch("main", str(cell), str(folder), json.dumps(list(modules)))


def main(cell: str, folder: str, modules: str) -> None:
    """The fresh interpreter of `probe`."""
    import_s = _import_s(json.loads(modules))
    from bench_core import discover
    from bench_core.duel.worker import set_torch_threads
    from bench_core.hardware.memory import peak_bytes
    from bench_core.mode import Job

    spec = Cell.parse(cell)
    set_torch_threads(spec.threads)
    job = Job(discover.models()[spec.model], spec, Path(folder))
    inputs = job.examples[0]
    start = time.perf_counter()
    runner = discover.modes()[spec.mode].prepare(job)
    built = time.perf_counter()
    runner.call(runner.feed(inputs))
    called = time.perf_counter()
    _answer(
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


def _launch(main_name: str, *arguments: str) -> dict[str, Any]:
    """Run one of the mains above; its answer comes on a pipe, since libraries write to stdout."""
    reader, writer = os.pipe()
    try:
        done = subprocess.run(
            [
                sys.executable,
                "-c",
                _BOOT.format(main=main_name),
                json.dumps(sys.path),
                *arguments,
            ],
            env={**os.environ, "HF_HUB_OFFLINE": "1", "BENCH_ANSWER_FD": str(writer)},
            pass_fds=[writer],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=_LIMIT_S,
            text=True,
            check=False,
        )
        os.close(writer)
        writer = -1
        with os.fdopen(reader) as stream:
            text = stream.read()
    finally:
        if writer >= 0:
            os.close(writer)
    if done.returncode or not text:
        raise WorkerCrashed(
            f"a fresh interpreter exited with {done.returncode}: {done.stderr.strip()[-800:]}"
        )
    answer: dict[str, Any] = json.loads(text)
    return answer


def _answer(reading: dict[str, Any]) -> None:
    with os.fdopen(int(os.environ["BENCH_ANSWER_FD"]), "w") as stream:
        json.dump(reading, stream)


def _drop_from_page_cache(file: Path) -> None:
    fd = os.open(file, os.O_RDONLY)
    try:
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(fd)
