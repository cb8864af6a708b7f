"""The noun: a way of finding the range that a tensor's values are quantised over."""

import importlib
import pkgutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from typing import Protocol

from torch import Tensor

import bench_core.quantization.ranges
from bench_core.errors import UsageError
from bench_core.quantization.affine import params_from_range
from bench_core.quantization.quant_params import Grid, QuantParams


class Observer(Protocol):
    """Sees tensors one after the other, and keeps what a range needs in bounded memory."""

    def see(self, x: Tensor) -> None:
        """Take in a tensor of any shape and float dtype; an empty one is nothing seen.

        Raises: ValueError for NaN and infinities, and where the channels are not those before.
        """

    def range(self, grid: Grid, *, symmetric: bool) -> tuple[Tensor, Tensor]:
        """A range for values that will lie on `grid`: low ≤ 0 ≤ high, within what was seen.

        Shapes: float32, [] or [channels].
        Raises: ValueError if nothing was seen.
        """


@dataclass(frozen=True)
class RangeMethod:
    """observer: for the channels along an axis, or for one range of the whole tensor."""

    name: str
    summary: str
    observer: Callable[[int | None], Observer]


@cache
def range_methods() -> dict[str, RangeMethod]:
    """Every method by name: those that the files in `ranges` define."""
    found: dict[str, RangeMethod] = {}
    folder = bench_core.quantization.ranges
    for info in pkgutil.iter_modules(folder.__path__, f"{folder.__name__}."):
        for value in vars(importlib.import_module(info.name)).values():
            if isinstance(value, RangeMethod) and found.setdefault(value.name, value) is not value:
                raise UsageError(f"{info.name} defines {value.name!r}, which is taken; rename it")
    return dict(sorted(found.items()))


def observe(
    method: RangeMethod,
    tensors: Iterable[Tensor],
    grid: Grid,
    *,
    symmetric: bool,
    axis: int | None = None,
) -> QuantParams:
    """The parameters that `method` finds for these tensors: a weight, or batches.

    Raises: ValueError for what the method's observer refuses, and if there is nothing to see.
    """
    observer = method.observer(axis)
    for x in tensors:
        observer.see(x)
    low, high = observer.range(grid, symmetric=symmetric)
    return params_from_range(low, high, grid, symmetric=symmetric, axis=axis)
