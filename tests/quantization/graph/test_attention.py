"""Attention as it is lowered, beside PyTorch's own."""

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import Tensor, nn
from torch.export import Dim
from torch.nn import functional as F

from bench_core.quantization.graph.capture import capture
from bench_core.quantization.graph.lower import lower
from tests.quantization.nets import export

TOKENS = 5


class Attention(nn.Module):
    """Scaled, of four heads."""

    def __init__(self, *, causal: bool, scale: float | None) -> None:
        super().__init__()
        self.causal, self.scale = causal, scale

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        q, k, v = (x * factor for factor in (1.0, 2.0, 3.0))
        return F.scaled_dot_product_attention(
            q, k, v, mask, is_causal=self.causal, scale=self.scale
        )


def masked(rows: list[int]) -> Tensor:
    """Of three items, how many keys each sees; the first query of the last sees none."""
    mask = torch.arange(TOKENS).expand(3, 1, TOKENS, TOKENS) < torch.tensor(rows).view(3, 1, 1, 1)
    mask = mask.clone()
    mask[-1, :, 0] = False
    return mask


MASKS = {
    "none": None,
    "boolean": masked([5, 3, 1]),
    "of one item for all": masked([5, 3, 2])[-1:],
    "added": torch.randn(3, 1, TOKENS, TOKENS, generator=torch.Generator().manual_seed(1)),
}


def lowered(module: nn.Module, inputs: tuple[Tensor, ...], path) -> np.ndarray:
    # A mask of one item is broadcast: its axis is no batch.
    axes = {"x": {0: "batch"}} | ({"mask": {0: "batch"}} if inputs[-1].shape[0] > 1 else {})
    names = ["x", "mask"][: len(inputs)]
    free = tuple(dict.fromkeys(axes.get(name, {}), Dim.AUTO) for name in names)
    program = export(module.eval(), inputs, dynamic_shapes=free)
    lower(
        capture(program)[0],
        inputs,
        path,
        input_names=names,
        output_name="y",
        dynamic_axes={name: axes[name] for name in names if name in axes},
    )
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {n: v.numpy() for n, v in zip(names, inputs, strict=True)})
    return found


@pytest.mark.parametrize("scale", [None, 0.5])
@pytest.mark.parametrize("mask", MASKS)
def test_it_is_pytorchs(mask, scale, tmp_path):
    x = torch.randn(3, 4, TOKENS, 8, generator=torch.Generator().manual_seed(0))
    inputs = (x,) if MASKS[mask] is None else (x, MASKS[mask])
    module = Attention(causal=False, scale=scale)
    found = lowered(module, inputs, tmp_path / "a.onnx")
    # Sums of 8 and of 5 float32 products, each below 100: 1e-5 is 10 times their rounding.
    np.testing.assert_allclose(found, module(*inputs).numpy(), rtol=1e-5, atol=1e-5)


def test_a_causal_one_is_left_to_the_exporter(tmp_path):
    x = torch.randn(3, 4, TOKENS, 8, generator=torch.Generator().manual_seed(0))
    module = Attention(causal=True, scale=None)
    found = lowered(module, (x,), tmp_path / "a.onnx")
    np.testing.assert_allclose(found, module(x).numpy(), rtol=1e-5, atol=1e-5)


def test_nothing_looks_for_nans_under_a_boolean_mask(tmp_path):
    x = torch.randn(3, 4, TOKENS, 8, generator=torch.Generator().manual_seed(0))
    lowered(Attention(causal=False, scale=None), (x, MASKS["boolean"]), tmp_path / "a.onnx")
    kinds = {node.op_type for node in onnx.load(tmp_path / "a.onnx").graph.node}
    assert "IsNaN" not in kinds
    assert "Reshape" not in kinds
