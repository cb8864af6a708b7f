"""A chain of GELUs written out by hand: nothing but elementwise arithmetic.

Run operator by operator, each of the 30 reads all its input from memory and writes all its
output back. Fused into one kernel, the chain would read and write once: what is timed is what
fusing elementwise operations buys.
"""

import math
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bench_core.errors import UsageError
from bench_core.model import Model
from bench_core.runner import Inputs

if TYPE_CHECKING:
    from torch import nn

CHANNELS = 16
STAGES = 3
WEIGHT_SEED = 0


def build() -> "nn.Module":
    """[batch, 16, length] → the same shape, each element on its own.

    A stage: y = scale · ½x (1 + tanh(√(2/π) (x + 0.044715 x³))) + shift, with a scale and a
    shift per channel.
    Source: Hendrycks & Gimpel 2016, arXiv:1606.08415, in the order that GPT-2 made common and
    ONNX Runtime knows as FastGelu.
    """
    import torch
    from torch import Tensor, nn

    class Stage(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = nn.Parameter(1 + torch.rand(CHANNELS, 1))
            self.shift = nn.Parameter(torch.randn(CHANNELS, 1) / 2)
            self.slope = math.sqrt(2 / math.pi)

        def forward(self, x: Tensor) -> Tensor:
            inner = self.slope * (x + 0.044715 * torch.pow(x, 3.0))
            gelu = 0.5 * x * (1.0 + torch.tanh(inner))
            return gelu * self.scale + self.shift

    # Only the CPU's generator is seeded, and set back: the caller's numbers stay as they were.
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(WEIGHT_SEED)
        return nn.Sequential(*(Stage() for _ in range(STAGES)))


def inputs(length: int, batch: int, seed: int, _padded: bool) -> Inputs:
    """Standard normal, float32 [batch, 16, length]. They know no padding.

    Raises: UsageError if `length` is below 1.
    """
    if length < 1:
        raise UsageError(f"pointwise takes 1 element a channel or more, not {length}")
    x = np.random.default_rng(seed).standard_normal((batch, CHANNELS, length), np.float32)
    return (x,)


def files() -> tuple[Path, ...]:
    """The weights are made here, from a seed."""
    return (Path(__file__),)


POINTWISE = Model(
    name="pointwise",
    summary="three GELUs written out in 30 elementwise operations: what fusing them buys",
    length_axis="elements a channel",
    # 1 KiB, 64 KiB, 1 MiB and 8 MiB: from a call that is all overhead to one that no L2 holds.
    lengths=(16, 1024, 16_384, 131_072),
    input_names=("x",),
    output_name="y",
    dynamic_axes={"x": {0: "batch", 2: "length"}, "y": {0: "batch", 2: "length"}},
    build=build,
    inputs=inputs,
    files=files,
    bound="memory",
    weights="random",
    licence="Apache-2.0",
    source=f"made here, seed {WEIGHT_SEED}",
)
