"""A layer as matrix products: the same numbers as torch's own layers, whatever their geometry."""

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from bench_core.quantization.patches import Convolution, matrix, patches


@st.composite
def convolutions(draw):
    """A convolution, its weight and an input, in float64; torch's function for it."""
    dims, groups, transposed = draw(st.integers(1, 3)), draw(st.integers(1, 3)), draw(st.booleans())
    into, out = (groups * draw(st.integers(1, 2)) for _ in range(2))

    def axes(low, high):
        return tuple(draw(st.integers(low, high)) for _ in range(dims))

    kernel, stride, dilation, padding = axes(1, 3), axes(1, 3), axes(1, 2), axes(0, 2)
    extra = tuple(
        draw(st.integers(0, max(s, d) - 1)) if transposed else 0
        for s, d in zip(stride, dilation, strict=True)
    )
    reach = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
    sizes = tuple(draw(st.integers(1, 3)) + (0 if transposed else r) for r in reach)
    if transposed:
        written = zip(sizes, stride, padding, reach, extra, strict=True)
        assume(all((n - 1) * s - 2 * p + r + e >= 0 for n, s, p, r, e in written))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 999)))

    def normal(*shape):
        return torch.randn(*shape, dtype=torch.float64, generator=generator)

    weight = normal(*((into, out // groups) if transposed else (out, into // groups)), *kernel)
    x = normal(draw(st.integers(1, 3)), into, *sizes)
    function = getattr(F, f"conv_transpose{dims}d" if transposed else f"conv{dims}d")
    order = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    if transposed:
        order["output_padding"] = extra
    geometry = Convolution(stride, padding, dilation, groups, transposed, extra)
    return geometry, weight, x, function(x, weight, **order)


@given(convolutions(), st.integers(1, 1000))
@settings(max_examples=100, deadline=None)
def test_patches_times_matrix_are_what_torchs_convolution_writes(drawn, limit):
    convolution, weight, x, y = drawn
    layer = patches(x, y, weight, convolution)
    sampled, expected = layer.sample(torch.arange(len(x)), limit, torch.Generator().manual_seed(0))
    assert len(expected) == min(limit, y.numel() // y.shape[1])
    products = sampled @ matrix(weight, convolution).mT
    # Sums of at most 2 · 27 products of normals: some 54 · 10 · 2⁻⁵³ at the very most.
    torch.testing.assert_close(products.transpose(0, 1).flatten(1), expected, rtol=0, atol=1e-12)


@given(st.lists(st.integers(1, 3), min_size=1, max_size=3), st.integers(1, 4), st.integers(1, 4))
@settings(max_examples=30, deadline=None)
def test_patches_times_matrix_are_what_torchs_linear_writes(leading, into, out):
    x, weight = torch.randn(*leading, into).double(), torch.randn(out, into).double()
    layer = patches(x, F.linear(x, weight), weight, None)
    sampled, expected = layer.sample(torch.arange(len(x)), 1000, torch.Generator().manual_seed(0))
    assert len(expected) == x.numel() // into
    torch.testing.assert_close((sampled @ matrix(weight, None).mT)[0], expected, rtol=0, atol=1e-12)


def test_only_the_items_that_are_asked_for_are_sampled_and_each_position_once():
    x = torch.arange(12.0).reshape(4, 3, 1)  # 4 items, 3 positions, every number another
    weight = torch.eye(1)
    sampled, y = patches(x, x, weight, None).sample(
        torch.tensor([3, 1]), 1000, torch.Generator().manual_seed(0)
    )
    assert sorted(y.flatten().tolist()) == [3.0, 4.0, 5.0, 9.0, 10.0, 11.0]
    assert torch.equal(sampled[0], y)


def test_what_is_not_of_one_layer_is_refused():
    plain = Convolution((1, 1), (0, 0), (1, 1))
    weight, x, y = torch.zeros(5, 3, 2, 2), torch.zeros(2, 3, 4, 4), torch.zeros(2, 5, 3, 3)
    patches(x, y, weight, plain)
    with pytest.raises(ValueError, match=r"expected 3 channels .* outputs \[2, 5, 3, 3\]"):
        patches(x, y[:, :, 1:], weight, plain)
    with pytest.raises(ValueError, match="expected 3 channels"):
        patches(torch.zeros(2, 6, 4, 4), y, weight, plain)
    with pytest.raises(ValueError, match="2 spatial axes"):
        patches(x[0], y, weight, plain)
    with pytest.raises(ValueError, match="expected 3 channels"):
        patches(torch.zeros(2, 4), torch.zeros(2, 5), torch.zeros(5, 3), None)
