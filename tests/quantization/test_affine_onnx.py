"""Bit for bit what the ONNX package's own backend cases say."""

import numpy as np
import onnx
import onnx.backend.test.case.node as onnx_cases
import onnx.backend.test.case.node.dequantizelinear
import onnx.backend.test.case.node.dynamicquantizelinear
import onnx.backend.test.case.node.quantizelinear  # these three register their cases
import pytest
import torch
from onnx import TensorProto, numpy_helper

from bench_core.quantization.affine import (
    Grid,
    QuantParams,
    dequantize,
    params_from_range,
    quantize,
)

GRIDS = {
    TensorProto.UINT2: Grid(2, signed=False),
    TensorProto.INT2: Grid(2),
    TensorProto.UINT4: Grid(4, signed=False),
    TensorProto.INT4: Grid(4),
    TensorProto.UINT8: Grid(8, signed=False),
    TensorProto.INT8: Grid(8),
    TensorProto.UINT16: Grid(16, signed=False),
    TensorProto.INT16: Grid(16),
}


def element(value: onnx.ValueInfoProto) -> int:
    return value.type.tensor_type.elem_type


def cases(op_type: str) -> list:
    """Of integers; the others are of 8-bit and 4-bit floats."""
    found = [c for c in onnx_cases._NodeTestCases if c.model.graph.node[0].op_type == op_type]
    quantised = "input" if op_type == "DequantizeLinear" else "output"
    return [c for c in found if element(getattr(c.model.graph, quantised)[0]) in GRIDS]


def tensor(value) -> torch.Tensor:
    array = numpy_helper.to_array(value) if isinstance(value, onnx.TensorProto) else value
    array = np.asarray(array)
    # numpy holds integers of 2 and 4 bits in dtypes that torch does not know.
    return torch.tensor(array if array.dtype.kind == "f" else array.astype(np.int32))


def parameters(case, quantised: onnx.ValueInfoProto, scale, zero_point=None) -> QuantParams:
    scale = tensor(scale)
    zero_point = torch.zeros_like(scale) if zero_point is None else tensor(zero_point)
    # The cases of few bits have a scale [] and a zero point [1].
    zero_point = zero_point.int().reshape(scale.shape)
    given = {a.name: a.i for a in case.model.graph.node[0].attribute}
    group = given.get("block_size")
    axis = given.get("axis", 1) if scale.ndim else None
    return QuantParams(scale, zero_point, GRIDS[element(quantised)], axis, group)


def test_the_onnx_package_has_its_cases():
    assert len(cases("QuantizeLinear")) >= 10
    assert len(cases("DequantizeLinear")) >= 9
    assert len(cases("DynamicQuantizeLinear")) >= 3


@pytest.mark.parametrize("case", cases("QuantizeLinear"), ids=lambda case: case.name)
def test_quantize_linear_as_the_onnx_package_has_it(case):
    (x, *given), (y,) = case.data_sets[0]
    params = parameters(case, case.model.graph.output[0], *given)
    assert torch.equal(quantize(tensor(x), params).int(), tensor(y))


@pytest.mark.parametrize("case", cases("DequantizeLinear"), ids=lambda case: case.name)
def test_dequantize_linear_as_the_onnx_package_has_it(case):
    (x, *given), (y,) = case.data_sets[0]
    params = parameters(case, case.model.graph.input[0], *given)
    assert torch.equal(dequantize(tensor(x), params), tensor(y))


@pytest.mark.parametrize("case", cases("DynamicQuantizeLinear"), ids=lambda case: case.name)
def test_dynamic_quantize_linear_as_the_onnx_package_has_it(case):
    (x,), (y, scale, zero_point) = case.data_sets[0]
    x = tensor(x)
    params = params_from_range(x.min(), x.max(), Grid(8, signed=False), symmetric=False)
    assert (params.scale.item(), params.zero_point.item()) == (scale, zero_point)
    assert torch.equal(quantize(x, params).int(), tensor(y))
