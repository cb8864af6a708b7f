"""Bit for bit what onnxruntime does: QuantizeLinear and DequantizeLinear, one node a session."""

import functools

import numpy as np
import onnxruntime
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper

from bench_core.quantization.affine import Grid, QuantParams, dequantize, quantize
from tests.quantization.grids import placed, runtime_grids

ELEMENTS = {
    Grid(8, signed=False): TensorProto.UINT8,
    Grid(8): TensorProto.INT8,
    Grid(16, signed=False): TensorProto.UINT16,
    Grid(16): TensorProto.INT16,
}
REALS = {torch.float32: TensorProto.FLOAT, torch.float16: TensorProto.FLOAT16}


@functools.cache
def session(
    op_type: str, quantised: int, real: int, axis: int | None, group: int | None
) -> onnxruntime.InferenceSession:
    """One node; shapes are left open, so that few sessions serve all examples."""
    place = {"axis": axis} if axis is not None else {}
    place |= {"block_size": group} if group is not None else {}
    source, target = (real, quantised) if op_type == "QuantizeLinear" else (quantised, real)
    inputs = [("x", source), ("scale", real), ("zero_point", quantised)]
    graph = helper.make_graph(
        [helper.make_node(op_type, [name for name, _ in inputs], ["y"], **place)],
        op_type,
        [helper.make_tensor_value_info(name, kind, None) for name, kind in inputs],
        [helper.make_tensor_value_info("y", target, None)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def run(op_type: str, x: torch.Tensor, params: QuantParams, real: torch.dtype) -> np.ndarray:
    one = session(op_type, ELEMENTS[params.grid], REALS[real], params.axis, params.group)
    zero_point = params.zero_point.to(params.grid.dtype).numpy()
    scale = params.scale.to(real).numpy()
    return one.run(None, {"x": x.numpy(), "scale": scale, "zero_point": zero_point})[0]


half_scales = st.floats(2.0**-8, 1.0, width=16)
in_float32 = placed(runtime_grids)
# Finite: onnxruntime 1.31 makes 0 of a float16 infinity where the integers have 16 bits.
in_float16 = placed(runtime_grids, scales=half_scales).map(
    lambda case: (case[0].clamp(-65504, 65504).half(), case[1])
)


@settings(max_examples=200, deadline=None)
@given(in_float32 | in_float16)
def test_onnxruntime_quantises_to_the_same_integers_and_back_to_the_same_floats(case):
    x, params = case
    # onnxruntime takes one scale in one dimension for that of the whole tensor, and refuses
    # it a block size.
    assume(params.group is None or params.scale.shape != (1,))
    q = quantize(x, params)
    expected = run("QuantizeLinear", x, params, x.dtype)
    assert (q.numpy().dtype, q.tolist()) == (expected.dtype, expected.tolist())
    expected = run("DequantizeLinear", q, params, x.dtype)
    assert dequantize(q, params, x.dtype).numpy().tobytes() == expected.tobytes()


@pytest.mark.parametrize("grid", ELEMENTS, ids=str)
def test_onnxruntime_saturates_infinity_as_well(grid):
    # Enough of them that its vectorised loop sees some, and its tail as well.
    x = torch.tensor([-np.inf, -3e38, 3e38, np.inf, 1.0] * 13)
    zero_point = torch.tensor(grid.quant_max - 3, dtype=torch.int32)
    params = QuantParams(torch.tensor(2.0**-20), zero_point, grid)
    assert quantize(x, params).tolist() == run("QuantizeLinear", x, params, x.dtype).tolist()
