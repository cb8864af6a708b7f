"""torch.export: saved once, then run without the Python that defined the model."""

import warnings
from collections import Counter
from pathlib import Path
from typing import Any

from bench_core.mode import Job, Mode
from bench_core.runner import Runner
from bench_core.runtimes.artifact_file import fingerprint
from bench_core.runtimes.inductor import ran
from bench_core.runtimes.torch_export import NOISE, export
from bench_core.runtimes.torch_module import feed, inference_call, read


def _prepare(job: Job) -> Runner:
    import torch

    def make(path: Path) -> None:
        torch.export.save(export(job), path)

    path = job.artifact("torch_export.pt2", make)
    with warnings.catch_warnings():
        for message, category in NOISE:
            warnings.filterwarnings("ignore", message, category)
        program = torch.export.load(path)
        module = program.module()
    call = inference_call(module)

    def evidence() -> dict[str, Any]:
        kinds = Counter(
            str(node.target) for node in program.graph.nodes if node.op == "call_function"
        )
        return {
            "graph_nodes": sum(kinds.values()),
            "in_graph": dict(sorted(kinds.items())),
            "weights": len(program.state_dict),
            "free_sizes": len(program.range_constraints),
            "classes": sorted({type(part).__module__ for part in module.modules()}),
            **ran(call, feed(job.examples[0])),
        }

    return Runner(call, feed, read, evidence, *fingerprint(path))


def _engaged(evidence: dict[str, Any]) -> str | None:
    nodes = evidence.get("graph_nodes", 0)
    if not nodes or not evidence.get("operators"):
        return f"expected a loaded graph that a call runs, found {nodes} nodes"
    strangers = [name for name in evidence.get("classes", ["?"]) if not name.startswith("torch.")]
    if strangers:
        return f"expected a graph alone, found modules of {', '.join(strangers)}"
    return None


TORCH_EXPORT = Mode(
    name="torch_export",
    family="compile",
    summary="torch.export with free batch and length, saved, loaded and run as a graph of ATen",
    prepare=_prepare,
    engaged=_engaged,
)
