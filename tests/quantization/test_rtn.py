"""Round to nearest in groups: what each group is, and what MatMulNBits makes of it."""

import numpy as np
import onnxruntime
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from bench_core.quantization.affine import Grid, dequantize
from bench_core.quantization.rtn import group_params, rtn

grids = st.sampled_from(
    [Grid(4, signed=True), Grid(4, signed=False), Grid(2), Grid(8, signed=False)]
)


@st.composite
def weights(draw):
    """[out, in] of any spread from row to row, in whole groups."""
    group, groups, out = (draw(st.integers(1, high)) for high in (8, 3, 4))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 999)))
    spread = torch.logspace(-3, 3, out, dtype=torch.float64)[:, None]
    weight = torch.randn(out, group * groups, dtype=torch.float64, generator=generator) * spread
    return weight.to(draw(st.sampled_from([torch.float64, torch.float32, torch.bfloat16]))), group


@given(weights(), grids, st.booleans())
@settings(max_examples=50, deadline=None)
def test_each_group_is_rounded_on_its_own(drawn, grid, symmetric):
    weight, group = drawn
    q, params = rtn(weight, grid, group=group, symmetric=symmetric)
    for start in range(0, weight.shape[1], group):
        alone, alone_params = rtn(
            weight[:, start : start + group], grid, group=group, symmetric=symmetric
        )
        assert torch.equal(q[:, start : start + group], alone)
        assert torch.equal(params.scale[:, start // group], alone_params.scale[:, 0])


@given(weights(), grids, st.booleans())
@settings(max_examples=50, deadline=None)
def test_no_weight_moves_by_more_than_half_a_step_or_one_at_an_asymmetric_end(
    drawn, grid, symmetric
):
    weight, group = drawn
    q, params = rtn(weight, grid, group=group, symmetric=symmetric)
    moved = (dequantize(q, params, torch.float64) - weight.double()).abs()
    scale = params.scale.double().repeat_interleave(group, 1)
    # The zero point is rounded, which moves an asymmetric range by up to half a step. The scale
    # is rounded to float32, which moves the 2⁸ steps to an end by 2⁸ · 2⁻²⁴ of a step; bfloat16
    # weights are divided in float32, and halves decided within 2⁻²⁴ of up to 2⁸ steps.
    assert (moved <= scale * ((0.5 if symmetric else 1.0) + 2**-15)).all()


@given(weights(), grids, st.booleans(), st.integers(1, 2))
@settings(max_examples=50, deadline=None)
def test_columns_of_zeros_that_fill_the_last_group_change_nothing(drawn, grid, symmetric, fewer):
    weight, group = drawn
    kept = max(1, weight.shape[1] - min(fewer, group - 1))
    padded = weight.clone()
    padded[:, kept:] = 0
    q, params = rtn(padded, grid, group=group, symmetric=symmetric)
    assert (dequantize(q, params)[:, kept:] == 0).all()
    rest = weight[:, : kept // group * group]
    if rest.numel():
        assert torch.equal(
            q[:, : rest.shape[1]], rtn(rest, grid, group=group, symmetric=symmetric)[0]
        )
    ragged = kept % group
    if ragged:
        alone = rtn(weight[:, kept - ragged : kept], grid, group=ragged, symmetric=symmetric)
        assert torch.equal(q[:, kept - ragged : kept], alone[0])
        assert torch.equal(params.scale[:, -1], alone[1].scale[:, 0])


def packed(integers, bits=4):
    """Two 4-bit integers a byte, the first in the lower half."""
    assert bits == 4
    even = np.pad(integers, [(0, 0)] * (integers.ndim - 1) + [(0, integers.shape[-1] % 2)])
    return (even[..., ::2] | even[..., 1::2] << 4).astype(np.uint8)


@pytest.mark.parametrize("inputs", [64, 50, 16])
@pytest.mark.parametrize("symmetric", [True, False])
def test_matmulnbits_computes_with_these_integers_and_scales(inputs, symmetric):
    block, out = 32, 24
    generator = torch.Generator().manual_seed(0)
    weight = torch.randn(out, inputs, generator=generator)
    x = torch.randn(5, inputs, generator=generator)
    full = -(-inputs // block) * block
    padded = torch.nn.functional.pad(weight, (0, full - inputs))
    q, params = rtn(padded, Grid(4, signed=False), group=block, symmetric=symmetric)
    blocks = q.numpy().reshape(out, -1, block)
    constants = {
        "B": packed(blocks),
        "scales": params.scale.numpy().reshape(-1),
        "zero_points": packed(params.zero_point.numpy().astype(np.uint8)).reshape(-1),
    }
    node = helper.make_node(
        "MatMulNBits",
        ["x", *constants],
        ["y"],
        domain="com.microsoft",
        K=inputs,
        N=out,
        bits=4,
        block_size=block,
    )
    graph = helper.make_graph(
        [node],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [5, inputs])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [5, out])],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    opsets = [helper.make_opsetid("", 21), helper.make_opsetid("com.microsoft", 1)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=10)
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    (found,) = session.run(None, {"x": x.numpy()})
    expected = x @ dequantize(q, params)[:, :inputs].T
    # float32 sums of up to 64 products of about 1 each: 64 · 2⁻²⁴ · √64.
    np.testing.assert_allclose(found, expected.numpy(), rtol=0, atol=1e-4)


def test_what_has_no_whole_groups_is_refused():
    grid = Grid(4)
    with pytest.raises(ValueError, match="whole groups of 32 inputs, found \\[3, 50\\]"):
        group_params(torch.zeros(3, 50), grid, group=32, symmetric=True)
    for wrong in (torch.zeros(4), torch.zeros(0, 4), torch.zeros(4, 0), torch.zeros(2, 4, 4)):
        with pytest.raises(ValueError, match="whole groups"):
            group_params(wrong, grid, group=4, symmetric=True)
    with pytest.raises(ValueError, match="whole groups"):
        group_params(torch.zeros(3, 4), grid, group=0, symmetric=True)
    with pytest.raises(ValueError, match="finite"):
        rtn(torch.tensor([[1.0, float("nan")]]), grid, group=2, symmetric=True)
