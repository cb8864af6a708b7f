"""All but the few furthest values are inside."""

import torch
from torch import Tensor

from bench_core.quantization.histogram import Histogram
from bench_core.quantization.quant_params import Grid
from bench_core.quantization.range_method import RangeMethod


class PercentileObserver:
    """Of a hundred values, `percentile` lie inside, the others half below and half above.

    If symmetric, the range is ± the percentile of |x|. Within a bin, values are taken as evenly
    spread. 99.99 clips one value in ten thousand: of a million, enough that no single one decides;
    of fewer than ten thousand next to nothing. 100 is min_max.
    Raises: ValueError unless 0 < percentile ≤ 100.
    Source: Wu et al. 2020, arXiv:2004.09602, §3.4.
    """

    def __init__(self, axis: int | None, percentile: float = 99.99) -> None:
        if not 0 < percentile <= 100:
            raise ValueError(f"expected a percentile above 0, up to 100, found {percentile}")
        self._share = percentile / 100
        self._histogram = Histogram(axis)

    def see(self, x: Tensor) -> None:
        self._histogram.see(x)

    def range(self, grid: Grid, *, symmetric: bool) -> tuple[Tensor, Tensor]:  # noqa: ARG002
        bins, extent = self._histogram.bins(), self._histogram.extent
        if symmetric:
            reach = _quantile(bins.of_magnitudes().counts, self._share) * bins.width
            return extent.clipped(-reach, reach)
        share = (1 + self._share) / 2
        from_above = bins.counts.shape[1] - _quantile(bins.counts.flip(1), share)
        low = (bins.first + from_above) * bins.width
        high = (bins.first + _quantile(bins.counts, share)) * bins.width
        return extent.clipped(low, high)


def _quantile(counts: Tensor, share: float) -> Tensor:
    """So many bins from the left that `share` of the counts lie there.

    Shapes: counts [channels, bins] → float64 [channels].
    """
    below = counts.cumsum(1).double()
    rank = share * below[:, -1:]
    place = torch.searchsorted(below, rank)
    inside = counts.gather(1, place)
    return (place + 1 - (below.gather(1, place) - rank) / inside).squeeze(1)


PERCENTILE = RangeMethod(
    name="percentile",
    summary="all values but one in ten thousand",
    observer=PercentileObserver,
)
