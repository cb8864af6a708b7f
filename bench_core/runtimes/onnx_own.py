"""An ONNX file that a mode writes itself, not one of the exporters': made once, run, counted."""

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench_core.mode import Job
from bench_core.runner import Runner
from bench_core.runtimes.onnx_choice import open_noting
from bench_core.runtimes.onnx_export import FILE
from bench_core.runtimes.onnx_file import load, operators
from bench_core.runtimes.onnx_prepare import changes
from bench_core.runtimes.onnxruntime_session import (
    Level,
    execution_provider,
    left_out,
    open_session,
    provider_nodes,
    session_runner,
)

Write = Callable[[Job, Path], dict[str, Any]]
"""Writes the file, and says what of its making belongs into the evidence."""

LEVEL: Level = "ORT_ENABLE_ALL"

WITHOUT = ("SkipLayerNormFusion",)
"""Fuses to what is slower. MiniLM at 16 tokens, one core of an EPYC, ONNX Runtime 1.31: 36 µs a
SkipLayerNormalization, where an Add takes 3 and a LayerNormalization 8."""


def prepare_own(job: Job, name: str, write: Write) -> Runner:
    """The file that `write` makes, optimised each time it is loaded.

    It and its notes are made if they are not there yet; a process that finds them imports no
    torch.
    Raises: Unavailable without the execution provider; whatever `write` raises.
    """
    provider = job.cell.provider
    registered = execution_provider(provider)
    path = job.folder / f"{name}.onnx"

    def make(part: Path) -> None:
        part.write_text(json.dumps(_make(job, path, write)))

    notes = job.artifact(f"{name}.json", make)
    found = json.loads(notes.read_text())
    counted = found.pop("operators")
    session = open_session(path, LEVEL, job.cell.threads, provider=provider, without=WITHOUT)

    def evidence() -> dict[str, Any]:
        return {
            **found,
            "provider": registered,
            "registered": session.get_providers(),
            "providers": provider_nodes(session),
            "level": session.get_session_options().graph_optimization_level.name,
            "without": left_out(session),
            "kernels": counted["ran"] or {},
            **changes(counted["file"], counted["file"], counted["ran"]),
        }

    return session_runner(session, [path], job.model.input_names, evidence)


def _make(job: Job, path: Path, write: Write) -> dict[str, Any]:
    found = write(job, path)
    with tempfile.TemporaryDirectory(dir=job.folder) as scratch:
        ran = Path(scratch) / FILE
        _, graph = open_noting(job, [path], LEVEL, ran, WITHOUT)
    counted = {"file": operators(load(path)), "ran": graph and operators(graph)}
    return {**found, "operators": counted}
