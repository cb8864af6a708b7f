"""Four tiny linear layers: microseconds per call, so what is timed is framework overhead."""

from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bench_core.errors import UsageError
from bench_core.model import Model
from bench_core.runner import Inputs

if TYPE_CHECKING:
    from torch import nn

WIDTHS = (32, 64, 64, 64, 16)
"""Features of a row before, between and after the four layers."""

WEIGHT_SEED = 0


def build() -> "nn.Module":
    """Rows [batch, length, 32] → [batch, length, 16], each row on its own."""
    import torch
    from torch import nn

    # Only the CPU's generator is seeded, and set back: the caller's numbers stay as they were.
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(WEIGHT_SEED)
        layers: list[nn.Module] = []
        for fan_in, fan_out in pairwise(WIDTHS):
            layers += [nn.Linear(fan_in, fan_out), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def inputs(length: int, batch: int, seed: int, _padded: bool) -> Inputs:
    """Standard normal rows, float32 [batch, length, 32]. They know no padding.

    Raises: UsageError if `length` is below 1.
    """
    if length < 1:
        raise UsageError(f"mlp takes 1 row or more, not {length}; give a length of 1 or more")
    rows = np.random.default_rng(seed).standard_normal((batch, length, WIDTHS[0]))
    return (rows.astype(np.float32),)


def files() -> tuple[Path, ...]:
    """The weights are made here, from a seed."""
    return (Path(__file__),)


MLP = Model(
    name="mlp",
    summary="four tiny linear layers: what framework overhead costs",
    length_axis="rows",
    lengths=(1, 4, 16, 64),
    input_names=("x",),
    output_name="y",
    dynamic_axes={"x": {0: "batch", 1: "length"}, "y": {0: "batch", 1: "length"}},
    build=build,
    inputs=inputs,
    files=files,
    bound="dispatch",
    weights="random",
    licence="Apache-2.0",
    source=f"made here, seed {WEIGHT_SEED}",
)
