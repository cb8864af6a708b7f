"""ONNX Runtime's own optimiser of transformers, which fuses attention, then all that loading does.

It is written in Python, looks for the patterns of BERT, and finds the number of heads and the
hidden size by itself. A graph in which it fuses nothing is unsupported; one that comes out as
ORT_ENABLE_ALL makes it anyway is not engaged. What is shipped is the `.onnx` file, which also
says what was fused.

Source: "Transformers Model Optimization Tool" in the documentation of ONNX Runtime.
"""

import json
import re
from pathlib import Path
from typing import Any

from bench_core.errors import Unsupported
from bench_core.modes.ort import ort_mode
from bench_core.runtimes.onnx_export import INLINE_BYTES
from bench_core.runtimes.onnx_file import load, operators
from bench_core.runtimes.onnx_prepare import elsewhere, noted, prepare
from bench_core.runtimes.onnxruntime_session import Level

_NAME = "ort_transformer_fused"
_LEVEL: Level = "ORT_ENABLE_ALL"
_FUSED = re.compile(r"^com\.microsoft\.|LayerNormalization$")
"""What it fuses into. It also shares constants, and then a Gather may be new to the graph."""


def _fuse(exported: Path, finished: Path) -> None:
    from onnxruntime.transformers.optimizer import optimize_model

    before = operators(load(exported))
    optimiser = optimize_model(str(exported))
    model = optimiser.model
    made = operators(model)
    fused = {name: made[name] for name in made.keys() - before.keys() if _FUSED.search(name)}
    if not fused:
        raise Unsupported(
            "expected attention, norms or activations to fuse as BERT has them, found none in "
            f"{before.total()} nodes"
        )
    model.metadata_props.add(key="bench_core.fused_beforehand", value=json.dumps(fused))
    beside = model.ByteSize() > INLINE_BYTES
    optimiser.save_model_to_file(str(finished), use_external_data_format=beside)


def _engaged(evidence: dict[str, Any]) -> str | None:
    beforehand, level = evidence.get("fused_beforehand", {}), evidence.get("level")
    if level != _LEVEL or not beforehand:
        return f"expected operators fused beforehand and {_LEVEL}, found {beforehand} and {level}"
    if _LEVEL in evidence.get("same_graph_at", []):
        return f"{_LEVEL} alone makes the same graph, in which it fuses {evidence.get('fused')}"
    return elsewhere(evidence)


ORT_TRANSFORMER_FUSED = ort_mode(
    _NAME,
    "what its optimiser of transformers fuses, then all of its own optimisation",
    lambda job: prepare(job, _NAME, _fuse, _LEVEL, noted("fused_beforehand"), optimized_at=_LEVEL),
    _engaged,
)
