"""ONNX Runtime with inputs and outputs in memory that was there before the call.

A plain `run` allocates the outputs anew and looks the names up each time; here a call writes
where the last one wrote. What is shipped is the `.onnx` file, with its external data.

Source: "I/O Binding" in the documentation of ONNX Runtime's Python API.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bench_core.mode import Job
from bench_core.modes.ort import optimized, ort_mode
from bench_core.runner import Inputs, Runner
from bench_core.runtimes.onnx_file import place
from bench_core.runtimes.onnx_prepare import prepare
from bench_core.runtimes.onnxruntime_profile import Ways
from bench_core.runtimes.onnxruntime_session import Level, profiler_of, session_runner, ways

if TYPE_CHECKING:
    from onnxruntime import InferenceSession, IOBinding

_NAME = "ort_all_iobinding"
_LEVEL: Level = "ORT_ENABLE_ALL"
_UNWRITTEN = 0xFF
"""A byte of which a float is a NaN, and an integer −1."""


@dataclass(frozen=True)
class _Bound:
    """A binding, which holds addresses only, and the arrays at those addresses."""

    binding: "IOBinding"
    inputs: list[np.ndarray]
    outputs: list[np.ndarray]


def _ways(session: "InferenceSession", names: tuple[str, ...]) -> Ways:
    plain_feed, plain_call = ways(session, names)
    run = session.run_with_iobinding

    def feed(inputs: Inputs) -> _Bound:
        """One plain run tells the shapes of the outputs, which nothing else does for sure."""
        named = {name: np.array(array, order="C") for name, array in plain_feed(inputs).items()}
        outputs = [np.empty_like(array, order="C") for array in plain_call(named)]
        binding = session.io_binding()
        for name, array in named.items():
            binding.bind_input(name, "cpu", 0, array.dtype, array.shape, array.ctypes.data)
        for value, array in zip(session.get_outputs(), outputs, strict=True):
            binding.bind_output(value.name, "cpu", 0, array.dtype, array.shape, array.ctypes.data)
        return _Bound(binding, list(named.values()), outputs)

    def call(bound: _Bound) -> _Bound:
        run(bound.binding)
        return bound

    return feed, call


def _bound_runner(
    example: Inputs,
    session: "InferenceSession",
    files: Sequence[Path],
    names: tuple[str, ...],
    evidence: Callable[[], dict[str, Any]],
) -> Runner:
    feed, call = _ways(session, names)

    def read(bound: _Bound) -> list[np.ndarray]:
        return [np.array(array, dtype=np.float64) for array in bound.outputs]

    def in_place() -> int:
        """How many outputs two calls both wrote into the memory that was bound for them."""
        bound = feed(example)
        written = [True] * len(bound.outputs)
        for _ in range(2):
            content = [array.reshape(-1).view(np.uint8) for array in bound.outputs]
            for octets in content:
                octets.fill(_UNWRITTEN)
            call(bound)
            for at, value in enumerate(bound.binding.get_outputs()):
                written[at] &= value.data_ptr() == bound.outputs[at].ctypes.data
                written[at] &= bool((content[at] != _UNWRITTEN).any())
        return sum(written)

    def bound_evidence() -> dict[str, Any]:
        return {**evidence(), "outputs_in_place": [in_place(), len(session.get_outputs())]}

    plain = session_runner(session, files, names, bound_evidence)
    profiler = profiler_of(session, files[0], lambda twin: _ways(twin, names))
    return replace(plain, feed=feed, call=call, read=read, profiler=profiler)


def _prepare(job: Job) -> Runner:
    make_runner = partial(_bound_runner, job.examples[0])
    return prepare(job, _NAME, place, _LEVEL, make_runner, optimized_at=_LEVEL)


def _engaged(evidence: dict[str, Any]) -> str | None:
    in_place, outputs = evidence.get("outputs_in_place", [0, 0])
    if not outputs or in_place < outputs:
        return f"expected every output where it was bound, found {in_place} of {outputs}"
    return optimized(evidence, level=_LEVEL, online=True)


ORT_ALL_IOBINDING = ort_mode(
    _NAME,
    "the graph optimised each time it is loaded, inputs and outputs preallocated",
    _prepare,
    _engaged,
)
