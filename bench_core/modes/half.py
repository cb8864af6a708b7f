"""Half precision: throughout (half the bytes), or by autocast, around float32 parameters.

What is shipped is the state dict: by autocast that of the float32 module.

Autocast on the CPU casts the inputs of matrix products and convolutions, and lets most others
(LayerNorm, softmax, GELU: torch 2.13) follow what they are given; BatchNorm on a float32 input,
embeddings, and sums with one float32 side stay float32. Under inference_mode its cache of cast
weights is out of use: two calls of one Linear made 6 casts (input, weight and bias, twice),
where no_grad made 2 (the inputs).
"""

from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from bench_core.errors import Unavailable, Unsupported
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

FP16_MIN_SQNR_DB = 43.0
"""A float16 keeps 11 significant bits, 3 more than a bfloat16: 18 dB. Beyond 65504 it is
infinite, which no SQNR forgives; below 6e-5 it has fewer bits, and values that small add little
to the signal."""

INSTRUCTIONS = {
    "bfloat16": ("avx512_bf16", "amx_bf16"),
    "float16": ("f16c", "avx512_fp16", "amx_fp16"),
}
"""By which a CPU computes in that precision. f16c only converts: float32 does the rest."""


def _cpu(dtype: str) -> dict[str, bool]:
    """Which of those instructions this CPU has."""
    import torch

    has = torch.cpu.get_capabilities()
    return {name: bool(has.get(name, False)) for name in INSTRUCTIONS[dtype]}


def _by_dtype(tensors: "list[torch.Tensor]") -> dict[str, int]:
    """How many of the floating ones have each dtype."""
    dtypes = (str(t.dtype).removeprefix("torch.") for t in tensors if t.is_floating_point())
    return dict(Counter(dtypes))


def _all_prepared(job: Job, dtype: str) -> Runner:
    """Parameters and inputs cast."""
    import torch

    low: torch.dtype = getattr(torch, dtype)
    module = cast_copy(job.module, low).eval()
    layers = partial(activations, module)
    return _runner(job, module, inference_call(module), layers, dtype, partial(feed, dtype=low))


def _autocast_prepared(job: Job, dtype: str) -> Runner:
    """A float32 module whose operators are given lower ones."""
    import torch

    low: torch.dtype = getattr(torch, dtype)
    module = job.module.eval()

    def call(tensors: Tensors) -> "torch.Tensor":
        with torch.inference_mode(), torch.autocast("cpu", low):
            output: torch.Tensor = module(*tensors)
            return output

    def layers(tensors: Tensors) -> "list[torch.Tensor]":
        with torch.autocast("cpu", low):
            return activations(module, tensors)

    return _runner(job, module, call, layers, dtype, feed)


def _runner(
    job: Job,
    module: "torch.nn.Module",
    call: "Callable[[Tensors], torch.Tensor]",
    layers: "Callable[[Tensors], list[torch.Tensor]]",
    dtype: str,
    feed: Callable[[Inputs], Tensors],
) -> Runner:
    """Try it once.

    Raises: Unsupported, naming the operator, if torch has no kernel of it for `dtype`;
    Unavailable if oneDNN has one, and not for this processor.
    """
    try:
        call(feed(job.examples[0]))
    except RuntimeError as error:
        said = str(error)
        if "not implemented for" in said:
            raise Unsupported(
                f"{job.model.name} has an operator that torch cannot run in {dtype} on a CPU: "
                f"{said}"
            ) from None
        if "could not create a primitive" in said:  # LSTM in fp16 takes amx_fp16 or avx512_fp16
            raise Unavailable(
                f"oneDNN cannot run {job.model.name} in {dtype} on this processor: {said}"
            ) from None
        raise

    def evidence() -> dict[str, Any]:
        tensors = feed(job.examples[0])
        return {
            "parameters": _by_dtype(list(module.parameters())),
            "activations": _by_dtype(layers(tensors)),
            "output": _by_dtype([call(tensors)]),
            "cpu": _cpu(dtype),
        }

    return torch_runner(job, module, call, evidence, feed)


def _all_engaged(evidence: dict[str, Any], dtype: str) -> str | None:
    """Parameters all cast, and layers mostly: a model may raise some by itself."""
    parameters, layers = evidence.get("parameters", {}), evidence.get("activations", {})
    half = layers.get(dtype, 0)
    if set(parameters) != {dtype} or 2 * half <= sum(layers.values()):
        return f"expected {dtype} parameters and layers, found {parameters} and {layers}"
    return None


def _autocast_engaged(evidence: dict[str, Any], dtype: str) -> str | None:
    """Parameters left alone, and some layer's output cast, to that dtype only."""
    parameters, layers = evidence.get("parameters", {}), evidence.get("activations", {})
    if set(parameters) != {"float32"} or not {dtype} <= set(layers) <= {dtype, "float32"}:
        return f"expected float32 parameters, {dtype} layers, found {parameters} and {layers}"
    return None


def _all(name: str, dtype: str, min_sqnr_db: float) -> Mode:
    return Mode(
        name=name,
        family="half",
        summary=f"eval(), inference_mode, parameters and inputs as {dtype}",
        prepare=partial(_all_prepared, dtype=dtype),
        engaged=partial(_all_engaged, dtype=dtype),
        min_sqnr_db=min_sqnr_db,
        dtype=dtype,
    )


def _autocast(name: str, dtype: str, min_sqnr_db: float) -> Mode:
    return Mode(
        name=name,
        family="half",
        summary=f"eval(), inference_mode, autocast to {dtype} around float32 parameters",
        prepare=partial(_autocast_prepared, dtype=dtype),
        engaged=partial(_autocast_engaged, dtype=dtype),
        min_sqnr_db=min_sqnr_db,
        dtype=dtype,
    )


BF16 = _all("bf16", "bfloat16", BF16_MIN_SQNR_DB)
FP16 = _all("fp16", "float16", FP16_MIN_SQNR_DB)
AUTOCAST_BF16 = _autocast("autocast_bf16", "bfloat16", BF16_MIN_SQNR_DB)
AUTOCAST_FP16 = _autocast("autocast_fp16", "float16", FP16_MIN_SQNR_DB)
