"""The noun: a grid of integers, and how a tensor lies on it."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Grid:
    """The integers that a tensor is quantised to: 2 to 16 bits.

    narrow: leave out the lowest, so that int8 is −127 … 127, as far down as up.
    """

    bits: int = 8
    signed: bool = True
    narrow: bool = False

    def __post_init__(self) -> None:
        if not 2 <= self.bits <= 16:
            raise ValueError(f"expected a grid of 2 to 16 bits, found {self.bits}")

    @property
    def quant_min(self) -> int:
        lowest = -(2 ** (self.bits - 1)) if self.signed else 0
        return lowest + self.narrow

    @property
    def quant_max(self) -> int:
        return (1 << (self.bits - self.signed)) - 1

    @property
    def middle(self) -> int:
        """The zero point of a symmetric range: 0 if signed, 2^(bits − 1) if not."""
        return 0 if self.signed else 2 ** (self.bits - 1)

    @property
    def dtype(self) -> torch.dtype:
        """The smallest that holds it; below 8 bits there is one integer a byte."""
        if self.bits <= 8:
            return torch.int8 if self.signed else torch.uint8
        return torch.int16 if self.signed else torch.uint16


@dataclass(frozen=True, eq=False)
class QuantParams:
    """x ≈ scale · (q − zero_point), q on the grid.

    Shapes: scale (float32, above 0) and zero_point (int32, on the grid) are [] for the whole
    tensor, [channels] along `axis`, and with `group` x's own shape but for
    x.shape[axis] / group along `axis` (ONNX's blocked quantisation).
    Raises: ValueError for any others.
    """

    scale: Tensor
    zero_point: Tensor
    grid: Grid
    axis: int | None = None
    group: int | None = None

    def __post_init__(self) -> None:
        scale, zero_point = self.scale, self.zero_point
        found = [(p.dtype, list(p.shape)) for p in (scale, zero_point)]
        if (scale.dtype, zero_point.dtype) != (torch.float32, torch.int32):
            raise ValueError(f"expected scale in float32, zero_point in int32, found {found}")
        if scale.shape != zero_point.shape:
            raise ValueError(f"expected scale and zero_point of one shape, found {found}")
        if self.group is not None:
            fits = self.group > 0 and self.axis is not None
        else:
            fits = scale.ndim == (0 if self.axis is None else 1)
        if not fits:
            raise ValueError(
                "expected [] without an axis, [channels] along one, groups of at least 1 along "
                f"one, found {found} with axis={self.axis}, group={self.group}"
            )
        if not (scale.isfinite() & (scale > 0)).all():
            raise ValueError("expected scales above 0 and finite, found one that is not")
        low, high = self.grid.quant_min, self.grid.quant_max
        if not ((zero_point >= low) & (zero_point <= high)).all():
            raise ValueError(f"expected zero points from {low} to {high}, found one beyond")

    def along(self, shape: torch.Size, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        """Scale and zero_point in `dtype`, so shaped that they broadcast over `shape`.

        Raises: ValueError for a shape that they do not fit.
        """
        scale, zero_point = self.scale.to(dtype), self.zero_point.to(dtype)
        axis, group = self.axis, self.group
        if axis is None:
            return scale, zero_point
        inside = -len(shape) <= axis < len(shape)
        if inside and group is None and len(scale) == shape[axis]:
            view = [1] * len(shape)
            view[axis] = -1
            return scale.reshape(view), zero_point.reshape(view)
        if inside and group is not None and scale.ndim == len(shape):
            scale, zero_point = (p.repeat_interleave(group, axis) for p in (scale, zero_point))
            if scale.shape == shape:
                return scale, zero_point
        raise ValueError(
            f"expected a tensor for parameters {list(self.scale.shape)} with axis={axis}, "
            f"group={group}, found the shape {list(shape)}"
        )
