"""The last layer's classes stay as likely as they were."""

import torch
from torch import Tensor

from bench_core.quantization.affine import fake_quantize, params_from_range
from bench_core.quantization.extent import Extent
from bench_core.quantization.quant_params import Grid
from bench_core.quantization.range_method import RangeMethod
from bench_core.quantization.range_search import best_range

KEPT_VALUES = 2**18
"""1 MiB, about a second of search."""


class CrossEntropyObserver:
    """low, high = argmin −Σ softmax(x) · ln softmax(x̂), the last axis of x being the classes.

    For logits, where only what is large matters. One range of the whole tensor. Of more than
    KEPT_VALUES logits every second, fourth, … item is kept, evenly over all that were seen. Alone
    among the methods it does not scale with the data, for softmax does not.
    Raises: ValueError for a channel axis.
    Source: Nagel et al. 2021, arXiv:2106.08295, §3.1.
    """

    def __init__(self, axis: int | None) -> None:
        if axis is not None:
            raise ValueError(
                f"expected no axis, for softmax needs all classes on one scale, found {axis}; "
                "quantise the logits per tensor"
            )
        self._extent = Extent(None)
        self._logits = torch.empty(0, 0)
        self._stride = 1
        self._items = 0

    def see(self, x: Tensor) -> None:
        """Raises: ValueError also for other classes than before."""
        classes = self._logits.shape[1] if self._items else None
        if x.ndim == 0 or (classes is not None and x.shape[-1] != classes):
            raise ValueError(
                f"expected logits [..., {classes or 'classes'}], found the shape {list(x.shape)}"
            )
        values = self._extent.see(x)
        if not values.numel():
            return
        items = values.reshape(-1, x.shape[-1])
        due = items[-self._items % self._stride :: self._stride]
        self._logits = torch.cat([self._logits.reshape(-1, x.shape[-1]), due])
        self._items += len(items)
        while self._logits.numel() > KEPT_VALUES and len(self._logits) > 1:
            self._logits = self._logits[::2].clone()
            self._stride *= 2

    def range(self, grid: Grid, *, symmetric: bool) -> tuple[Tensor, Tensor]:
        logits, extent = self._logits, self._extent
        low, high = extent.low.clamp(max=0), extent.high.clamp(min=0)
        likely = logits.double().softmax(1)

        def cross_entropy(low: Tensor, high: Tensor) -> Tensor:
            params = params_from_range(low[0], high[0], grid, symmetric=symmetric)
            quantised = fake_quantize(logits, params).double()
            return -(likely * quantised.log_softmax(1)).sum().reshape(1)

        return extent.clipped(*best_range(low, high, cross_entropy, symmetric=symmetric))


CROSS_ENTROPY = RangeMethod(
    name="cross_entropy",
    summary="the least change of what softmax makes of the logits",
    observer=CrossEntropyObserver,
)
