"""Weights of linear layers in 4 bits, multiplied by ONNX Runtime's MatMulNBits."""

from functools import partial
from pathlib import Path
from typing import Any, Literal

from bench_core.mode import Job, Mode
from bench_core.modes.ort_int8 import ORT_INT8_MIN_SQNR_DB
from bench_core.modes.ort_int8_static import write_lowered
from bench_core.runtimes.onnx_own import prepare_own
from bench_core.runtimes.onnx_prepare import elsewhere


def _write(method: Literal["rtn", "gptq", "awq"], job: Job, path: Path) -> dict[str, Any]:
    from bench_core.quantization.weight_only import quantise_weights
    from bench_core.runtimes.torch_export import export
    from bench_core.runtimes.torch_module import feed

    batches = [] if method == "rtn" else [feed(batch) for batch in job.calibration.batches]
    quantised = quantise_weights(export(job), method, batches)
    write_lowered(job, quantised.graph, path)
    return {
        "calibration": None if method == "rtn" else job.calibration.facts(),
        "steps": quantised.notes,
        "int4_layers": list(quantised.layers),
        "float_operators": quantised.left_float,
    }


def _engaged(evidence: dict[str, Any]) -> str | None:
    expected, found = evidence.get("int4_layers", []), evidence.get("kernels", {})
    if not expected or found.get("com.microsoft.MatMulNBits") != len(expected):
        return f"expected {len(expected)} of MatMulNBits, found {found}"
    return elsewhere(evidence)


def _mode(method: Literal["rtn", "gptq", "awq"], summary: str) -> Mode:
    name = f"ort_int4_{method}"
    write = partial(_write, method)
    return Mode(
        name=name,
        family="onnxruntime",
        summary=f"ONNX Runtime, weights of linear layers in 4 bits, {summary}",
        prepare=lambda job: prepare_own(job, name, write),
        engaged=_engaged,
        frameworks=("onnxruntime",),
        requires=("onnxruntime", "onnx"),
        providers=True,
        min_sqnr_db=ORT_INT8_MIN_SQNR_DB,
    )


ORT_INT4_RTN = _mode("rtn", "rounded to nearest")
ORT_INT4_GPTQ = _mode("gptq", "each column making up for the errors before it")
ORT_INT4_AWQ = _mode("awq", "scaled by how large their inputs are")
