"""The frozen trace in a C++ program: what serving a model without Python gains."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np

from bench_core.mode import Job, Mode
from bench_core.runner import Runner
from bench_core.runtimes import torchscript_file
from bench_core.runtimes.artifact_file import fingerprint
from bench_core.runtimes.libtorch import Libtorch, compile_runner, runner_name


def _prepare(job: Job) -> Runner:
    """Shipped are the trace and the runner's own executable, which all models share.

    Calls go to the runner's process and back (for verification and the task); what is timed
    is timed in there.
    """

    def save(path: Path) -> None:
        import torch

        with torchscript_file.deprecations_silenced():
            torch.jit.save(torchscript_file.frozen(job), path)

    runner = job.common(runner_name(), compile_runner)
    script = job.artifact("torchscript_cpp.pt", save)
    libtorch = Libtorch(runner, script, job.cell.threads)
    script_bytes, script_sha256 = fingerprint(script)
    runner_bytes, runner_sha256 = fingerprint(runner)
    return Runner(
        call=libtorch.call,
        feed=lambda inputs: inputs,
        read=lambda output: [np.array(output, np.float64)],
        evidence=libtorch.evidence,
        artifact_bytes=script_bytes + runner_bytes,
        artifact_sha256=hashlib.sha256(f"{script_sha256} {runner_sha256}".encode()).hexdigest(),
        loop=libtorch,
    )


def _engaged(evidence: dict[str, Any]) -> str | None:
    libraries, kinds = evidence.get("libraries", []), evidence.get("kinds", {})
    if "libtorch_cpu.so" not in libraries or not kinds:
        return f"expected libtorch with a graph, found {libraries or 'no libraries'}, {kinds}"
    if python := [name for name in libraries if "python" in name]:
        return f"expected a process without Python, found {', '.join(python)} in it"
    if left := kinds.get("prim::GetAttr", 0):
        return f"expected every weight to be a constant, found {left} still looked up"
    return None


TORCHSCRIPT_CPP = Mode(
    name="torchscript_cpp",
    family="torchscript",
    summary="the frozen trace in a C++ program, no Python in its process",
    prepare=_prepare,
    engaged=_engaged,
    frameworks=(),
)
