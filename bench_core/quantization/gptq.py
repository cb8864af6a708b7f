"""GPTQ: round a weight column by column, the columns to come making up for each error."""

import torch
from torch import Tensor

from bench_core.quantization.affine import Grid, QuantParams, dequantize, quantize
from bench_core.quantization.rtn import GROUP, group_params

BLOCK = 128
"""Columns whose errors reach the columns beyond them together, in one matrix product (§4)."""

DAMPING = 0.01
"""Of the mean diagonal of H, added to it: a few inputs leave it singular (§4)."""


def gptq(
    weight: Tensor, hessian: Tensor, grid: Grid, *, group: int = GROUP, symmetric: bool
) -> tuple[Tensor, QuantParams]:
    """Round so that the layer's squared error on the inputs behind `hessian` is small.

    H = 2 Σ x xᵀ + 1 % of its mean diagonal,  H⁻¹ = Uᵀ U,  and for each column j in turn
    e = (w_j − ŵ_j) / U_jj,  w_k ← w_k − e · U_jk for each k > j.
    A group's parameters are found when its first column is reached, from the weight as the
    errors before it have left it. Left out: the order by activation (`act_order`).
    A dead input (H_jj = 0) is left out of the mean, and is rounded to nearest. The original
    zeroes its column, which is wrong as soon as that input is not 0.

    Shapes: weight [out, in], hessian [in, in] → [out, in] in the grid's dtype; parameters of
    groups along axis 1.
    Raises: ValueError for other shapes, and for a hessian that is not finite or that is no sum
    of squares; as `rtn.group_params`.
    Source: Frantar et al. 2022, arXiv:2210.17323, §4, algorithm 1.
    """
    inputs = weight.shape[-1]
    if hessian.shape != (inputs, inputs):
        raise ValueError(
            f"expected a hessian [{inputs}, {inputs}] for the weight {list(weight.shape)}, "
            f"found {list(hessian.shape)}"
        )
    left = weight.detach().to(torch.promote_types(weight.dtype, torch.float32), copy=True)
    factor = _inverse_factor(hessian).to(left.dtype)
    q = torch.empty(weight.shape, dtype=grid.dtype)
    found = []
    for start in range(0, inputs, group):
        end = start + group
        params = group_params(left[:, start:end], grid, group=group, symmetric=symmetric)
        found.append(params)
        # No block crosses the border of a group, whose range needs all the errors before it.
        for first in range(start, end, BLOCK):
            _round_block(left, q, factor, params, range(first, min(first + BLOCK, end)))
    scale = torch.cat([params.scale for params in found], dim=1)
    zero_point = torch.cat([params.zero_point for params in found], dim=1)
    return q, QuantParams(scale, zero_point, grid, axis=1, group=group)


def _round_block(
    left: Tensor, q: Tensor, factor: Tensor, params: QuantParams, columns: range
) -> None:
    """Fill these columns of q; take their errors out of what is `left` of the weight."""
    by_row = QuantParams(params.scale[:, 0], params.zero_point[:, 0], params.grid, axis=0)
    errors = torch.empty(len(left), len(columns), dtype=left.dtype)
    for index, column in enumerate(columns):
        w = left[:, column]
        q[:, column] = quantize(w, by_row)
        w_hat = dequantize(q[:, column], by_row, left.dtype)
        errors[:, index] = (w - w_hat) / factor[column, column]
        rest = slice(column + 1, columns.stop)
        left[:, rest] -= torch.outer(errors[:, index], factor[column, rest])
    left[:, columns.stop :] -= errors @ factor[columns.start : columns.stop, columns.stop :]


def _inverse_factor(hessian: Tensor) -> Tensor:
    """U, upper triangular, of (H + damping)⁻¹ = Uᵀ U; in float64, H is badly conditioned."""
    damped = hessian.detach().to(torch.float64, copy=True)
    diagonal = damped.diagonal()
    if not damped.isfinite().all() or (diagonal < 0).any():
        raise ValueError("expected a hessian 2 Σ x xᵀ, found NaN, inf or a negative diagonal")
    alive = diagonal > 0
    mean = diagonal[alive].mean() if alive.any() else torch.ones((), dtype=torch.float64)
    diagonal += DAMPING * mean
    lower, failed = torch.linalg.cholesky_ex(damped)
    if failed:
        raise ValueError("expected a hessian 2 Σ x xᵀ, found one that is not positive definite")
    factor: Tensor = torch.linalg.cholesky(torch.cholesky_inverse(lower), upper=True)
    return factor
