"""The ends of each batch, averaged: one odd batch moves them little."""

from torch import Tensor

from bench_core.quantization.extent import Extent
from bench_core.quantization.quant_params import Grid
from bench_core.quantization.range_method import RangeMethod

CONSTANT = 0.01
"""torch's default: the first batch still weighs 1/e after a hundred more."""


class MovingAverageObserver:
    """low ← low + c · (min x − low) with each batch x, the first taken as it is; so is high.

    The order of the batches matters, and values of any batch may lie outside.
    Source: Jacob et al. 2018, arXiv:1712.05877, §3.1; the rule, and c = 0.01, are those of
    torch's MovingAverageMinMaxObserver.
    """

    def __init__(self, axis: int | None) -> None:
        self._extent = Extent(axis)
        self._average: tuple[Tensor, Tensor] | None = None

    def see(self, x: Tensor) -> None:
        self._extent.see(x)
        batch = Extent(self._extent.axis)
        if not batch.see(x).numel():
            return
        low, high = batch.low, batch.high
        if self._average is not None:
            before_low, before_high = self._average
            low = before_low + CONSTANT * (low - before_low)
            high = before_high + CONSTANT * (high - before_high)
        self._average = low, high

    def range(self, grid: Grid, *, symmetric: bool) -> tuple[Tensor, Tensor]:  # noqa: ARG002
        low, high = self._average or (self._extent.low, self._extent.high)
        return self._extent.clipped(low, high)


MOVING_AVERAGE = RangeMethod(
    name="moving_average",
    summary="the batches' least and greatest values, averaged",
    observer=MovingAverageObserver,
)
