"""Round to nearest, in groups along a weight's inputs: what GPTQ and AWQ must beat."""

from torch import Tensor

from bench_core.quantization.affine import Grid, QuantParams, params_from_range, quantize

GROUP = 32
"""Inputs that share a scale: what MatMulNBits calls its block, there 16, 32, 64, 128…"""


def group_params(weight: Tensor, grid: Grid, *, group: int, symmetric: bool) -> QuantParams:
    """The parameters of each group of `group` inputs of each output: those of its min … max.

    MatMulNBits pads a last group that is not full with zeros. Zero columns that are appended to
    the weight, and dropped again, are exactly that: they move no range, and stay exactly 0.

    Shapes: weight [out, in] → scale and zero_point [out, in / group].
    Raises: ValueError unless `group` divides `in`, and for a weight that is not finite.
    Source: Dai et al. 2021, arXiv:2102.04503 (a scale per vector).
    """
    if weight.ndim != 2 or group < 1 or weight.shape[1] % group or not weight.numel():
        raise ValueError(
            f"expected a weight [out, in] with whole groups of {group} inputs, found "
            f"{list(weight.shape)}; append columns of zeros, or take another group"
        )
    low, high = weight.detach().reshape(len(weight), -1, group).aminmax(dim=-1)
    return params_from_range(low, high, grid, symmetric=symmetric, axis=1, group=group)


def rtn(
    weight: Tensor, grid: Grid, *, group: int = GROUP, symmetric: bool
) -> tuple[Tensor, QuantParams]:
    """A weight's nearest integers, and the parameters of its groups.

    Shapes: weight [out, in] → [out, in] in the grid's dtype.
    Raises: as `group_params`.
    """
    params = group_params(weight, grid, group=group, symmetric=symmetric)
    return quantize(weight, params), params
