"""AWQ: before rounding, make those columns of a weight larger whose inputs are large."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from bench_core.quantization.affine import Grid, dequantize
from bench_core.quantization.input_scaling import scale_inputs
from bench_core.quantization.rtn import GROUP, rtn

ALPHAS = tuple(step / 20 for step in range(21))
"""The grid of the search over [0, 1] (§3.2)."""


@dataclass(frozen=True, eq=False)
class Scaling:
    """A factor [in] for a weight's columns, whose inverse the layer's input gets.

    error, rtn_error: Σ ‖W x − Ŵ x‖² over the inputs behind the hessian, for this scale and for
    none.
    """

    scale: Tensor
    alpha: float
    error: float
    rtn_error: float


def awq(
    weights: Sequence[Tensor],
    hessian: Tensor,
    mean_magnitude: Tensor,
    grid: Grid,
    *,
    group: int = GROUP,
    symmetric: bool,
) -> Scaling:
    """The scale for which rounding W · diag(s) to nearest leaves the smallest output error.

    s = mean|x|^α / √(max · min), α from 0, .05 … 1; Ŵ = Q(W · diag(s)) · diag(1/s);
    error = Σ ‖W x − Ŵ x‖² = ½ tr((W − Ŵ) H (W − Ŵ)ᵀ), so that no input need be kept.
    α = 0 is round to nearest, which an error no smaller does not replace. A dead input's s is 1.
    Layers that share one input (q, k, v) share s, and their errors are summed.
    Left out: the search for a clipping range that may follow it.

    Shapes: weights [out, in] each, hessian [in, in] and mean_magnitude [in] of
    `InputStatistics` → scale [in], in the dtype of the first weight, from float32 up.
    Raises: ValueError for other shapes, and for magnitudes that are not finite or below 0; as
    `rtn.group_params`.
    Source: Lin et al. 2023, arXiv:2306.00978, §3.2, eq. 4 and 5.
    """
    inputs = len(mean_magnitude)
    if not weights or any(weight.shape[1:] != (inputs,) for weight in weights):
        found = ", ".join(str(list(weight.shape)) for weight in weights) or "none"
        raise ValueError(f"expected weights [out, {inputs}], found {found}")
    if hessian.shape != (inputs, inputs) or not hessian.isfinite().all():
        raise ValueError(
            f"expected a finite hessian [{inputs}, {inputs}], found {list(hessian.shape)} or NaN"
        )
    dtype = torch.promote_types(weights[0].dtype, torch.float32)

    def tried(alpha: float) -> tuple[float, float, Tensor]:
        scale = _scale(mean_magnitude, alpha).to(dtype)
        errors = [_error(w, scale, hessian, grid, group, symmetric) for w in weights]
        return sum(errors), alpha, scale

    candidates = [tried(alpha) for alpha in ALPHAS]
    # Of several that are least, the first.
    error, alpha, scale = min(candidates, key=lambda candidate: candidate[0])
    return Scaling(scale, alpha, error, rtn_error=candidates[0][0])


def _scale(mean_magnitude: Tensor, alpha: float) -> Tensor:
    magnitude = mean_magnitude.detach().double()
    if not magnitude.isfinite().all() or (magnitude < 0).any():
        raise ValueError("expected mean |x|, found NaN, inf or a negative number")
    scale, alive = torch.ones_like(magnitude), magnitude > 0
    if alive.any():
        # Of logarithms, so that equal magnitudes, and α = 0, give exactly 1.
        logs = magnitude[alive].log()
        scale[alive] = (alpha * (logs - (logs.max() + logs.min()) / 2)).exp()
    return scale


def _error(
    weight: Tensor, scale: Tensor, hessian: Tensor, grid: Grid, group: int, symmetric: bool
) -> float:
    q, params = rtn(scale_inputs(weight, scale), grid, group=group, symmetric=symmetric)
    rounded = dequantize(q, params, torch.float64) / scale
    difference = weight.detach().double() - rounded
    return float((difference @ hessian.double() * difference).sum() / 2)
