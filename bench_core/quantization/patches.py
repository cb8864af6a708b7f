"""A layer as matrix products: the patches of its input that its kernel sees (im2col)."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F


@dataclass(frozen=True)
class Convolution:
    """How a kernel moves over an input that is padded with zeros: a number per spatial axis."""

    stride: tuple[int, ...]
    padding: tuple[int, ...]
    dilation: tuple[int, ...]
    groups: int = 1
    transposed: bool = False
    output_padding: tuple[int, ...] = ()


def matrix(weight: Tensor, convolution: Convolution | None) -> Tensor:
    """The weight as a matrix per group; a view, but for transposed convolutions.

    Shapes: linear [out, in], convolution [out, in / groups, *kernel] or transposed
    [in, out / groups, *kernel] → [groups, out / groups, in / groups · kernel].
    """
    groups = convolution.groups if convolution else 1
    blocks = weight.reshape(groups, -1, *weight.shape[1:])
    if convolution and convolution.transposed:
        blocks = blocks.transpose(1, 2).flip(list(range(3, blocks.ndim)))
    return blocks.flatten(2)


@dataclass(frozen=True, eq=False)
class Patches:
    """What a layer reads (windows, mostly a view of its input) and writes at each position.

    Shapes: windows [items, in, *positions, *kernel], outputs [items, out, *positions].
    """

    windows: Tensor
    outputs: Tensor
    groups: int

    def sample(
        self, items: Tensor, limit: int, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """At most `limit` positions of these items, drawn without repeating one.

        Shapes: items, indices [n] → x [groups, rows, in / groups · kernel] and y [rows, out], so
        that y = x @ matrix(weight).mT, its groups side by side, + bias.
        """
        positions = self.outputs.shape[2:]
        drawn = torch.randperm(len(items) * math.prod(positions), generator=generator)[:limit]
        item, *position = torch.unravel_index(drawn, (len(items), *positions))
        where: tuple[Tensor | slice, ...] = (items[item], slice(None), *position)
        x = self.windows[where].reshape(len(drawn), self.groups, -1).transpose(0, 1)
        return x.contiguous(), self.outputs[where].contiguous()


def patches(
    inputs: Tensor, outputs: Tensor, weight: Tensor, convolution: Convolution | None
) -> Patches:
    """Pair each output position with the part of the input that it depends on.

    Shapes: of a linear layer (no `convolution`) [items, ..., in] and [items, ..., out], of a
    convolution [items, in, *spatial] and [items, out, *spatial]; weight as in `matrix`.
    Raises: ValueError where inputs, outputs and weight are not of one layer.
    """
    if convolution is None:
        windows, outputs = inputs.movedim(-1, 1), outputs.movedim(-1, 1)
        out, into = weight.shape
        positions = windows.shape[2:]
    else:
        windows = _windows(inputs, tuple(weight.shape[2:]), convolution)
        positions = windows.shape[2 : inputs.ndim]
        groups, transposed = convolution.groups, convolution.transposed
        rows, columns = weight.shape[:2]
        out, into = (columns * groups, rows) if transposed else (rows, columns * groups)
    expected = (len(inputs), out, *positions)
    if windows.shape[1] != into or outputs.shape != expected:
        raise ValueError(
            f"expected {into} channels into the layer {list(weight.shape)} and outputs "
            f"{list(expected)}, found {list(inputs.shape)} and {list(outputs.shape)}"
        )
    return Patches(windows, outputs, convolution.groups if convolution else 1)


def _windows(x: Tensor, kernel: tuple[int, ...], convolution: Convolution) -> Tensor:
    """[items, in, *spatial] → [items, in, *positions, *kernel].

    Transposed: a convolution with the flipped kernel, in steps of 1, over the input with
    stride − 1 zeros between its elements.
    """
    if x.ndim != 2 + len(kernel):
        raise ValueError(
            f"expected an input [items, in] and {len(kernel)} spatial axes, found {list(x.shape)}"
        )
    reach = [d * (k - 1) for d, k in zip(convolution.dilation, kernel, strict=True)]
    before = after = list(convolution.padding)
    stride = convolution.stride
    if convolution.transposed:
        x = _spread(x, stride)
        before = [r - p for r, p in zip(reach, convolution.padding, strict=True)]
        extra = convolution.output_padding or (0,) * len(kernel)
        after = [b + e for b, e in zip(before, extra, strict=True)]
        stride = (1,) * len(kernel)
    pads = [side for both in zip(before, after, strict=True) for side in both[::-1]]
    x = F.pad(x, pads[::-1])  # the last axis first, each before and after
    for axis, step in enumerate(stride):
        x = x.unfold(axis + 2, reach[axis] + 1, step)[..., :: convolution.dilation[axis]]
    return x


def _spread(x: Tensor, stride: tuple[int, ...]) -> Tensor:
    """Zeros between the elements, stride − 1 along each axis."""
    sizes = [(size - 1) * s + 1 for size, s in zip(x.shape[2:], stride, strict=True)]
    spread = x.new_zeros(*x.shape[:2], *sizes)
    steps = tuple(slice(None, None, s) for s in stride)
    spread[(slice(None), slice(None), *steps)] = x
    return spread
