"""Which exporter's ONNX file to run: the two fuse differently, so both are timed once.

On minilm at 128 tokens the slower of the two took 26 ms where the other took 18.
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from bench_core.errors import Unsupported
from bench_core.mode import EXAMPLE_SEEDS, Job
from bench_core.runtimes.onnx_export import EXPORTERS, Exporter, export, operators
from bench_core.runtimes.onnxruntime_session import Level, make_feed, open_session

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

CALLS, SECONDS = 9, 0.3
"""Each candidate is called at least so often, and both together for at least so long."""

LEAST_GAIN = 1.02
"""The TorchScript exporter is deprecated: it is chosen only where it is 2 % faster, so that
noise does not decide which file is shipped."""

Finish = Callable[[Path, Path], None]
"""Turns an exported file into the one to ship: (exported, finished)."""


@dataclass
class _Candidate:
    path: Path
    session: "InferenceSession"
    operators: dict[str, dict[str, int]]


def make_fastest(job: Job, name: str, finish: Finish, level: Level) -> tuple[Path, dict[str, Any]]:
    """The finished file of the faster exporter, and how that was found out.

    Both are made, and timed at the job's own shape, only if the file is not there yet; the
    findings are kept beside it. Without this file's making no torch is imported.
    Raises: Unsupported, with both reasons, if neither exporter gets through.
    """
    notes = job.folder / f"{name}.json"

    def make(part: Path) -> None:
        found = _choose(job, part, finish, level)
        notes.write_text(json.dumps(found, indent=1))

    path = job.artifact(f"{name}.onnx", make)
    found: dict[str, Any] = json.loads(notes.read_text())
    return path, found


def _choose(job: Job, part: Path, finish: Finish, level: Level) -> dict[str, Any]:
    """Leave the faster candidate at `part` and nothing of the other."""
    candidates: dict[Exporter, _Candidate] = {}
    failed: dict[Exporter, str] = {}
    for by in EXPORTERS:
        try:
            candidates[by] = _candidate(job, part.with_name(f"{by}-{part.name}"), finish, level, by)
        except Exception as error:  # noqa: BLE001 - they raise anything; it is kept as found
            failed[by] = _reason(error)
    if not candidates:
        raise Unsupported(
            f"{job.model.name} cannot be exported to ONNX: "
            + "; ".join(f"{by} says {reason}" for by, reason in failed.items())
        )
    median_s = _median_s(job, candidates) if len(candidates) > 1 else {}
    chosen = next(iter(candidates))
    if median_s and median_s["dynamo"] > LEAST_GAIN * median_s["torchscript"]:
        chosen = "torchscript"
    kept = candidates.pop(chosen)
    kept.path.replace(part)
    for loser in candidates.values():
        loser.path.unlink()
    return {
        "exporter": chosen,
        "exporter_median_s": median_s,
        "exporter_failed": failed,
        "timed_at": {"length": job.cell.length, "batch": job.cell.batch},
        "operators": kept.operators,
    }


def _candidate(job: Job, path: Path, finish: Finish, level: Level, by: Exporter) -> _Candidate:
    exported = path.with_name(f"exported-{path.name}")
    ran = path.with_name(f"ran-{path.name}")
    example = job.model.inputs(job.cell.length, max(2, job.cell.batch), EXAMPLE_SEEDS[0], False)
    try:
        export(job.model, job.module, example, exported, by)
        before = operators(exported)
        finish(exported, path)
        session = open_session(path, level, job.cell.threads, ran, stop_spinning=True)
        counted = {"exported": before, "file": operators(path), "ran": operators(ran)}
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    finally:
        exported.unlink(missing_ok=True)
        ran.unlink(missing_ok=True)
    return _Candidate(path, session, {key: dict(value) for key, value in counted.items()})


def _median_s(job: Job, candidates: dict[Exporter, _Candidate]) -> dict[Exporter, float]:
    """Median seconds per call of each, called in turn on the same inputs."""
    feeds = {
        by: [make_feed(c.session, job.model.input_names)(inputs) for inputs in job.examples]
        for by, c in candidates.items()
    }
    seconds: dict[Exporter, list[float]] = {by: [] for by in candidates}
    for by, candidate in candidates.items():
        for feed in feeds[by]:  # warm-up
            candidate.session.run(None, feed)
    start = time.perf_counter()
    turn = 0
    while turn < CALLS or time.perf_counter() - start < SECONDS:
        for by, candidate in candidates.items():
            feed = feeds[by][turn % len(feeds[by])]
            called = time.perf_counter()
            candidate.session.run(None, feed)
            seconds[by].append(time.perf_counter() - called)
        turn += 1
    return {by: median(values) for by, values in seconds.items()}


def _reason(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0] if lines else 'no message'}"[:300]
