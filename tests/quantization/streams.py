"""Hypothesis strategies: tensors as a calibration set shows them, one after the other."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from torch import Tensor

from bench_core.quantization.affine import Grid
from bench_core.quantization.range_method import RangeMethod

targets = st.sampled_from(
    [
        (Grid(8, signed=False), False),
        (Grid(8, signed=True, narrow=True), True),
        (Grid(8, signed=False), True),
        (Grid(4, signed=True), True),
        (Grid(16, signed=False), False),
    ]
)
"""Grids, and whether the range is symmetric."""

magnitudes = st.floats(2.0**-40, 2.0**40, width=32)
"""Wide, and yet what is 2^±20 times as large neither leaves float32 nor loses a digit."""

values = st.just(0.0) | magnitudes | magnitudes.map(lambda x: -x) | st.integers(-9, 9).map(float)


@st.composite
def streams(draw: Any, channels: int | None = None, long: bool | None = None) -> list[Tensor]:
    """1 to 4 batches [items], or [items, channels]; long ones overflow what is kept as it is."""
    width = 1 if channels is None else channels
    batches = []
    for _ in range(draw(st.integers(1, 4))):
        if draw(st.booleans()) if long is None else long:
            batch = draw(_drawn_at_random(width))
        else:
            shape = (draw(st.integers(1, 12)), width)
            batch = torch.tensor(draw(arrays(np.float32, shape, elements=values)))
        batches.append(batch[:, 0].clone() if channels is None else batch)
    return batches


@st.composite
def _drawn_at_random(draw: Any, width: int) -> Tensor:
    """Thousands of values of some bell, somewhere, the negative ones perhaps cut off."""
    random = torch.Generator().manual_seed(draw(st.integers(0, 2**32)))
    x = torch.randn(draw(st.integers(4000, 9000)), width, generator=random)
    x = (x + draw(st.integers(-3, 3))) * draw(magnitudes)
    return x.relu() if draw(st.booleans()) else x


def found(
    method: RangeMethod,
    batches: Sequence[Tensor],
    target: tuple[Grid, bool],
    axis: int | None = None,
) -> tuple[Tensor, Tensor]:
    """The range after these batches."""
    observer = method.observer(axis)
    for batch in batches:
        observer.see(batch)
    grid, symmetric = target
    return observer.range(grid, symmetric=symmetric)


def same(one: tuple[Tensor, Tensor], other: tuple[Tensor, Tensor]) -> bool:
    """To the last bit."""
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))
