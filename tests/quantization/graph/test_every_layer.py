"""Each layer with an int8 form, from a module through its integers to ONNX Runtime."""

import math

import pytest
import torch
from torch import Tensor, nn

from bench_core.quantization.graph.executed import compare
from bench_core.quantization.graph.lower import lower
from bench_core.quantization.ptq import Recipe, ptq
from bench_core.quantization.sqnr import sqnr_db
from bench_core.quantization.target import TENSORRT, X86
from tests.quantization.nets import export

PLAIN = Recipe(equalise=False, absorb=False, rounding="nearest", correct_biases=False)
LEAST_SQNR_DB = 25.0
"""One layer at 8 bits has 6.02 · 8 − 7.27 = 41 dB where each range is that of its values (Jayant
and Noll 1984, §4.3); a chain of a few, and small data whose ranges stretch, may cost half of it
in power per layer, 3 dB, for five."""


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 8, 3, padding=1)
        self.last = nn.Conv2d(8, 4, 1)

    def forward(self, x: Tensor) -> Tensor:
        y = torch.relu(self.first(x))
        return self.last(y + self.second(y))


class Inception(Residual):
    def __init__(self) -> None:
        super().__init__()
        self.last = nn.Conv2d(16, 4, 1)

    def forward(self, x: Tensor) -> Tensor:
        y = torch.relu(self.first(x))
        return self.last(torch.cat([y, self.second(y)], 1))


class Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.qkv = nn.Linear(8, 24)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.qkv(x).chunk(3, -1)
        return (q @ k.transpose(1, 2)).softmax(-1) @ v


class Lookup(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.table, self.head = nn.Embedding(20, 8), nn.Linear(8, 4)

    def forward(self, ids: Tensor) -> Tensor:
        return self.head(self.table(ids))


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(6, 8, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.lstm(x)[0]


class Cell(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.cell = nn.LSTMCell(6, 8)

    def forward(self, x: Tensor) -> Tensor:
        return self.cell(x)[0]


def pooled(axes: int, kind: str) -> nn.Module:
    conv, pool = getattr(nn, f"Conv{axes}d"), getattr(nn, f"{kind}Pool{axes}d")
    return nn.Sequential(conv(3, 8, 3), nn.ReLU(), pool(2), conv(8, 4, 1))


def images(axes: int) -> tuple[int, ...]:
    return (4, 3, *[9] * axes)


IMAGES = {axes: images(axes) for axes in (1, 2, 3)}
LAYERS = {
    "Linear": (nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4)), (4, 8), 2),
    "Linear of three axes": (nn.Sequential(nn.Linear(8, 16), nn.Linear(16, 4)), (4, 5, 8), 2),
    **{
        f"Conv{axes}d": (getattr(nn, f"Conv{axes}d")(3, 6, 3, groups=3), IMAGES[axes], 1)
        for axes in (1, 2, 3)
    },
    **{
        f"ConvTranspose{axes}d": (
            getattr(nn, f"ConvTranspose{axes}d")(3, 6, 3, stride=2),
            IMAGES[axes],
            1,
        )
        for axes in (1, 2, 3)
    },
    **{
        f"{kind}Pool{axes}d": (pooled(axes, kind), IMAGES[axes], 3)
        for kind in ("Max", "Avg")
        for axes in (1, 2, 3)
    },
    "LSTM": (Recurrent(), (4, 5, 6), 1),
    "LSTMCell": (Cell(), (4, 6), 1),
    "Embedding": (Lookup(), 20, 2),
    "MatMul": (Attention(), (4, 5, 8), 3),
    "Add": (Residual(), IMAGES[2], 4),
    "Cat": (Inception(), IMAGES[2], 4),
}


def drawn(shape: tuple[int, ...] | int, seed: int) -> tuple[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    if isinstance(shape, int):
        return (torch.randint(0, shape, (4, 7), generator=generator),)
    return (torch.randn(shape, generator=generator),)


@pytest.mark.parametrize("target", [X86, TENSORRT], ids=lambda target: target.name)
@pytest.mark.parametrize("name", LAYERS)
def test_runs_as_it_was_simulated(name, target, tmp_path):
    torch.manual_seed(0)
    module, shape, expected_layers = LAYERS[name]
    module.eval()
    data = [drawn(shape, seed) for seed in range(8)]
    with torch.no_grad():
        program = export(module, data[0])
        quantised = ptq(program, data, target, PLAIN)
        assert len(quantised.layers) == expected_layers
        expected = torch.cat([module(*batch) for batch in data])
        simulated = torch.cat([quantised.graph(*batch) for batch in data])
    assert sqnr_db(expected, simulated) > LEAST_SQNR_DB
    path = tmp_path / "model.onnx"
    lower(quantised.graph, data[0], path, input_names=["x"], output_name="y", dynamic_axes={})
    compared = compare(quantised.graph, path, data)
    # ONNX Runtime's CPU provider fuses u8 activations; the other profile is not its own.
    assert compared.same_graph or target is TENSORRT
    for steps in compared.steps:
        # Sums in float32 and in int32 round apart, and each layer before may have by one.
        assert steps.most <= expected_layers
        assert steps.equal > 0.9
    assert math.isfinite(sqnr_db(expected, simulated))
