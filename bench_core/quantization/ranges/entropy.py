"""The quantised values are spread as the values are."""

import torch
from torch import Tensor

from bench_core.quantization.bins import Bins
from bench_core.quantization.divergence import divergences
from bench_core.quantization.histogram import Histogram
from bench_core.quantization.quant_params import Grid
from bench_core.quantization.range_method import RangeMethod


class EntropyObserver:
    """The thresholds −t … t, cut to the extent, where KL(values ‖ quantised values) is least.

    If symmetric, of |x| on the grid's levels from 0 up; otherwise on all of its levels. Every t
    at the edge of an occupied bin is tried that leaves a bin for each level; where none does, as
    on more levels than bins, it is min_max. For one broad peak: of a softmax or GELU, half of
    whose values crowd into few bins, it clips much that matters.
    Source: Migacz 2017, "8-bit inference with TensorRT", GTC S7310.
    """

    def __init__(self, axis: int | None) -> None:
        self._histogram = Histogram(axis)

    def see(self, x: Tensor) -> None:
        self._histogram.see(x)

    def range(self, grid: Grid, *, symmetric: bool) -> tuple[Tensor, Tensor]:
        bins, extent = self._histogram.bins(), self._histogram.extent
        levels = grid.quant_max - (grid.middle if symmetric else grid.quant_min) + 1
        if symmetric:
            bins = bins.of_magnitudes()
        low, high = _thresholds(bins, levels)
        return extent.clipped(-high if symmetric else low, high)


def _thresholds(bins: Bins, levels: int) -> tuple[Tensor, Tensor]:
    """Low and high, [channels], before they are cut to the extent."""
    places = [
        _best_slice(_without_zeros(counts, zero), zero, levels)
        for counts, zero in zip(bins.counts, (-bins.first).tolist(), strict=True)
    ]
    start, end = torch.tensor(places).T
    return (bins.first + start) * bins.width, (bins.first + end) * bins.width


def _without_zeros(counts: Tensor, zero: int) -> Tensor:
    """The bin at 0 made no fuller than its neighbours: zeros are exact on every grid.

    ReLU leaves half of its values there, and their divergence would drown all others'.
    """
    counts = counts.clone()
    around = counts[max(0, zero - 1) : zero + 2].clone()
    around[min(zero, 1)] = 0
    counts[zero] = torch.minimum(counts[zero], around.max())
    return counts


def _best_slice(counts: Tensor, zero: int, levels: int) -> tuple[int, int]:
    """start, end of the bins to keep of [bins], bin `zero` being the first from 0 up."""
    occupied = counts.nonzero().squeeze(1)
    reach = torch.where(occupied < zero, zero - occupied, occupied - zero + 1).sort().values
    # Down to the outermost that hold anything: a clipped value must find its like there.
    lowest = torch.cat([occupied, torch.tensor([zero])])
    highest = torch.cat([torch.tensor([zero - 1]), occupied])
    start = lowest[torch.searchsorted(occupied, zero - reach)].clamp(max=zero)
    end = highest[torch.searchsorted(occupied, zero + reach)].clamp(min=zero - 1) + 1
    slices = torch.stack([start, end], 1)[end - start >= levels]
    if not len(slices):
        return 0, len(counts)
    best = slices[divergences(counts, slices[:, 0], slices[:, 1], levels).argmin()]
    return int(best[0]), int(best[1])


ENTROPY = RangeMethod(
    name="entropy",
    summary="the least information lost, as TensorRT calibrates",
    observer=EntropyObserver,
)
