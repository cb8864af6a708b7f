"""ONNX Runtime's own int8 static quantisation: ranges measured ahead of time, by min and max.

Activations asymmetric in u8, weights symmetric in s8 with a scale per channel, Q/DQ, every
operator that it knows; weights in 7 bits on a CPU without VNNI, whose products of u8 and s8
saturate. All as `quantize_static` itself advises for x86. What is shipped is the `.onnx` file,
which also says what it was calibrated with.
"""

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from bench_core.hardware import cpu
from bench_core.mode import Job, Mode
from bench_core.modes.ort_int8 import ORT_INT8_MIN_SQNR_DB, pre_processed
from bench_core.runner import Runner
from bench_core.runtimes.onnx_file import load
from bench_core.runtimes.onnx_prepare import elsewhere, lacks, noted, prepare

_NAME = "ort_int8_static_native"
INTEGER = ("QLinearConv", "QLinearMatMul", "QGemm", "MatMulIntegerToFloat")
"""What ONNX Runtime fuses Q/DQ around a product into. Dynamic quantisation gives the last too."""


def _quantise(job: Job, exported: Path, finished: Path) -> None:
    import onnx
    from onnxruntime.quantization import (
        CalibrationDataReader,
        CalibrationMethod,
        QuantFormat,
        QuantType,
        quantize_static,
    )

    with pre_processed(exported, finished) as ready:
        feeds = _feeds(job, ready)

        class Reader(CalibrationDataReader):  # type: ignore[misc]  # it has no types
            def get_next(self) -> dict[str, np.ndarray] | None:
                return next(feeds, None)

        quantize_static(
            ready,
            finished,
            Reader(),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            reduce_range="_vnni" not in str(cpu.facts()["flags"]),
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=CalibrationMethod.MinMax,
        )
    model = onnx.load(finished)
    model.metadata_props.add(
        key="bench_core.calibration", value=json.dumps(job.calibration.facts())
    )
    onnx.save(model, finished)


def _feeds(job: Job, path: Path) -> Iterator[dict[str, np.ndarray]]:
    """Calibration data by name, without what the graph does not use."""
    used = {value.name for value in load(path).graph.input}
    for inputs in job.calibration.batches:
        named = zip(job.model.input_names, inputs, strict=True)
        yield {name: np.ascontiguousarray(array) for name, array in named if name in used}


def _prepare(job: Job) -> Runner:
    return prepare(job, _NAME, partial(_quantise, job), "ORT_ENABLE_ALL", noted("calibration"))


def _engaged(evidence: dict[str, Any]) -> str | None:
    if missing := lacks(evidence, INTEGER):
        return missing
    if measured := sorted(name for name in evidence["fused"] if name.startswith("Dynamic")):
        return f"expected ranges that were measured ahead of time, found {', '.join(measured)}"
    return elsewhere(evidence)


ORT_INT8_STATIC_NATIVE = Mode(
    name=_NAME,
    family="onnxruntime",
    summary="ONNX Runtime's quantize_static: ranges from calibration data, by min and max",
    prepare=_prepare,
    engaged=_engaged,
    frameworks=("onnxruntime",),
    requires=("onnxruntime", "onnx"),
    providers=True,
    min_sqnr_db=ORT_INT8_MIN_SQNR_DB,
    dtype="int8",
)
