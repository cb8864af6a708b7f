"""torchao's int8 dynamic quantisation, compiled, as its documentation has it.

The weights of Linear layers ahead of time, a scale per channel; their inputs at each call, a
scale per token. What is shipped is the state dict, written once.
"""

import copy
from collections import Counter
from pathlib import Path
from typing import Any

from bench_core.mode import Job, Mode
from bench_core.modes.int8 import INT8_MIN_SQNR_DB
from bench_core.runner import Runner
from bench_core.runtimes.inductor_int8 import compiled_runner, multiplied
from bench_core.runtimes.torch_module import expect_linear

_NAME = "int8_torchao_dynamic"


def _prepare(job: Job) -> Runner:
    import torch
    from torchao.quantization import Int8DynamicActivationInt8WeightConfig, quantize_

    expect_linear(job, _NAME)
    module = copy.deepcopy(job.module).eval()

    def make(path: Path) -> None:
        quantised = copy.deepcopy(module)
        quantize_(quantised, Int8DynamicActivationInt8WeightConfig())
        torch.save(quantised.state_dict(), path)

    path = job.artifact(f"{_NAME}.pt", make)
    state = torch.load(path, weights_only=True)
    module.load_state_dict(state, assign=True)
    weights = Counter(type(value).__name__ for value in state.values())
    return compiled_runner(job, module, path, {"weights": dict(weights)}, free=True)


def _engaged(evidence: dict[str, Any]) -> str | None:
    if not evidence.get("weights", {}).get("Int8Tensor"):
        return f"expected weights in torchao's int8, found {evidence.get('weights')}"
    return multiplied(evidence)


INT8_TORCHAO_DYNAMIC = Mode(
    name=_NAME,
    family="int8",
    summary="torchao's quantize_: Linear layers in int8, ranges at each call, compiled",
    prepare=_prepare,
    engaged=_engaged,
    frameworks=("torch", "torchao"),
    requires=("torchao",),
    min_sqnr_db=INT8_MIN_SQNR_DB,
    any_shape=False,  # another length would be timed on a slower, dynamic graph
    dtype="int8",
)
