"""ONNX Runtime's own int8 dynamic quantisation.

What is shipped is the `.onnx` file.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench_core.mode import Job, Mode
from bench_core.runner import Runner
from bench_core.runtimes.onnx_file import load, operators
from bench_core.runtimes.onnx_prepare import elsewhere, lacks, prepare

ORT_INT8_MIN_SQNR_DB = 3.0
"""Half the signal's power. Whether the outputs still are the model's (all-zero ones have 0 dB,
unrelated ones −3); whether they are good enough is the task's to say."""

INTEGER = (
    "MatMulInteger",
    "MatMulIntegerToFloat",
    "DynamicQuantizeMatMul",
    "ConvInteger",
    "DynamicQuantizeLSTM",
    "QAttention",
)


@contextmanager
def pre_processed(exported: Path, finished: Path) -> Iterator[Path]:
    """The exported file as ONNX Runtime's quantisers want it, beside `finished` for a while."""
    import onnx
    from onnxruntime.quantization.shape_inference import quant_pre_process

    # Pre-processing is what makes LSTMs quantisable. Symbolic shapes are left out: they fail on
    # both exporters' minilm ("Incomplete symbolic shape inference", "cyclic graph").
    ready = finished.with_name(f"ready-{finished.name}")
    try:
        # Weights that lie beside are first brought in: the pre-processing loses them.
        onnx.save(onnx.load(exported), ready)
        quant_pre_process(ready, ready, skip_symbolic_shape=True)
        _forget_shapes(ready)
        yield ready
    finally:
        ready.unlink(missing_ok=True)


def _quantise(exported: Path, finished: Path) -> None:
    from onnxruntime.quantization import QuantType, quantize_dynamic

    with pre_processed(exported, finished) as ready:
        # ConvInteger with signed weights was 4 times slower than with unsigned ones.
        weights = QuantType.QUInt8 if operators(load(ready))["Conv"] else QuantType.QInt8
        quantize_dynamic(ready, finished, weight_type=weights)


def _forget_shapes(path: Path) -> None:
    """Drop the inner values' shapes, which quantisation infers again.

    It turns weights round, and the dynamo exporter's shapes then contradict it: "Inferred
    shape and existing shape differ in dimension 0: (128) vs (10)".
    """
    import onnx

    model = onnx.load(path)
    del model.graph.value_info[:]
    onnx.save(model, path)


def _prepare(job: Job) -> Runner:
    return prepare(job, "ort_int8_dynamic", _quantise, "ORT_ENABLE_ALL")


def _engaged(evidence: dict[str, Any]) -> str | None:
    return lacks(evidence, INTEGER) or elsewhere(evidence)


ORT_INT8_DYNAMIC = Mode(
    name="ort_int8_dynamic",
    family="onnxruntime",
    summary="ONNX Runtime, matrix products and convolutions in int8",
    prepare=_prepare,
    engaged=_engaged,
    frameworks=("onnxruntime",),
    requires=("onnxruntime", "onnx"),
    providers=True,
    min_sqnr_db=ORT_INT8_MIN_SQNR_DB,
    dtype="int8",
)
