"""How often each tap of a kernel meets an input, not padding."""

from collections.abc import Sequence

import torch
from torch import Tensor


def coverage(
    inputs: Sequence[int],
    outputs: Sequence[int],
    kernel: Sequence[int],
    *,
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    transposed: bool = False,
) -> Tensor:
    """The share of a convolution's output positions at which each tap meets an input.

    Along each axis tap k of output o reads input o · stride − padding + k · dilation; transposed,
    input i writes with tap k to output i · stride − padding + k · dilation.
    inputs, outputs: numbers of positions; padding is what lies before the first, of zeros.
    Shapes: a number per axis each → [*kernel], float64.
    """
    walked, met = (inputs, outputs) if transposed else (outputs, inputs)
    share = torch.ones((), dtype=torch.float64)
    for axis, taps in enumerate(kernel):
        steps = torch.arange(walked[axis])[:, None] * stride[axis] - padding[axis]
        places = steps + torch.arange(taps) * dilation[axis]
        inside = (places >= 0) & (places < met[axis])
        share = share[..., None] * inside.sum(0, dtype=torch.float64) / outputs[axis]
    return share
