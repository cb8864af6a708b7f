"""A histogram that grows with its data and loses none of it."""

import torch
from torch import Tensor

from bench_core.quantization.bins import BINS, Bins
from bench_core.quantization.extent import Extent


class Histogram:
    """Where the values of each channel lie, in at most 12 · BINS bytes a channel.

    When values reach beyond the bins, these double in width until they hold them: bins 2i and
    2i + 1 become bin i. Whatever was seen, in whichever order and pieces, the bins are those of
    all of it at once. An outlier f times as far away as all before widens them by about f.
    """

    def __init__(self, axis: int | None) -> None:
        self.extent = Extent(axis)
        self._waiting: list[Tensor] = []
        self._bins: Bins | None = None

    def see(self, x: Tensor) -> None:
        """Raises: ValueError as `Extent.see`."""
        rows = self.extent.see(x)
        if not rows.numel():
            return
        self._waiting.append(rows)
        if sum(part.shape[1] for part in self._waiting) > BINS:
            self._bins = self.bins()
            self._waiting = []
        else:
            # A copy: the caller may reuse the tensor's memory.
            self._waiting[-1] = rows.clone()

    def bins(self) -> Bins:
        """All that was seen, counted.

        Raises: ValueError if nothing was seen.
        """
        bins = Bins.between(self.extent.low, self.extent.high)
        if self._bins is not None:
            bins.add_narrower(self._bins)
        if self._waiting:
            bins.add(torch.cat(self._waiting, 1))
        return bins

    def points(self) -> tuple[Tensor, Tensor]:
        """Values, ascending, and how often each was seen.

        Up to BINS values a channel are those seen: they need no more memory than their bins would.
        Of more they are the middles of their bins, within the extent, so each is off by less than
        a bin; a count is 0 where only another channel has values.
        Shapes: float32 and int64, [channels, points].
        Raises: ValueError if nothing was seen.
        """
        low, high = self.extent.low[:, None], self.extent.high[:, None]
        if self._bins is None:
            values = torch.cat(self._waiting, 1).sort(1).values
            return values, torch.ones((), dtype=torch.int64).expand(values.shape)
        bins = self.bins()
        used = bins.counts.any(0)
        middle = bins.middle.clamp(low.double(), high.double()).float()
        return middle[:, used], bins.counts[:, used]
