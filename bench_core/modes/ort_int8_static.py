"""Our own post-training quantisation, lowered to Q/DQ and run by ONNX Runtime.

Ranges are found by each method; on the base of `_mse`, what each further step buys.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench_core.errors import Unsupported
from bench_core.mode import Job, Mode
from bench_core.modes.ort_int8 import ORT_INT8_MIN_SQNR_DB
from bench_core.runtimes.onnx_own import prepare_own
from bench_core.runtimes.onnx_prepare import elsewhere, lacks

if TYPE_CHECKING:
    from torch.fx import GraphModule

    from bench_core.quantization.ptq import Quantised
    from bench_core.quantization.recipe import Recipe

INTEGER = (
    "QLinearConv",
    "QLinearMatMul",
    "MatMulIntegerToFloat",
    "QGemm",
    "QLinearAdd",
    "QLinearConcat",
    "QLinearAveragePool",
)
"""Kernels that compute with integers."""

COMPARED_BATCHES = 2
"""Of the calibration data, on which executed and simulated integers are compared."""


def _recipe(**steps: Any) -> "Recipe":
    """Ranges by MSE, and what is named."""
    from bench_core.quantization.recipe import PLAIN

    return replace(PLAIN, **{"weight_ranges": "mse", "activation_ranges": "mse"} | steps)


def _write(steps: dict[str, Any], target: str) -> Callable[[Job, Path], dict[str, Any]]:
    def write(job: Job, path: Path) -> dict[str, Any]:
        from bench_core.quantization.graph.linear import pairs
        from bench_core.quantization.ptq import quantise
        from bench_core.quantization.target import TARGETS
        from bench_core.quantization.work import Work
        from bench_core.runtimes.torch_export import export
        from bench_core.runtimes.torch_module import feed

        model = job.model
        batches = [feed(batch) for batch in job.calibration.batches]
        work = Work.begin(export(job), TARGETS[target], batches)
        if not work.placement.layers:
            raise Unsupported(f"{model.name} has no layer with an int8 form")
        if steps.get("equalise") and not pairs(work.graph):
            raise Unsupported(
                f"{model.name} has no two layers with nothing but clips and pools between them, "
                "which could be equalised"
            )
        quantised = quantise(work, _recipe(**steps))
        write_lowered(job, quantised.graph, path)
        return _notes(job, path, quantised)

    return write


def write_lowered(job: Job, graph: "GraphModule", path: Path) -> None:
    """The quantised graph of the job's model as an ONNX file, with the model's names and axes."""
    from bench_core.quantization.graph.lower import lower
    from bench_core.runtimes.torch_export import example

    model = job.model
    lower(
        graph,
        example(job),
        path,
        input_names=model.input_names,
        output_name=model.output_name,
        dynamic_axes=model.dynamic_axes,
    )


def _notes(job: Job, path: Path, quantised: "Quantised") -> dict[str, Any]:
    from bench_core.quantization.graph.executed import compare
    from bench_core.quantization.saturation import predict

    compared = compare(quantised.graph, path, quantised.work.calibration[:COMPARED_BATCHES])
    saturating = [one for one in predict(quantised.work) if one.share > 0]
    return {
        "calibration": job.calibration.facts(),
        "steps": quantised.notes,
        "int8_layers": list(quantised.layers),
        "float_operators": quantised.left_float,
        "executed": {
            "same_graph": compared.same_graph,
            "values": {one.value: [round(one.equal, 4), one.most] for one in compared.steps},
        },
        "saturates_without_vnni": {one.layer: [one.most, one.share] for one in saturating},
    }


def _engaged(needed: str | None) -> Callable[[dict[str, Any]], str | None]:
    def engaged(evidence: dict[str, Any]) -> str | None:
        if missing := lacks(evidence, INTEGER):
            return missing
        if needed is not None and not evidence.get("steps", {}).get(needed):
            return f"expected {needed.replace('_', ' ')}, found none in this model"
        return elsewhere(evidence)

    return engaged


def _mode(
    variant: str,
    summary: str,
    steps: dict[str, Any],
    *,
    needed: str | None = None,
    target: str = "x86",
) -> Mode:
    name = f"ort_int8_static_{variant}"
    write = _write(steps, target)
    return Mode(
        name=name,
        family="onnxruntime",
        summary=f"ONNX Runtime, our static int8: {summary}",
        prepare=lambda job: prepare_own(job, name, write),
        engaged=_engaged(needed),
        frameworks=("onnxruntime",),
        requires=("onnxruntime", "onnx"),
        providers=True,
        min_sqnr_db=ORT_INT8_MIN_SQNR_DB,
        dtype="int8",
    )


_CLE = {"equalise": True}

ORT_INT8_STATIC_MINMAX = _mode(
    "minmax", "ranges from least to greatest", {"activation_ranges": "min_max"}
)
ORT_INT8_STATIC_MSE = _mode("mse", "ranges of least squared error", {})
ORT_INT8_STATIC_PERCENTILE = _mode(
    "percentile", "ranges without the outermost values", {"activation_ranges": "percentile"}
)
ORT_INT8_STATIC_ENTROPY = _mode(
    "entropy", "ranges of least divergence", {"activation_ranges": "entropy"}
)
ORT_INT8_STATIC_REDUCED = _mode(
    "reduced", "weights of 7 bits, for CPUs without VNNI", {}, target="x86_reduced"
)
ORT_INT8_STATIC_CLE = _mode("cle", "cross-layer equalisation", _CLE, needed="equalised_pairs")
ORT_INT8_STATIC_CLE_ABSORB = _mode(
    "cle_absorb",
    "equalisation, high biases absorbed",
    _CLE | {"absorb": True},
    needed="absorbed_pairs",
)
ORT_INT8_STATIC_CLE_BIAS_CORRECTED = _mode(
    "cle_bias_corrected",
    "equalisation, biases corrected",
    _CLE | {"correct_biases": True},
    needed="corrected_biases",
)
ORT_INT8_STATIC_CLE_ADAROUND = _mode(
    "cle_adaround",
    "equalisation, learnt rounding",
    _CLE | {"rounding": "adaround"},
    needed="rounding",
)
ORT_INT8_STATIC_SMOOTHQUANT = _mode(
    "smoothquant", "outliers moved into the weights", {"smooth": 0.5}, needed="smoothed"
)
