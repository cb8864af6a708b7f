"""Batch norms folded by `bench_core.fusion`: in a graph of torch.fx, or in one of torch.export.

What is shipped is the fused graph: its state dict, or its file.
"""

import json
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench_core.mode import Job, Mode
from bench_core.runner import Runner
from bench_core.runtimes.artifact_file import fingerprint
from bench_core.runtimes.inductor import ran
from bench_core.runtimes.torch_export import NOISE, export
from bench_core.runtimes.torch_module import Tensors, feed, inference_call, read, torch_runner

if TYPE_CHECKING:
    from torch import nn

    from bench_core.fusion.fuse import Fused

NORM = "aten::batch_norm"
NOTES = "fused.json"
"""In the file: what was folded, and which operators a call of the module ran."""


def fused_runner(job: Job, module: "nn.Module", notes: dict[str, Any]) -> Runner:
    """Runs what was made of the job's module, and counts what a call of each runs.

    notes: what was folded, and what was left.
    """
    call = inference_call(module)

    def evidence() -> dict[str, Any]:
        tensors = feed(job.examples[0])
        before = _operators(inference_call(job.module), tensors)
        return {**notes, **_changes(before, _operators(call, tensors))}

    return torch_runner(job, module, call, evidence)


def fewer_norms(evidence: dict[str, Any]) -> str | None:
    """Folded must be something, and a call must run that many batch norms fewer."""
    folded, left = evidence.get("folded", []), evidence.get("left", [])
    before, after = evidence.get("operators", {}).get(NORM, [0, 0])
    if not folded:
        if not left:
            return "nothing was folded; there is no batch norm"
        rest = f"; and {len(left) - 3} more" if len(left) > 3 else ""
        return f"nothing was folded; left: {'; '.join(left[:3])}{rest}"
    if before - after != len(folded):
        return f"expected {len(folded)} of {before} batch norms to be gone, found that {after} run"
    return None


def _operators(call: Callable[[Tensors], Any], tensors: Tensors) -> dict[str, int]:
    """How often a call runs each operator."""
    found: dict[str, int] = ran(call, tensors)["operators"]
    return found


def _changes(before: dict[str, int], after: dict[str, int]) -> dict[str, Any]:
    """[before, after]: how often each operator runs, and all of them."""
    first, then = Counter(before), Counter(after)
    return {
        "nodes": [first.total(), then.total()],
        "operators": {name: [first[name], then[name]] for name in sorted(first | then)},
    }


def _notes(fused: "Fused") -> dict[str, list[str]]:
    names = {"folded": fused.folded, "removed": fused.removed, "left": fused.left}
    return {name: list(found) for name, found in names.items()}


def _prepare_traced(job: Job) -> Runner:
    from bench_core.fusion.fuse import fuse

    fused = fuse(job.module.eval(), feed(job.examples[0]))
    return fused_runner(job, fused.graph, _notes(fused))


def _make_exported(job: Job, path: Path) -> None:
    import torch

    from bench_core.fusion.fuse import fuse_exported

    fused = fuse_exported(export(job))
    before = _operators(inference_call(job.module), feed(job.examples[0]))
    notes = json.dumps({**_notes(fused), "before": before})
    torch.export.save(export(job, fused.graph), path, extra_files={NOTES: notes})


def _prepare_exported(job: Job) -> Runner:
    import torch

    path = job.artifact("export_fused.pt2", lambda part: _make_exported(job, part))
    extra = {NOTES: ""}
    with warnings.catch_warnings():
        for message, category in NOISE:
            warnings.filterwarnings("ignore", message, category)
        module = torch.export.load(path, extra_files=extra).module()
    call, notes = inference_call(module), json.loads(extra[NOTES])
    before = notes.pop("before")

    def evidence() -> dict[str, Any]:
        return {**notes, **_changes(before, _operators(call, feed(job.examples[0])))}

    return Runner(call, feed, read, evidence, *fingerprint(path))


FX_FUSED = Mode(
    name="fx_fused",
    family="fusion",
    summary="eval(), inference_mode, traced by torch.fx, batch norms folded, no-ops removed",
    prepare=_prepare_traced,
    engaged=fewer_norms,
)

EXPORT_FUSED = Mode(
    name="export_fused",
    family="fusion",
    summary="torch_export, batch norms folded and no-ops removed, saved and loaded",
    prepare=_prepare_exported,
    engaged=fewer_norms,
)
