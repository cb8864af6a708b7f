"""bitsandbytes' int8 Linear layers: weights ahead of time, inputs at each call, outliers apart.

Columns of an input with a value beyond the threshold are multiplied in float, the rest in int8
with a scale per token and per channel. Inputs are rounded to float16 first. What is shipped is
the state dict. Source: LLM.int8(), Dettmers et al. 2022, arXiv:2208.07339, §3.2.
"""

import copy
import logging
from collections import Counter
from typing import TYPE_CHECKING, Any

from bench_core.mode import Job, Mode
from bench_core.modes.int8 import INT8_MIN_SQNR_DB
from bench_core.runner import Runner
from bench_core.runtimes.inductor import ran
from bench_core.runtimes.torch_module import expect_linear, feed, inference_call, torch_runner

if TYPE_CHECKING:
    from torch import nn

_NAME = "int8_bitsandbytes"

THRESHOLD = 6.0
"""The paper's, and what transformers asks for unless told."""


def _prepare(job: Job) -> Runner:
    expect_linear(job, _NAME)
    # At each call of each layer it writes that float32 is cast to float16.
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
    module = _quantised(copy.deepcopy(job.module).eval())
    call = inference_call(module)

    def evidence() -> dict[str, Any]:
        found = ran(call, feed(job.examples[0]))
        weights = (str(value.dtype) for value in module.state_dict().values() if value.ndim > 1)
        return {"weights": dict(Counter(weights)), "operators": found["operators"]}

    return torch_runner(job, module, call, evidence)


def _quantised(module: "nn.Module") -> "nn.Module":
    """The module, its Linear layers replaced at every depth."""
    from bitsandbytes.nn import Linear8bitLt
    from torch import nn

    if type(module) is not nn.Linear:
        for name, child in module.named_children():
            setattr(module, name, _quantised(child))
        return module
    layer: nn.Module = Linear8bitLt(
        module.in_features,
        module.out_features,
        bias=module.bias is not None,
        has_fp16_weights=False,
        threshold=THRESHOLD,
    )
    layer.load_state_dict(module.state_dict())
    return layer.to("cpu").eval()  # the move is what quantises


def _engaged(evidence: dict[str, Any]) -> str | None:
    if not evidence.get("weights", {}).get("torch.int8"):
        return f"expected weights in int8, found {evidence.get('weights')}"
    called = evidence.get("operators", {})
    if not any(name.startswith("bitsandbytes::") and name.endswith("_mm") for name in called):
        return f"expected its int8 products, the call ran {called}"
    return None


INT8_BITSANDBYTES = Mode(
    name=_NAME,
    family="int8",
    summary="bitsandbytes' Linear8bitLt: int8, ranges at each call, outliers in float",
    prepare=_prepare,
    engaged=_engaged,
    frameworks=("torch", "bitsandbytes"),
    requires=("bitsandbytes",),
    min_sqnr_db=INT8_MIN_SQNR_DB,
    dtype="int8",
)
