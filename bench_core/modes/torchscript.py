"""TorchScript: saved once, then run without the Python that defined the model."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench_core.mode import Job, Mode
from bench_core.runner import Runner
from bench_core.runtimes import torchscript_file
from bench_core.runtimes.artifact_file import fingerprint
from bench_core.runtimes.torch_module import feed, inference_call, read

if TYPE_CHECKING:
    import torch

Make = Callable[[Job], "torch.jit.ScriptModule"]


def _prepare(job: Job, name: str, make: Make, *, optimize: bool = False) -> Runner:
    """Save what `make` makes as `name` and load it.

    optimize: at every load, since what comes of it cannot be kept: a file with oneDNN's constants
        (any model with a convolution) is written, but not read again ("required keyword
        attribute 'value' is undefined", torch 2.13).
    """
    import torch

    def save(path: Path) -> None:
        torch.jit.save(make(job), path)

    with torchscript_file.deprecations_silenced():
        path = job.artifact(f"{name}.pt", save)
        module = torchscript_file.load(path)
        as_saved = torchscript_file.kinds(module)
        if optimize:
            module = torch.jit.optimize_for_inference(module)
    artifact_bytes, artifact_sha256 = fingerprint(path)

    def evidence() -> dict[str, Any]:
        kinds = torchscript_file.kinds(module)
        ranges = [node.sourceRange() for node in torchscript_file.nodes(module.inlined_graph)]
        return {
            "script_module": isinstance(module, torch.jit.ScriptModule),
            "nodes": [sum(as_saved.values()), sum(kinds.values())],
            "get_attr": kinds.get("prim::GetAttr", 0),
            "parameters": len(list(module.parameters())),
            # A compiled node points at its line of source, a traced one at the call stack.
            "compiled": sum(text.startswith("  File ") for text in ranges),
            "traced": sum(": trace_module" in text for text in ranges),
            "branches": kinds.get("prim::If", 0) + kinds.get("prim::Loop", 0),
            "rewritten": {
                kind: [as_saved.get(kind, 0), kinds.get(kind, 0)]
                for kind in sorted({*as_saved, *kinds})
                if as_saved.get(kind) != kinds.get(kind)
            },
        }

    call = inference_call(module)
    return Runner(call, feed, read, evidence, artifact_bytes, artifact_sha256)


def _has_graph(evidence: dict[str, Any]) -> str | None:
    if not evidence.get("script_module") or not evidence.get("nodes", [0, 0])[1]:
        return f"expected a script module with a graph, found {evidence}"
    return None


def _traced(evidence: dict[str, Any]) -> str | None:
    """A trace may hold functions that were compiled, such as those of a model's own library."""
    traced, compiled = evidence.get("traced", 0), evidence.get("compiled", 0)
    if traced <= compiled:
        return f"expected a trace, found {traced} nodes of one and {compiled} compiled from source"
    return _has_graph(evidence)


def _frozen(evidence: dict[str, Any]) -> str | None:
    left = evidence.get("get_attr", 0) + evidence.get("parameters", 0)
    if left:
        return f"expected every weight to be a constant, found {left} still looked up"
    return _has_graph(evidence)


def _compiled(evidence: dict[str, Any]) -> str | None:
    if not evidence.get("compiled") or evidence.get("traced"):
        return (
            f"expected every node to come from source, found {evidence.get('compiled', 0)} "
            f"that do and {evidence.get('traced', 0)} from a trace"
        )
    return _has_graph(evidence)


def _optimized(evidence: dict[str, Any]) -> str | None:
    computing = {kind for kind in evidence.get("rewritten", {}) if kind != "prim::Constant"}
    if not computing:
        return "optimize_for_inference left the frozen graph as it was"
    return _frozen(evidence)


TORCHSCRIPT_TRACE = Mode(
    name="torchscript_trace",
    family="torchscript",
    summary="eval(), inference_mode, traced, saved and loaded",
    prepare=lambda job: _prepare(job, "torchscript_trace", torchscript_file.traced),
    engaged=_traced,
)

TORCHSCRIPT_FREEZE = Mode(
    name="torchscript_freeze",
    family="torchscript",
    summary="the trace with its weights as constants, saved and loaded",
    prepare=lambda job: _prepare(job, "torchscript_freeze", torchscript_file.frozen),
    engaged=_frozen,
)

TORCHSCRIPT_SCRIPT = Mode(
    name="torchscript_script",
    family="torchscript",
    summary="eval(), inference_mode, compiled from source, saved and loaded",
    prepare=lambda job: _prepare(job, "torchscript_script", torchscript_file.compiled),
    engaged=_compiled,
)

TORCHSCRIPT_OPTIMIZED = Mode(
    name="torchscript_optimized",
    family="torchscript",
    summary="the frozen trace, rewritten by optimize_for_inference each time it is loaded",
    prepare=lambda job: _prepare(
        job, "torchscript_optimized", torchscript_file.frozen, optimize=True
    ),
    engaged=_optimized,
)
