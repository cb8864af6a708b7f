"""Half precision throughout: half the bytes, and fewer significant bits."""

from collections import Counter
from typing import TYPE_CHECKING, Any

from bench_core.mode import Job, Mode
from bench_core.runner import Inputs, Runner
from bench_core.runtimes.torch_module import (
    Tensors,
    activations,
    cast_copy,
    feed,
    inference_call,
    torch_runner,
)

if TYPE_CHECKING:
    import torch

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
        output = call(bf16_feed(job.examples[0]))
        return {
            "parameters": _by_dtype(list(module.parameters())),
            "activations": _by_dtype(activations(module, bf16_feed(job.examples[0]))),
            "output": _by_dtype([output]),
            "cpu": _cpu(),
        }

    return torch_runner(job, module, call, evidence, bf16_feed)


def _by_dtype(tensors: "list[torch.Tensor]") -> dict[str, int]:
    """How many of the floating ones have each dtype."""
    dtypes = (str(t.dtype).removeprefix("torch.") for t in tensors if t.is_floating_point())
    return dict(Counter(dtypes))


def _engaged(evidence: dict[str, Any]) -> str | None:
    """Parameters all bfloat16, and layers mostly: a model may raise some by itself."""
    parameters, layers = evidence.get("parameters", {}), evidence.get("activations", {})
    half = layers.get("bfloat16", 0)
    if set(parameters) != {"bfloat16"} or 2 * half <= sum(layers.values()):
        return f"expected bfloat16 parameters and layers, found {parameters} and {layers}"
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
