"""Hypothesis strategies: grids, and tensors with parameters that fit them."""

from collections.abc import Sequence

import numpy as np
import torch
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from torch import Tensor

from bench_core.quantization.affine import Grid, QuantParams

ROUNDING = 2.0**-24
"""Of float32: fl(a ∘ b) = (a ∘ b) · (1 + δ), |δ| ≤ 2⁻²⁴."""

grids = st.builds(Grid, st.integers(2, 16), st.booleans(), st.booleans())

runtime_grids = st.builds(Grid, st.sampled_from([8, 16]), st.booleans())
"""Whose ends are those of a dtype that runtimes know."""

scales = st.floats(2.0**-100, 2.0**100, width=32)
"""Wide, and yet neither the ends of a grid nor a step of it leave float32."""

LAYOUTS = ("tensor", "channel", "group")


@st.composite
def placed(
    draw,
    grids: st.SearchStrategy[Grid] = grids,
    layouts: Sequence[str] = LAYOUTS,
    scales: st.SearchStrategy[float] = scales,
    steps: st.SearchStrategy[float] | None = None,
) -> tuple[Tensor, QuantParams]:
    """A float32 tensor and parameters for it, on any axis, counted from either end.

    steps: what x / scale shall be; by default half steps, where rounding has to choose, and
    anything else, from within the grid and from as far again on both sides of it.
    """
    grid = draw(grids)
    reach = 2.0 ** (grid.bits + 1)
    anywhere = st.integers(int(-2 * reach), int(2 * reach)).map(lambda n: n / 2)
    anywhere |= st.floats(-reach, reach)
    shape = draw(array_shapes(max_dims=3, max_side=4))
    layout = draw(st.sampled_from(layouts))
    axis = draw(st.integers(-len(shape), len(shape) - 1))
    group = draw(st.sampled_from([n for n in (1, 2, 3, 4) if shape[axis] % n == 0]))
    blocks = list(shape)
    blocks[axis] //= group
    their = {"tensor": (), "channel": (shape[axis],), "group": tuple(blocks)}[layout]
    zero_points = st.integers(grid.quant_min, grid.quant_max)
    params = QuantParams(
        torch.tensor(draw(arrays(np.float32, their, elements=scales))),
        torch.tensor(draw(arrays(np.int32, their, elements=zero_points))),
        grid,
        None if layout == "tensor" else axis,
        group if layout == "group" else None,
    )
    counts = draw(arrays(np.float64, shape, elements=anywhere if steps is None else steps))
    x = counts * spread(params.scale, params, shape)
    return torch.tensor(x.astype(np.float32)), params


def spread(values: Tensor, params: QuantParams, shape: Sequence[int]) -> np.ndarray:
    """Each element's own scale or zero point in float64, looked up one by one."""
    found = np.empty(shape)
    for index in np.ndindex(*shape):
        place = list(index)
        if params.axis is None:
            place = []
        elif params.group is None:
            place = [index[params.axis]]
        else:
            place[params.axis] //= params.group
        found[index] = values[tuple(place)].item()
    return found
