"""A model made ready by ONNX Runtime, and the evidence that its modes have in common."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench_core.mode import Job
from bench_core.runner import Runner
from bench_core.runtimes.onnx_choice import Finish, make_fastest
from bench_core.runtimes.onnx_file import domains
from bench_core.runtimes.onnx_levels import levels_of
from bench_core.runtimes.onnxruntime_session import (
    Level,
    execution_provider,
    open_session,
    provider_nodes,
    session_runner,
)

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

REORDERS = ("ReorderInput", "ReorderOutput")
AROUND = {*REORDERS, "Transpose", "Cast"}
"""Operators that ORT inserts around what it fuses."""

MakeRunner = Callable[
    ["InferenceSession", Sequence[Path], tuple[str, ...], Callable[[], dict[str, Any]]], Runner
]


def prepare(
    job: Job,
    name: str,
    finish: Finish,
    level: Level,
    make_runner: MakeRunner = session_runner,
    *,
    optimized_at: Level | None = None,
) -> Runner:
    """The faster exporter's file, finished and loaded at `level`.

    `finish` and the choice run once; a process that finds the file imports no torch.
    optimized_at: the level whose graph the evidence compares with those below it, if any.
    """
    files, found = make_fastest(job, name, finish, level)
    provider = job.cell.provider
    session = open_session(files[0], level, job.cell.threads, provider=provider)
    counted, graph = found.pop("operators"), found.pop("graph")

    def evidence() -> dict[str, Any]:
        same: list[Level] = []
        if graph and optimized_at:
            same = levels_of(job, found["exporter"], graph, optimized_at)
        return {
            **found,
            "provider": execution_provider(provider),
            "registered": session.get_providers(),
            "providers": provider_nodes(session),
            "level": session.get_session_options().graph_optimization_level.name,
            **changes(counted["exported"], counted["file"], counted["ran"]),
            "same_graph_at": same,
        }

    return make_runner(session, files, job.model.input_names, evidence)


def noted(key: str) -> MakeRunner:
    """Runners whose evidence also has, as `key`, the JSON that the file's metadata keeps for it.

    It is what the making of the file alone could know: `bench_core.{key}` is where to write it.
    """

    def make_runner(
        session: "InferenceSession",
        files: Sequence[Path],
        names: tuple[str, ...],
        evidence: Callable[[], dict[str, Any]],
    ) -> Runner:
        plain = session_runner(session, files, names, evidence)
        said = json.loads(session.get_modelmeta().custom_metadata_map[f"bench_core.{key}"])
        return replace(plain, evidence=lambda: {**evidence(), key: said})

    return make_runner


def elsewhere(evidence: dict[str, Any]) -> str | None:
    """Why the session is not one that runs on the provider asked for alone, if it is not."""
    asked, providers = evidence.get("provider"), evidence.get("providers", {})
    if {name for name, nodes in providers.items() if nodes} != {asked}:
        return f"expected every node on {asked}, found {providers}"
    return None


def lacks(evidence: dict[str, Any], kernels: Sequence[str]) -> str | None:
    """Why none of these is among the operators that were fused, if none is."""
    if any(name in evidence.get("fused", {}) for name in kernels):
        return None
    return f"expected one of {', '.join(kernels)}, found {evidence.get('fused')}"


def changes(
    exported: dict[str, int], file: dict[str, int], ran: dict[str, int] | None
) -> dict[str, Any]:
    """From the graph as exported to the one that ran: None where a provider compiled that one."""
    if ran is None:
        return {"nodes": [sum(exported.values()), None], "file_nodes": sum(file.values())}
    before, after = domains(exported), domains(ran)
    new = {name.removeprefix("com.microsoft."): ran[name] for name in ran.keys() - exported.keys()}
    bare = {name.rpartition(".")[2]: count for name, count in new.items()}
    return {
        "nodes": [sum(exported.values()), sum(ran.values())],
        "file_nodes": sum(file.values()),
        "casts": ran.get("Cast", 0) - exported.get("Cast", 0),
        "domains": {name: [before[name], after[name]] for name in sorted(before | after)},
        "fused": {
            name: count
            for name, count in sorted(new.items())
            if name.rpartition(".")[2] not in AROUND
        },
        "reorders": {name: bare.get(name, 0) for name in REORDERS},
    }
