"""The quantised values are as near to the values as a range can bring them."""

from torch import Tensor

from bench_core.quantization.affine import fake_quantize, params_from_range
from bench_core.quantization.histogram import Histogram
from bench_core.quantization.quant_params import Grid
from bench_core.quantization.range_method import RangeMethod
from bench_core.quantization.range_search import best_range


class MSEObserver:
    """low, high = argmin Σ (x − x̂)² over the ranges that `best_range` tries, min_max among them.

    Σ is over the histogram's points: exact for up to BINS values a channel, as weights mostly
    have. In bins, √(mean (x − x̂)²) is off by less than a bin's width, for |x − x̂|, the distance
    to the nearest point of the grid, changes by no more than x does.
    Source: Nagel et al. 2021, arXiv:2106.08295, §3.1.
    """

    def __init__(self, axis: int | None) -> None:
        self._histogram = Histogram(axis)

    def see(self, x: Tensor) -> None:
        self._histogram.see(x)

    def range(self, grid: Grid, *, symmetric: bool) -> tuple[Tensor, Tensor]:
        values, counts = self._histogram.points()

        def squared_error(low: Tensor, high: Tensor) -> Tensor:
            params = params_from_range(low, high, grid, symmetric=symmetric, axis=0)
            errors = (values - fake_quantize(values, params)).double()
            return (errors.square_() * counts).sum(1)

        extent = self._histogram.extent
        low, high = extent.low.clamp(max=0), extent.high.clamp(min=0)
        return extent.clipped(*best_range(low, high, squared_error, symmetric=symmetric))


MSE = RangeMethod(
    name="mse", summary="the least mean squared error of the quantised values", observer=MSEObserver
)
