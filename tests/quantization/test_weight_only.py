"""Four bits: packed as ONNX Runtime wants them, and executed as simulated."""

import numpy as np
import onnxruntime
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from bench_core.errors import Unsupported, UsageError
from bench_core.quantization.graph.lower import lower
from bench_core.quantization.graph.nbits import pack, unpack
from bench_core.quantization.sqnr import sqnr_db
from bench_core.quantization.weight_only import quantise_weights
from tests.quantization.nets import exported


@given(st.lists(st.integers(0, 15), min_size=1, max_size=9))
def test_packed_and_unpacked(values):
    q = torch.tensor(values, dtype=torch.uint8)
    packed = pack(q)
    assert packed.numel() == (len(values) + 1) // 2
    assert unpack(packed)[: len(values)].tolist() == values


def module():
    torch.manual_seed(0)
    # 40 inputs are no whole number of groups of 32; 96 are three, an odd number of zero points.
    return nn.Sequential(nn.LayerNorm(40), nn.Linear(40, 96), nn.ReLU(), nn.Linear(96, 7))


DATA = [(torch.randn(64, 40) * torch.logspace(-1, 1, 40),) for _ in range(2)]


@pytest.mark.parametrize("method", ["rtn", "gptq", "awq"])
def test_executed_as_simulated(method, tmp_path):
    quantised = quantise_weights(exported(module(), 4, 40), method, DATA)
    assert quantised.layers == ("1", "3")
    path = tmp_path / "model.onnx"
    axes = {"x": {0: "batch"}}
    lower(quantised.graph, DATA[0], path, input_names=["x"], output_name="y", dynamic_axes=axes)
    session = onnxruntime.InferenceSession(path)
    x = torch.randn(5, 40)
    simulated = quantised.graph(x).detach().numpy()
    (executed,) = session.run(None, {"x": x.numpy()})
    # Sums of 96 float32 products in another order: 96 · ε of the largest.
    np.testing.assert_allclose(executed, simulated, rtol=0, atol=96 * 2**-23 * abs(simulated).max())


def test_gptq_and_awq_are_nearer_than_the_nearest():
    expected = torch.cat([module()(*batch) for batch in DATA])
    found = {}
    for method in ("rtn", "gptq", "awq"):
        graph = quantise_weights(exported(module(), 4, 40), method, DATA).graph
        found[method] = sqnr_db(expected, torch.cat([graph(*batch) for batch in DATA]))
    assert found["gptq"] > found["rtn"]
    assert found["awq"] >= found["rtn"]


def test_what_it_refuses():
    with pytest.raises(UsageError, match="gptq looks at the layers' inputs"):
        quantise_weights(exported(module(), 4, 40), "gptq")
    with pytest.raises(Unsupported, match="no linear layer"):
        quantise_weights(exported(nn.Conv2d(3, 4, 3), 2, 3, 5, 5), "rtn")
