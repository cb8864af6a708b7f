"""Bins whose widths are powers of two, so that merging neighbours is exact."""

from dataclasses import dataclass

import torch
from torch import Tensor

BINS = 2**13
"""At least half as many are used: 16 or more for each of the 256 steps of 8 bits."""
CHUNK = 2**18
"""Values at once: their indices stay in the cache. Of 4 million each took 7 times as long."""


@dataclass(frozen=True, eq=False)
class Bins:
    """Bin i of a channel counts its values with i · width ≤ x < (i + 1) · width.

    width = 2^exponent is, by channel, the least power of two with high − low < BINS · width, low
    and high taken together with 0: at most 2 / BINS of the range.
    Shapes: counts (which grow in place) [channels, BINS + 1], of bins first, first + 1, …; first
    and exponent [channels]; all int64.
    """

    counts: Tensor
    first: Tensor
    exponent: Tensor

    @classmethod
    def between(cls, low: Tensor, high: Tensor) -> "Bins":
        """Empty ones for values from low to high, [channels]."""
        low, high = low.double().clamp(max=0), high.double().clamp(min=0)
        span = high - low
        # Where all are 0 the width is below that of any other: no count is ever split.
        exponent = torch.where(span > 0, span.frexp().exponent, -200).long() - BINS.bit_length() + 1
        first = (low * _power_of_two(-exponent)).floor().long()
        return cls(torch.zeros(len(low), BINS + 1, dtype=torch.int64), first, exponent)

    @property
    def width(self) -> Tensor:
        """[channels], float64."""
        return _power_of_two(self.exponent)

    @property
    def index(self) -> Tensor:
        """Which bin each count is of."""
        return self.first[:, None] + torch.arange(self.counts.shape[1])

    @property
    def middle(self) -> Tensor:
        """Of each bin, float64."""
        return (self.index + 0.5) * self.width[:, None]

    def add(self, rows: Tensor) -> None:
        """Count the values of [channels, values], which lie in the bins."""
        step = max(1, CHUNK // max(BINS, rows.shape[1]))
        for top in range(0, len(rows), step):
            self._add_few(slice(top, top + step), rows[top : top + step])

    def _add_few(self, at: slice, rows: Tensor) -> None:
        # float64, in which no float32 times a power of two is rounded.
        per_width = _power_of_two(-self.exponent[at, None])
        start = self.first[at, None] - (BINS + 1) * torch.arange(len(rows))[:, None]
        for left in range(0, rows.shape[1], CHUNK):
            places = rows[:, left : left + CHUNK].double().mul_(per_width).floor_().sub_(start)
            found = torch.bincount(places.int().flatten(), minlength=self.counts[at].numel())
            self.counts[at] += found.reshape(len(rows), -1)

    def add_narrower(self, bins: "Bins") -> None:
        """Take over the counts of narrower bins, which all lie in one of these: ⌊i / 2^n⌋."""
        # Where all were 0 the shift may exceed 63, but there only bin 0 is occupied.
        shift = self.exponent - bins.exponent
        self._scatter(bins.index >> shift[:, None], bins.counts)

    def of_magnitudes(self) -> "Bins":
        """The bins of |x|: −1 − i joins i."""
        index = self.index
        folded = Bins(
            torch.zeros_like(self.counts), torch.zeros_like(self.first), self.exponent.clone()
        )
        folded._scatter(torch.where(index < 0, -1 - index, index), self.counts)
        return folded

    def _scatter(self, index: Tensor, counts: Tensor) -> None:
        # Only empty bins lie outside.
        places = (index - self.first[:, None]).clamp(0, BINS)
        self.counts.scatter_add_(1, places, counts)


def _power_of_two(exponent: Tensor) -> Tensor:
    """From its bits: `torch.ldexp` takes the power in float32, where it overflows."""
    return ((exponent + 1023) << 52).view(torch.float64)
