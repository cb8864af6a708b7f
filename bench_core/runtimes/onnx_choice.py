"""Which exporter's ONNX file to run: the two fuse differently, so both are timed once.

On minilm at 128 tokens the slower of the two took 26 ms where the other took 18.
"""

import json
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from bench_core.errors import Unsupported
from bench_core.mode import Job
from bench_core.runtimes.onnx_export import FILE, candidates, reason
from bench_core.runtimes.onnx_file import external_files, graph_digest, load, operators
from bench_core.runtimes.onnxruntime_session import (
    Level,
    execution_provider,
    make_feed,
    open_session,
)

if TYPE_CHECKING:
    import onnx
    from onnxruntime import InferenceSession

CALLS, SECONDS = 9, 0.3
"""Each candidate is called at least so often, and all together for at least so long."""

COMPILED = "contains compiled nodes"
"""What ORT says when it is to write a graph that a provider has compiled (OpenVINO, TensorRT)."""

LEAST_GAIN = 1.02
"""The TorchScript exporter is deprecated: it is chosen only where it is 2 % faster, so that
noise does not decide which file is shipped."""

Finish = Callable[[Path, Path], None]
"""Turns an exported file into the one to ship: (exported, finished)."""


@dataclass
class _Candidate:
    session: "InferenceSession"
    files: list[Path]
    notes: dict[str, Any]


def make_fastest(
    job: Job, name: str, finish: Finish, level: Level
) -> tuple[list[Path], dict[str, Any]]:
    """The finished file of the faster exporter, and how that was found out.

    All are made, and timed at the job's own shape, only if none is there yet; the findings are
    kept beside it. Without that making no torch is imported.
    Returns: the file, then those with its external data; and the findings.
    Raises: Unsupported, with every reason, if no exporter's file gets through; Unavailable
        without the execution provider.
    """
    execution_provider(job.cell.provider)

    def make(part: Path) -> None:
        part.write_text(json.dumps(_choose(job, name, finish, level), indent=1))

    notes = job.artifact(f"{name}.json", make)
    found: dict[str, Any] = json.loads(notes.read_text())
    return [job.folder / file for file in found.pop("files")], found


def _choose(job: Job, name: str, finish: Finish, level: Level) -> dict[str, Any]:
    """Leave the fastest candidate's folder, and nothing of the others."""
    ready: dict[str, _Candidate] = {}
    exported, failed = candidates(job)
    for by, path in exported.items():
        folder = job.folder / f"{name}.{by}"
        try:
            ready[by] = _candidate(job, path, folder, finish, level)
        except Exception as error:  # noqa: BLE001 - runtimes raise anything; it is kept as found
            shutil.rmtree(folder)
            failed[by] = reason(error)
    if not ready:
        raise Unsupported(
            f"{job.model.name} cannot be had as an ONNX file for {name}: "
            + "; ".join(f"{by} says {said}" for by, said in failed.items())
        )
    median_s = _median_s(job, ready) if len(ready) > 1 else {}
    chosen = next(iter(ready))
    if median_s and median_s[chosen] > LEAST_GAIN * min(median_s.values()):
        chosen = min(median_s, key=median_s.__getitem__)
    for loser in ready.keys() - {chosen}:
        shutil.rmtree(job.folder / f"{name}.{loser}")
    return {
        "exporter": chosen,
        "exporter_median_s": median_s,
        "exporter_failed": failed,
        "timed_at": {"length": job.cell.length, "batch": job.cell.batch},
        "files": [str(file.relative_to(job.folder)) for file in ready[chosen].files],
        **ready[chosen].notes,
    }


def _candidate(job: Job, exported: Path, folder: Path, finish: Finish, level: Level) -> _Candidate:
    """Finish the exported file in `folder`, and see what ONNX Runtime makes of it."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    path = folder / FILE
    finish(exported, path)
    model = load(path)
    files = [path, *external_files(path, model)]
    counted: dict[str, Any] = {"exported": operators(load(exported)), "file": operators(model)}
    with tempfile.TemporaryDirectory(dir=job.folder) as scratch:
        session, ran = open_noting(job, files, level, Path(scratch) / FILE)
    counted["ran"] = ran and operators(ran)
    return _Candidate(session, files, {"operators": counted, "graph": ran and graph_digest(ran)})


def open_noting(
    job: Job, files: list[Path], level: Level, ran: Path, without: Sequence[str] = ()
) -> "tuple[InferenceSession, onnx.ModelProto | None]":
    """A session, and the graph that it runs: None where the provider has compiled it."""
    path, threads, provider = files[0], job.cell.threads, job.cell.provider
    beside = len(files) > 1
    try:
        session = open_session(
            path,
            level,
            threads,
            ran,
            weights_beside=beside,
            provider=provider,
            stop_spinning=True,
            without=without,
        )
    except Exception as error:
        if COMPILED not in str(error):
            raise
        session = open_session(
            path, level, threads, provider=provider, stop_spinning=True, without=without
        )
        return session, None
    return session, load(ran)


def _median_s(job: Job, ready: dict[str, _Candidate]) -> dict[str, float]:
    """Median seconds per call of each, called in turn on the same inputs."""
    feeds = {
        by: [make_feed(c.session, job.model.input_names)(inputs) for inputs in job.examples]
        for by, c in ready.items()
    }
    seconds: dict[str, list[float]] = {by: [] for by in ready}
    for by, candidate in ready.items():
        for feed in feeds[by]:  # warm-up
            candidate.session.run(None, feed)
    start = time.perf_counter()
    turn = 0
    while turn < CALLS or time.perf_counter() - start < SECONDS:
        for by, candidate in ready.items():
            feed = feeds[by][turn % len(feeds[by])]
            called = time.perf_counter()
            candidate.session.run(None, feed)
            seconds[by].append(time.perf_counter() - called)
        turn += 1
    return {by: median(values) for by, values in seconds.items()}
