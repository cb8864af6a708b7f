"""ONNX Runtime on a graph that our own passes rewrote, without any optimisation of its own.

So what is measured is ours: which passes there are stands in bench_core/onnx_graph. What is
shipped is the `.onnx` file, which also says what each pass rewrote.
"""

import json
from pathlib import Path
from typing import Any

from bench_core.modes.ort import ort_mode
from bench_core.runtimes.onnx_export import INLINE_BYTES
from bench_core.runtimes.onnx_prepare import elsewhere, noted, prepare
from bench_core.runtimes.onnxruntime_session import Level

_NAME = "ort_own_passes"
_LEVEL: Level = "ORT_DISABLE_ALL"


def _rewrite(exported: Path, finished: Path) -> None:
    from bench_core.onnx_graph.model_file import read, write
    from bench_core.onnx_graph.optimise import optimise

    model = read(exported)
    model.metadata_props["bench_core.rewrites"] = json.dumps(optimise(model))
    write(model, finished, inline_bytes=INLINE_BYTES)


def _engaged(evidence: dict[str, Any]) -> str | None:
    """The file has fewer nodes than the export, and what ran is the file, casts aside.

    ORT drops casts to the type that a value has anyway at every level.
    """
    before, after = evidence.get("nodes", [0, 0])
    written, level = evidence.get("file_nodes", 0), evidence.get("level")
    if level != _LEVEL:
        return f"expected no optimisation but ours, the session is at {level}"
    if written >= before or not any(evidence.get("rewrites", {}).values()):
        return f"our passes found nothing to rewrite: {before} nodes before, {written} after"
    grown = [name for name, (old, new) in evidence.get("domains", {}).items() if new > old]
    if grown or (after is not None and after > written):
        return f"expected the {written} nodes that we wrote, found {after}, more of {grown}"
    return elsewhere(evidence)


ORT_OWN_PASSES = ort_mode(
    _NAME,
    "the graph rewritten by our own passes and by nothing else",
    lambda job: prepare(job, _NAME, _rewrite, _LEVEL, noted("rewrites")),
    _engaged,
)
