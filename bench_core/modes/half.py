"""Half precision throughout: half the bytes, and fewer significant bits."""

from typing import Any

from bench_core.mode import Job, Mode
from bench_core.runner import Inputs, Runner
from bench_core.runtimes.torch_module import (
    Tensors,
    cast_copy,
    feed,
    inference_call,
    torch_runner,
)

BF16_MIN_SQNR_DB = 25.0
"""A bfloat16 keeps 8 significant bits. One rounding has a relative error uniform within
2⁻⁹, so an rms of 2⁻⁹/√3 and an SQNR of 20·log10(√3·2⁹) = 59 dB at worst for one mantissa.
Errors of n roundings add up to √n of that: a thousand in a row leave 29 dB."""


def _cpu() -> dict[str, bool]:
    """Whether this CPU multiplies bfloat16 in hardware. Private names: torch has no others."""
    import torch

    return {
        "avx512_bf16": bool(torch.cpu._is_avx512_bf16_supported()),
        "amx_tile": bool(torch.cpu._is_amx_tile_supported()),
    }


def _prepare(job: Job) -> Runner:
    import torch

    module = cast_copy(job.module, torch.bfloat16).eval()
    call = inference_call(module)

    def bf16_feed(inputs: Inputs) -> Tensors:
        return feed(inputs, torch.bfloat16)

    def evidence() -> dict[str, Any]:
        dtypes = [str(p.dtype).removeprefix("torch.") for p in module.parameters()]
        output = call(bf16_feed(job.examples[0]))
        return {
            "parameters": {dtype: dtypes.count(dtype) for dtype in sorted(set(dtypes))},
            "output": str(output.dtype).removeprefix("torch."),
            "cpu": _cpu(),
        }

    return torch_runner(module, call, evidence, bf16_feed)


def _engaged(evidence: dict[str, Any]) -> str | None:
    parameters, output = evidence.get("parameters", {}), evidence.get("output")
    if "bfloat16" not in parameters or "float32" in parameters or output != "bfloat16":
        return f"expected bfloat16 parameters and output, found {parameters} and {output}"
    return None


BF16 = Mode(
    name="bf16",
    family="half",
    summary="eval(), inference_mode, parameters and inputs as bfloat16",
    prepare=_prepare,
    engaged=_engaged,
    min_sqnr_db=BF16_MIN_SQNR_DB,
    dtype="bfloat16",
)
