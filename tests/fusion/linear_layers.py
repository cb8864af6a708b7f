"""Linear layers of every layout as Hypothesis draws them, and torch's own way to run them."""

from dataclasses import replace

import torch
import torch.nn.functional as F
from hypothesis import settings
from hypothesis import strategies as st
from torch import Tensor

from bench_core.fusion.linear_layer import LinearLayer, bias_of

UNTIMED = settings(max_examples=60, deadline=None)
"""The first call of one of torch's operators can take a second."""

DIMS = (0, 1, 2, 3)
"""0: fully connected; otherwise the axes that a kernel walks."""
SIDE = 6
"""Positions along each axis of a chain's input."""


def normal(seed: int, *shape: int) -> Tensor:
    """Normal numbers, float64, the same for the same seed."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, dtype=torch.float64, generator=generator)


def run(layer: LinearLayer, x: Tensor, **geometry) -> Tensor:
    """What torch computes."""
    dims = layer.weight.ndim - 2
    if not dims:
        weight = layer.weight.T if layer.channel_axis else layer.weight
        return F.linear(x, weight, layer.bias)
    call = getattr(F, f"conv_transpose{dims}d" if layer.channel_axis else f"conv{dims}d")
    return call(x, layer.weight, layer.bias, groups=layer.groups, **geometry)


def along(values: Tensor, like: Tensor) -> Tensor:
    """[channels] so shaped that it broadcasts over [batch, channels, *positions]."""
    return values.view(-1, *[1] * (like.ndim - 2)) if values.ndim else values


def images(layer: LinearLayer, seed: int, batch: int = 3, side: int = SIDE) -> Tensor:
    """Random inputs for the layer: float64 [batch, in, *positions]."""
    shape = [side] * (layer.weight.ndim - 2)
    return normal(seed, batch, layer.in_channels, *shape)


def magnitudes(layer: LinearLayer) -> LinearLayer:
    """|W| and |b|: run on |x| it sums what rounding errors are relative to."""
    return replace(layer, weight=layer.weight.abs(), bias=bias_of(layer).abs())


@st.composite
def layers(draw, dims=None, channels_in=None, *, transposed=None, kernels=(1, 2, 3)) -> LinearLayer:
    """In float64, of channels whose magnitudes lie up to six decades apart."""
    if dims is None:
        dims = draw(st.sampled_from(DIMS))
    if channels_in is None:
        channels_in = draw(st.sampled_from([1, 2, 3, 4, 6]))
    parts = [n for n in (1, 2, 3, channels_in) if channels_in % n == 0]
    groups = draw(st.sampled_from(parts)) if dims else 1
    if transposed is None:
        transposed = draw(st.booleans())
    channels_out = groups * draw(st.integers(1, max(1, 8 // groups)))
    kernel = [draw(st.sampled_from(kernels)) for _ in range(dims)]
    seed = draw(st.integers(0, 2**31))
    rows, columns = (channels_in, channels_out) if transposed else (channels_out, channels_in)
    weight = normal(seed, rows, columns // groups, *kernel)
    bias = normal(seed + 1, channels_out)
    layer = LinearLayer(weight, bias if draw(st.booleans()) else None, int(transposed), groups)
    decades = normal(seed + 2, channels_out).clamp(-3, 3)
    return layer.times_out(10**decades)


@st.composite
def chains(draw, lengths=st.integers(2, 4), **kinds) -> list[LinearLayer]:
    """Layers that can follow each other: each reads as many channels as the last puts out."""
    dims = draw(st.sampled_from(DIMS))
    chain = [draw(layers(dims, **kinds))]
    # Small kernels: after a first of 3 and three of 2, one position of the six is left.
    for _ in range(draw(lengths) - 1):
        chain.append(draw(layers(dims, chain[-1].out_channels, kernels=(1, 2), **kinds)))
    return chain
