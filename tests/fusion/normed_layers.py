"""Layers with batch norms after them, as users build them and Hypothesis draws them."""

import torch
from hypothesis import strategies as st
from torch import Tensor, nn

from tests.fusion.linear_layers import DIMS, SIDE

BATCH = 8
"""With so many outputs, at no seed all of them cancel: the largest is of their terms' size."""


@st.composite
def normed_layers(draw, dtype=torch.float64) -> tuple[nn.Module, Tensor]:
    """A layer and its norm in eval mode, and what goes in."""
    dims = draw(st.sampled_from(DIMS))
    torch.manual_seed(draw(st.integers(0, 2**31)))
    affine, eps = draw(st.booleans()), draw(st.sampled_from([1e-5, 1e-3]))
    layer = draw(linears() if dims == 0 else convolutions(dims))
    channels = layer.out_features if dims == 0 else layer.out_channels
    kind = getattr(nn, f"BatchNorm{max(1, dims)}d")
    norm = kind(channels, eps, draw(st.sampled_from([0.1, None])), affine=affine)
    into = layer.in_features if dims == 0 else layer.in_channels
    net = shake(nn.Sequential(layer, norm)).to(dtype).eval()
    return net, torch.randn(BATCH, into, *[SIDE] * dims, dtype=dtype)


def linears() -> st.SearchStrategy[nn.Linear]:
    size = st.integers(1, 5)
    return st.builds(nn.Linear, size, size, bias=st.booleans())


@st.composite
def convolutions(draw, dims: int) -> nn.Module:
    few = st.integers(1, 3)
    groups, stride, dilation = draw(few), draw(st.integers(1, 2)), draw(st.integers(1, 2))
    kernel = tuple(draw(few) for _ in range(dims))
    given = {
        "kernel_size": kernel,
        "stride": stride,
        "dilation": dilation,
        "padding": draw(st.integers(0, 2)),
        "groups": groups,
        "bias": draw(st.booleans()),
    }
    if draw(st.booleans()):
        larger = draw(st.integers(0, max(stride, dilation) - 1))
        kind = getattr(nn, f"ConvTranspose{dims}d")
        return kind(groups * draw(few), groups * draw(few), output_padding=larger, **given)
    return getattr(nn, f"Conv{dims}d")(groups * draw(few), groups * draw(few), **given)


def shake(module: nn.Module) -> nn.Module:
    """Its norms as after training: by the running random numbers."""
    for part in module.modules():
        if isinstance(part, nn.modules.batchnorm._BatchNorm) and part.running_mean is not None:
            nn.init.normal_(part.running_mean)
            nn.init.uniform_(part.running_var, 0.25, 4)
            if part.affine:
                nn.init.normal_(part.weight)
                nn.init.normal_(part.bias)
    return module
