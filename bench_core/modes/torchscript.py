"""TorchScript by tracing: saved once, then run without the Python that defined the model."""

import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench_core.errors import WrongOutput
from bench_core.mode import Job, Mode
from bench_core.runner import Runner
from bench_core.runtimes.artifact_file import fingerprint
from bench_core.runtimes.torch_module import feed, inference_call, read

if TYPE_CHECKING:
    import torch


@contextmanager
def _deprecations_silenced() -> Iterator[None]:
    """Every entry point of torch.jit says that it is deprecated (torch 2.13)."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"`torch\.jit\..*", DeprecationWarning)
        yield


def _trace(job: Job) -> "torch.jit.ScriptModule":
    """The module's trace on one example, checked on another.

    Raises: WrongOutput if the other example takes another path through the module.
    """
    import torch

    module = job.module.eval()
    first, other = feed(job.examples[0]), feed(job.examples[1])
    with torch.no_grad(), warnings.catch_warnings():
        # It warns of each Python value that became a constant, harmless ones too. Whether
        # one mattered is for the oracle to say, on inputs that the trace has not seen.
        warnings.simplefilter("ignore", torch.jit.TracerWarning)  # type: ignore[attr-defined]
        # It reads every attribute of every submodule, and deprecated properties say so.
        warnings.filterwarnings("ignore", ".* is deprecated", FutureWarning)
        try:
            traced: torch.jit.ScriptModule = torch.jit.trace(  # type: ignore[no-untyped-call]
                module, first, check_inputs=[other]
            )
        except torch.jit.TracingCheckError as error:  # type: ignore[attr-defined]
            lines = str(error).strip().splitlines()
            raise WrongOutput(
                f"the trace of {job.model.name} differs from example to example: its control "
                f"flow depends on the data ({lines[0] if lines else 'graphs differ'})"
            ) from None
    return traced


def _prepare(job: Job, name: str, freeze: bool) -> Runner:
    import torch

    def make(path: Path) -> None:
        traced = _trace(job)
        torch.jit.save(torch.jit.freeze(traced) if freeze else traced, path)

    with _deprecations_silenced():
        path = job.artifact(f"{name}.pt", make)
        module = torch.jit.load(path)  # type: ignore[no-untyped-call]
    artifact_bytes, artifact_sha256 = fingerprint(path)

    def evidence() -> dict[str, Any]:
        kinds = Counter(node.kind() for node in module.inlined_graph.nodes())
        return {
            "script_module": isinstance(module, torch.jit.ScriptModule),
            "nodes": sum(kinds.values()),
            "get_attr": kinds["prim::GetAttr"],
            "parameters": len(list(module.parameters())),
        }

    call = inference_call(module)
    return Runner(call, feed, read, evidence, artifact_bytes, artifact_sha256)


def _traced(evidence: dict[str, Any]) -> str | None:
    if not evidence.get("script_module") or not evidence.get("nodes"):
        return f"expected a script module with a graph, found {evidence}"
    return None


def _frozen(evidence: dict[str, Any]) -> str | None:
    left = evidence.get("get_attr", 0) + evidence.get("parameters", 0)
    if left:
        return f"expected every weight to be a constant, found {left} still looked up"
    return _traced(evidence)


TORCHSCRIPT_TRACE = Mode(
    name="torchscript_trace",
    family="torchscript",
    summary="eval(), inference_mode, traced, saved and loaded",
    prepare=lambda job: _prepare(job, "torchscript_trace", freeze=False),
    engaged=_traced,
)

TORCHSCRIPT_FREEZE = Mode(
    name="torchscript_freeze",
    family="torchscript",
    summary="the trace with its weights as constants, saved and loaded",
    prepare=lambda job: _prepare(job, "torchscript_freeze", freeze=True),
    engaged=_frozen,
)
