"""The noun: an activation that clips, and so commutes with a scale per channel."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Clip:
    """y = min(max(x, low), high): none, ReLU, ReLU6, hard tanh.

    clip(x / s; low / s, high / s) = clip(x; low, high) / s for every s > 0. Bounds 0 and ±∞ stay
    as they are (ReLU is positively homogeneous), others become one per channel.
    Shapes: low and high are [] or [out].
    """

    low: Tensor
    high: Tensor

    def divided(self, scales: Tensor) -> "Clip":
        """After equalisation by these scales, [out]."""
        return Clip(self.low / scales, self.high / scales)


NO_ACTIVATION = Clip(torch.tensor(-torch.inf), torch.tensor(torch.inf))
RELU = Clip(torch.tensor(0.0), torch.tensor(torch.inf))
RELU6 = Clip(torch.tensor(0.0), torch.tensor(6.0))
