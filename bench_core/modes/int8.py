"""PyTorch's own int8 dynamic quantisation: weights ahead of time, activations at each call."""

import warnings
from collections import Counter
from typing import Any

from bench_core.errors import Unsupported
from bench_core.mode import Job, Mode
from bench_core.runner import Runner
from bench_core.runtimes.torch_module import inference_call, torch_runner

INT8_MIN_SQNR_DB = 3.0
"""Says whether the outputs still are the model's; whether they are good enough is the task's
to say. All-zero outputs have 0 dB and unrelated ones −3. Per-tensor int8 on a transformer
comes nearer to that than its 41 dB per layer (6.02·8 − 7.27: Jayant and Noll 1984, §4.3, a
Gaussian clipped at 4 σ) let expect, since outliers stretch the ranges: minilm has 5 to 9 dB,
the same in PyTorch's kernels and in a float simulation of them."""


def _prepare(job: Job) -> Runner:
    import torch
    from torch import nn

    kinds = {nn.Linear, nn.LSTM, nn.GRU}
    if not any(type(part) in kinds for part in job.module.modules()):
        raise Unsupported(
            f"int8_dynamic quantises Linear, LSTM and GRU layers; {job.model.name} has none"
        )
    with warnings.catch_warnings():
        for message in ("torch.ao.quantization is deprecated", ".*[qQ]uant.* deprecated"):
            warnings.filterwarnings("ignore", message)
        module = torch.ao.quantization.quantize_dynamic(  # type: ignore[no-untyped-call]
            job.module.eval(), kinds, dtype=torch.qint8
        )
    call = inference_call(module)

    def evidence() -> dict[str, Any]:
        quantised = [
            type(part).__name__
            for part in module.modules()
            if type(part).__module__.startswith("torch.ao.nn.quantized.dynamic")
            and not type(part).__name__.startswith(("LinearPackedParam", "PackedParam"))
        ]
        return {"quantised": dict(Counter(quantised)), "engine": torch.backends.quantized.engine}

    return torch_runner(job, module, call, evidence)


def _engaged(evidence: dict[str, Any]) -> str | None:
    if not sum(evidence.get("quantised", {}).values()):
        return "expected quantised layers, found none"
    if evidence.get("engine") in (None, "none"):
        return "expected an engine with int8 kernels, found none"
    return None


INT8_DYNAMIC = Mode(
    name="int8_dynamic",
    family="int8",
    summary="eval(), inference_mode, Linear, LSTM and GRU layers in int8",
    prepare=_prepare,
    engaged=_engaged,
    min_sqnr_db=INT8_MIN_SQNR_DB,
    dtype="int8",
)
