"""Affine quantisation: reals on a grid of integers, x ≈ scale · (q − zero_point).

ONNX's rule (QuantizeLinear, DequantizeLinear) is the canonical one: what is computed here is,
bit for bit, what a runtime computes from the same parameters.
"""

import torch
from torch import Tensor

from bench_core.quantization.quant_params import Grid, QuantParams

__all__ = ["Grid", "QuantParams", "dequantize", "fake_quantize", "params_from_range", "quantize"]

LEAST_SCALE = torch.finfo(torch.float32).tiny
"""The least normal float32, 2⁻¹²⁶: its reciprocal is finite, and it stays above 0 in a runtime
that flushes subnormal numbers to zero."""


def params_from_range(
    low: Tensor,
    high: Tensor,
    grid: Grid,
    *,
    symmetric: bool,
    axis: int | None = None,
    group: int | None = None,
) -> QuantParams:
    """The parameters that spread the grid over low … high, first widened to hold 0.

    Asymmetric: scale = (high − low) / (quant_max − quant_min),
    zero_point = round(quant_min − low / scale), which moves what the grid represents by up to
    scale / 2 against low … high.
    Symmetric: zero_point = the grid's middle, scale = max(−low, high) / (quant_max − zero_point).
    An empty range, 0 … 0, has scale 1; no scale is below `LEAST_SCALE`.

    Shapes: low and high as `QuantParams.scale`.
    Raises: ValueError for a range that is not finite, or whose low is above its high.
    Source: Nagel et al. 2021, arXiv:2106.08295, §2.2; Jacob et al. 2018, arXiv:1712.05877, §3.
    """
    if low.shape != high.shape:
        found = f"{list(low.shape)} and {list(high.shape)}"
        raise ValueError(f"expected low and high of one shape, found {found}")
    if not (low.isfinite() & high.isfinite() & (low <= high)).all():
        raise ValueError("expected finite ranges with low ≤ high, found one that is not")
    # float64, since high − low can exceed float32.
    low, high = low.double().clamp(max=0), high.double().clamp(min=0)
    if symmetric:
        width, steps = torch.maximum(-low, high), grid.quant_max - grid.middle
    else:
        width, steps = high - low, grid.quant_max - grid.quant_min
    scale = torch.where(width > 0, (width / steps).clamp(min=LEAST_SCALE), 1.0).float()
    if symmetric:
        zero_point = torch.full_like(scale, grid.middle)
    else:
        zero_point = (grid.quant_min - low / scale).round().clamp(grid.quant_min, grid.quant_max)
    return QuantParams(scale, zero_point.int(), grid, axis, group)


def quantize(x: Tensor, params: QuantParams) -> Tensor:
    """To the grid: q = saturate(round(x / scale) + zero_point), halves to even, in grid.dtype.

    float16 and bfloat16 are divided in float32, which holds them exactly, float64 in float64.
    ±inf saturates.
    Raises: ValueError for NaN, for integers, and for a shape that the parameters do not fit.
    Source: ONNX, QuantizeLinear.
    """
    if x.isnan().any():
        raise ValueError("expected numbers to quantise, found NaN; look for what produced it")
    grid = params.grid
    return _steps(x, params).clamp_(grid.quant_min, grid.quant_max).to(grid.dtype)


def dequantize(q: Tensor, params: QuantParams, dtype: torch.dtype = torch.float32) -> Tensor:
    """Back from the grid: x̂ = (q − zero_point) · scale; what exceeds `dtype` is ±inf.

    Computed in float32, or in float64 for that dtype, and only then rounded to dtype.
    Raises: ValueError for a shape that the parameters do not fit.
    Source: ONNX, DequantizeLinear.
    """
    scale, zero_point = params.along(q.shape, _working(dtype))
    return (q.to(scale.dtype) - zero_point).mul_(scale).to(dtype)


def fake_quantize(x: Tensor, params: QuantParams) -> Tensor:
    """dequantize(quantize(x)) in x's dtype, with a straight-through gradient.

    ∂x̂/∂x = 1 where x is rounded to a point of the grid, 0 where it saturates. NaN stays NaN,
    with gradient 0.
    Raises: ValueError for integers, and for a shape that the parameters do not fit.
    Source: Bengio et al. 2013, arXiv:1308.3432, §4; Nagel et al. 2021, arXiv:2106.08295, §4.1.
    """
    low, high = params.grid.quant_min, params.grid.quant_max
    with torch.no_grad():
        steps = _steps(x, params)
        inside = (steps >= low) & (steps <= high)
        fake = dequantize(steps.clamp_(low, high), params, x.dtype)
    # x − x is exactly 0 and carries the gradient; at ±inf, which saturates, it would be NaN.
    return fake + torch.where(inside, x - x.detach(), 0.0)


def _steps(x: Tensor, params: QuantParams) -> Tensor:
    """round(x / scale) + zero_point as floats, not yet saturated."""
    if not x.is_floating_point():
        raise ValueError(f"expected floats to quantise, found {x.dtype}")
    working = _working(x.dtype)
    scale, zero_point = params.along(x.shape, working)
    # The cast is spelt out: float16 / a float32 scalar tensor would be divided in float16.
    return (x.detach().to(working) / scale).round_().add_(zero_point)


def _working(dtype: torch.dtype) -> torch.dtype:
    return torch.float64 if dtype == torch.float64 else torch.float32
