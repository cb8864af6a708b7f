"""ONNX Runtime in float32: unoptimised, optimised when loaded, and optimised ahead of time.

What is shipped is the `.onnx` file.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench_core.mode import Job, Mode
from bench_core.runner import Runner
from bench_core.runtimes.onnx_choice import Finish, make_fastest
from bench_core.runtimes.onnxruntime_session import (
    Level,
    open_session,
    provider_nodes,
    session_runner,
)

REORDERINGS = {"ReorderInput", "ReorderOutput", "Transpose", "Cast"}
"""Operators that ORT inserts around what it fuses."""


def prepare(job: Job, name: str, finish: Finish, level: Level) -> Runner:
    """The faster exporter's file, finished and loaded at `level`.

    `finish` and the choice run once; a process that finds the file imports no torch.
    """
    path, found = make_fastest(job, name, finish, level)
    session = open_session(path, level, job.cell.threads)
    counted = found.pop("operators")
    exported, file, ran = (counted[key] for key in ("exported", "file", "ran"))

    def evidence() -> dict[str, Any]:
        return {
            **found,
            "providers": provider_nodes(session),
            "level": session.get_session_options().graph_optimization_level.name,
            "nodes": [sum(exported.values()), sum(ran.values())],
            "file_nodes": sum(file.values()),
            "fused": {
                name: count
                for name, count in sorted(ran.items())
                if name not in exported and name.rpartition(".")[2] not in REORDERINGS
            },
        }

    return session_runner(session, path, job.model.input_names, evidence)


def _as_exported(exported: Path, finished: Path) -> None:
    exported.replace(finished)


def _optimised(exported: Path, finished: Path) -> None:
    # The number of threads does not change the graph.
    open_session(exported, "ORT_ENABLE_ALL", threads=1, optimized=finished)


def elsewhere(evidence: dict[str, Any]) -> str | None:
    """Why the session is not one that runs on the CPU provider alone, if it is not."""
    providers = evidence.get("providers", {})
    if set(providers) != {"CPUExecutionProvider"}:
        return f"expected every node on CPUExecutionProvider, found {providers}"
    return None


def _untouched(evidence: dict[str, Any]) -> str | None:
    before, after = evidence.get("nodes", [0, 0])
    if before != after or evidence.get("fused"):
        return f"expected the graph as exported ({before} nodes), found one of {after} nodes"
    return elsewhere(evidence)


def _fused(where: str) -> Callable[[dict[str, Any]], str | None]:
    """Fused when loaded: the file is as exported. Fused ahead: the file is as it is run."""

    def engaged(evidence: dict[str, Any]) -> str | None:
        before, after = evidence.get("nodes", [0, 0])
        if not evidence.get("fused") and after >= before:
            return f"nothing was fused: {before} nodes before, {after} after"
        file, expected = evidence.get("file_nodes"), before if where == "online" else after
        if file != expected:
            return f"expected {expected} nodes in the file for {where} fusion, found {file}"
        if where == "offline" and evidence.get("level") != "ORT_DISABLE_ALL":
            return f"expected nothing left to do online, found level {evidence.get('level')}"
        return elsewhere(evidence)

    return engaged


def _mode(
    name: str,
    summary: str,
    finish: Finish,
    level: Level,
    engaged: Callable[[dict[str, Any]], str | None],
) -> Mode:
    return Mode(
        name=name,
        family="onnxruntime",
        summary=summary,
        prepare=lambda job: prepare(job, name, finish, level),
        engaged=engaged,
        frameworks=("onnxruntime",),
        requires=("onnxruntime", "onnx"),
    )


ORT_DISABLED_ONLINE = _mode(
    "ort_disabled_online",
    "ONNX Runtime, the graph as exported",
    _as_exported,
    "ORT_DISABLE_ALL",
    _untouched,
)

ORT_ALL_ONLINE = _mode(
    "ort_all_online",
    "ONNX Runtime, the graph optimised each time it is loaded",
    _as_exported,
    "ORT_ENABLE_ALL",
    _fused("online"),
)

ORT_ALL_OFFLINE = _mode(
    "ort_all_offline",
    "ONNX Runtime, the graph optimised once, ahead of time, for this CPU",
    _optimised,
    "ORT_DISABLE_ALL",
    _fused("offline"),
)
