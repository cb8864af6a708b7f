"""The noun: a layer that is linear, and where its channels lie in its weight."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class LinearLayer:
    """y = W x + b: fully connected, a convolution, a transposed one; grouped or not.

    channel_axis: the weight's axis of output channels; 1 where it is transposed.
    Shapes: weight [out, in / groups, *kernel], transposed [in, out / groups, *kernel];
    bias [out] or None.
    Raises: ValueError for any others.
    """

    weight: Tensor
    bias: Tensor | None = None
    channel_axis: int = 0
    groups: int = 1

    def __post_init__(self) -> None:
        shape = list(self.weight.shape)
        if self.channel_axis not in (0, 1) or len(shape) < 2 or shape[0] % self.groups:
            raise ValueError(
                "expected a weight [out, in / groups, *kernel] with channel_axis=0, or "
                f"[in, out / groups, *kernel] with 1, found {shape} with "
                f"channel_axis={self.channel_axis}, groups={self.groups}"
            )
        if self.bias is not None and list(self.bias.shape) != [self.out_channels]:
            raise ValueError(
                f"expected a bias [{self.out_channels}], found {list(self.bias.shape)}"
            )

    @property
    def blocks(self) -> Tensor:
        """The weight as [groups, out / groups, in / groups, taps]; a tap is a kernel's place."""
        rows, columns = self.weight.shape[:2]
        stored = self.weight.reshape(self.groups, rows // self.groups, columns, -1)
        return stored.transpose(1, 2) if self.channel_axis else stored

    @property
    def out_channels(self) -> int:
        return self.blocks.shape[1] * self.groups

    @property
    def in_channels(self) -> int:
        return self.blocks.shape[2] * self.groups

    @property
    def out_ranges(self) -> Tensor:
        """max|W| of each output channel, [out]."""
        return self.blocks.abs().amax((2, 3)).flatten()

    @property
    def in_ranges(self) -> Tensor:
        """max|W| of what reads each input channel, [in]."""
        return self.blocks.abs().amax((1, 3)).flatten()

    def times_out(self, factors: Tensor) -> "LinearLayer":
        """Each output, bias and all, times its factor, [out]."""
        bias = None if self.bias is None else self.bias * factors
        return replace(self._of(self.blocks * factors.view(self.groups, -1, 1, 1)), bias=bias)

    def times_in(self, factors: Tensor) -> "LinearLayer":
        """What each input channel is read with, times its factor, [in]."""
        return self._of(self.blocks * factors.view(self.groups, 1, -1, 1))

    def mean_output(self, input_mean: Tensor, coverage: Tensor | None = None) -> Tensor:
        """The mean of W x over the output's positions for inputs of this mean, [in] → [out].

        coverage [*kernel]: at what share of the positions each tap meets an input (`coverage`);
        None for all at all of them, as without padding.
        Raises: ValueError without it for a transposed kernel, whose outputs see few taps each.
        """
        blocks = self.blocks
        if coverage is not None:
            blocks = blocks * coverage.to(blocks.dtype).flatten()
        elif self.channel_axis and blocks.shape[3] > 1:
            raise ValueError("expected a transposed kernel's coverage, found None; compute it")
        seen = blocks.sum(3) @ input_mean.view(self.groups, -1, 1)
        return seen.flatten()

    def _of(self, blocks: Tensor) -> "LinearLayer":
        stored = blocks.transpose(1, 2) if self.channel_axis else blocks
        return replace(self, weight=stored.reshape(self.weight.shape))


def bias_of(layer: LinearLayer) -> Tensor:
    """The layer's bias; zeros where it has none."""
    if layer.bias is not None:
        return layer.bias
    return torch.zeros(layer.out_channels, dtype=layer.weight.dtype, device=layer.weight.device)
