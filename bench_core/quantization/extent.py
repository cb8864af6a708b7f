"""How far what was seen reaches, channel by channel, exactly."""

import torch
from torch import Tensor


class Extent:
    """The least and the greatest value of each channel along `axis`, or of all for None.

    Shapes: low and high are float32 [channels], [1] without an axis. What is seen is taken as
    float32; empty tensors are nothing seen.
    """

    def __init__(self, axis: int | None) -> None:
        self.axis = axis
        self._ends: tuple[Tensor, Tensor] | None = None

    def see(self, x: Tensor) -> Tensor:
        """Take x in; returns it as [channels, values], float32, perhaps x's own memory.

        Raises: ValueError for what is not finite, for integers, for an axis that x does not
        have, and for other channels than before; nothing of such a tensor is taken in.
        """
        rows = _by_channel(x, self.axis)
        if not rows.numel():
            return rows
        low, high = rows.amin(1), rows.amax(1)
        if not (low.isfinite() & high.isfinite()).all():
            raise ValueError(
                "expected values that are finite in float32, found NaN, an infinity or one beyond "
                "3.4e38; look for what produced it"
            )
        if self._ends is not None:
            if len(low) != len(self.low):
                raise ValueError(
                    f"expected {len(self.low)} channels on axis {self.axis} as before, "
                    f"found {len(low)}"
                )
            low, high = torch.minimum(low, self.low), torch.maximum(high, self.high)
        self._ends = low, high
        return rows

    @property
    def low(self) -> Tensor:
        """Raises: ValueError if nothing was seen."""
        return self._seen()[0]

    @property
    def high(self) -> Tensor:
        """Raises: ValueError if nothing was seen."""
        return self._seen()[1]

    def clipped(self, low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
        """A range cut to the extent and then widened to hold 0, in float32.

        Shapes: [channels], [channels] → the same, or [], [] without an axis.
        """
        low = torch.maximum(low.float(), self.low).clamp(max=0)
        high = torch.minimum(high.float(), self.high).clamp(min=0)
        return (low[0], high[0]) if self.axis is None else (low, high)

    def _seen(self) -> tuple[Tensor, Tensor]:
        if self._ends is None:
            raise ValueError(
                "expected values to find the range of, found that nothing was seen; show the "
                "observer calibration data first"
            )
        return self._ends


def _by_channel(x: Tensor, axis: int | None) -> Tensor:
    if not x.is_floating_point():
        raise ValueError(f"expected floats to find a range of, found {x.dtype}")
    if axis is not None and not -x.ndim <= axis < x.ndim:
        raise ValueError(f"expected a tensor with axis {axis}, found the shape {list(x.shape)}")
    x = x.detach().float()
    if axis is None:
        return x.reshape(1, -1)
    x = x.movedim(axis, 0)
    return x.reshape(len(x), -1) if x.numel() else x.reshape(len(x), 0)
