"""AdaRound: learn for each weight of a layer whether it is rounded up or down."""

import math
from dataclasses import dataclass
from itertools import cycle
from typing import Literal

import torch
from torch import Tensor

from bench_core.quantization.affine import QuantParams, dequantize, quantize
from bench_core.quantization.patches import patches
from bench_core.quantization.reconstruction import Layer, Reconstruction, reconstruction
from bench_core.quantization.soft_rounding import learn_rounding

HELD_OUT = 1 / 8
"""Of the items, and at least one: the learnt rounding is compared with the nearest on these."""


@dataclass(frozen=True, eq=False)
class Rounded:
    """A weight's integers, and which rounding they are: the better one on held-out items.

    error, nearest_error: mean over output positions of ‖f(y) − f(ŷ)‖², of q and of the nearest.
    """

    q: Tensor
    error: float
    nearest_error: float
    kept: Literal["adaround", "nearest"]


def adaround(
    weight: Tensor,
    params: QuantParams,
    layer: Layer,
    inputs: Tensor,
    targets: Tensor,
    *,
    iterations: int = 1000,
    batch: int = 256,
    positions: int = 8192,
    learning_rate: float = 0.1,
    seed: int = 0,
) -> Rounded:
    """Round each weight up or down so that the layer's outputs change least.

    min over V of  ‖f(y) − f(W̃ x̂ + b)‖² / that of nearest rounding + λ · mean(1 − |2 h(V) − 1|^β)
    W̃ = s · (⌊W / s⌋ + h(V)), inside the grid; `soft_rounding` has h, β and λ.

    inputs, targets: x̂ and y = W x + b, before the activation f, of at least two items. Where x̂
    is what the quantised layers before make of x, the rounding makes up for their errors too.
    positions: of the outputs, sampled; each iteration sees the next `batch` of them.
    learning_rate: 0.1 finds in 1,000 iterations what the paper's 0.01 needs 10,000 for (on two
    layers of digits_cnn_relu: 34.8 and 34.4 % of nearest rounding's error).
    The error is relative, so that λ has no unit: data in another unit, or more of the same,
    change nothing.

    Shapes: weight, inputs and targets as in `patches.patches` → q as the weight.
    Raises: ValueError for shapes of different layers, for a single item, and for NaN or inf.
    Source: Nagel et al. 2020, arXiv:2004.10568, eq. 21 to 25.
    """
    _check(inputs, targets)
    generator = torch.Generator().manual_seed(seed)
    # The caller may well be in inference mode, in which nothing can be learnt.
    with torch.inference_mode(mode=False), torch.no_grad():
        weight = weight.detach().to(torch.promote_types(weight.dtype, torch.float32), copy=True)
        data = patches(inputs, targets, weight, layer.convolution)
        order = torch.randperm(len(inputs), generator=generator)
        held = math.ceil(HELD_OUT * len(order))
        learnt_on, held_out = (
            reconstruction(layer, data, items, positions, weight.dtype, generator)
            for items in (order[held:], order[:held])
        )
        nearest = quantize(weight, params)
        learnt = _learnt(weight, nearest, params, learnt_on, iterations, batch, learning_rate)
        error, nearest_error = (
            float(held_out.error(dequantize(q, params, weight.dtype))) for q in (learnt, nearest)
        )
    if error < nearest_error:
        return Rounded(learnt, error, nearest_error, "adaround")
    return Rounded(nearest, nearest_error, nearest_error, "nearest")


def _learnt(
    weight: Tensor,
    nearest: Tensor,
    params: QuantParams,
    data: Reconstruction,
    iterations: int,
    batch: int,
    learning_rate: float,
) -> Tensor:
    unit = data.error(dequantize(nearest, params, weight.dtype))
    if unit == 0:
        return nearest
    turns = cycle(data.batches(batch))
    down, up = _neighbours(weight, nearest, params)
    upwards = learn_rounding(
        weight,
        dequantize(down, params, weight.dtype),
        dequantize(up, params, weight.dtype),
        lambda soft: next(turns).error(soft) / unit,
        iterations=iterations,
        learning_rate=learning_rate,
    )
    return torch.where(upwards, up, down).to(nearest.dtype)


def _neighbours(weight: Tensor, nearest: Tensor, params: QuantParams) -> tuple[Tensor, Tensor]:
    """⌊W / s⌋ and ⌈W / s⌉ on the grid, which are one where the weight lies on it or beyond."""
    value = dequantize(nearest, params, weight.dtype)
    q, grid = nearest.int(), params.grid
    down = (q - (value > weight).int()).clamp(grid.quant_min, grid.quant_max)
    up = (q + (value < weight).int()).clamp(grid.quant_min, grid.quant_max)
    return down, up


def _check(inputs: Tensor, targets: Tensor) -> None:
    if len(inputs) < 2:
        raise ValueError(
            "expected at least 2 items, some to learn from and some to compare on, found "
            f"{len(inputs)}"
        )
    if not (inputs.isfinite().all() and targets.isfinite().all()):
        raise ValueError("expected finite inputs and targets, found NaN or inf")
