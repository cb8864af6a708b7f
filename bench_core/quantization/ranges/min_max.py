"""Everything that was seen is inside."""

from torch import Tensor

from bench_core.quantization.extent import Extent
from bench_core.quantization.quant_params import Grid
from bench_core.quantization.range_method import RangeMethod


class MinMaxObserver:
    """low = min(0, min x), high = max(0, max x).

    Source: Nagel et al. 2021, arXiv:2106.08295, §3.1.
    """

    def __init__(self, axis: int | None) -> None:
        self._extent = Extent(axis)

    def see(self, x: Tensor) -> None:
        self._extent.see(x)

    def range(self, grid: Grid, *, symmetric: bool) -> tuple[Tensor, Tensor]:  # noqa: ARG002
        return self._extent.clipped(self._extent.low, self._extent.high)


MIN_MAX = RangeMethod(
    name="min_max", summary="from the least to the greatest value", observer=MinMaxObserver
)
