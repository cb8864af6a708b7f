"""Folding against torch's own layer followed by torch's own norm in inference mode."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from bench_core.quantization.fold import Norm, PreActivation, fold, pre_activation
from bench_core.quantization.linear_layer import LinearLayer
from tests.quantization.linear_layers import UNTIMED, along, images, layers, magnitudes, normal, run


@st.composite
def norms(draw, channels: int) -> Norm:
    """Variances down to 1e-4: below, 1 / √(σ² + ε) may be as large as it likes."""
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**31)))
    mean, weight, bias = torch.randn(3, channels, generator=generator).double()
    variance = 10 ** (8 * torch.rand(channels, generator=generator).double() - 4)
    affine = draw(st.booleans())
    eps = draw(st.sampled_from([0.0, 1e-5, 1e-3]))
    return Norm(mean, variance, weight if affine else None, bias if affine else None, eps)


def normed(norm: Norm, y: torch.Tensor) -> torch.Tensor:
    return F.batch_norm(y, norm.mean, norm.variance, norm.weight, norm.bias, eps=norm.eps)


@UNTIMED
@given(layers(), st.data())
def test_the_folded_layer_is_torchs_layer_and_norm(layer, data):
    norm = data.draw(norms(layer.out_channels))
    x = images(layer, data.draw(st.integers(0, 2**31)))
    kept = layer.weight.clone()
    weight, bias = fold(layer.weight, layer.bias, norm, layer.channel_axis, layer.groups)
    y = run(layer, x)
    expected = normed(norm, y)
    found = run(LinearLayer(weight, bias, layer.channel_axis, layer.groups), x)
    sums = run(magnitudes(layer), x.abs()) + along(norm.mean.abs(), y)
    bound = sums * along(norm.factors.abs(), y) + along(bias.abs(), y)
    assert ((found - expected).abs() <= 1e-12 * bound).all()
    assert torch.equal(layer.weight, kept)


@pytest.mark.parametrize("dims", [0, 1, 2, 3])
@pytest.mark.parametrize("transposed", [False, True])
def test_modules_as_users_have_them(dims, transposed):
    """In float32, padded and strided, with the norm's statistics learnt from data."""
    torch.manual_seed(0)
    norm = getattr(torch.nn, f"BatchNorm{max(1, dims)}d")(4)
    x = torch.randn(8, 6, *[7] * dims)
    if dims:
        groups, kind = 2, f"ConvTranspose{dims}d" if transposed else f"Conv{dims}d"
        layer = getattr(torch.nn, kind)(6, 4, 3, stride=2, padding=1, groups=groups, bias=False)
    else:
        groups, transposed, layer = 1, False, torch.nn.Linear(6, 4, bias=transposed)
    torch.nn.init.normal_(norm.weight)
    torch.nn.init.normal_(norm.bias)
    with torch.no_grad():
        norm(layer(x))  # one step of the running statistics
        norm.eval()
        expected = norm(layer(x))
        held = Norm(norm.running_mean, norm.running_var, norm.weight, norm.bias, norm.eps)
        weight, bias = fold(layer.weight, layer.bias, held, int(transposed), groups)
        layer.weight.copy_(weight)
        layer.bias = torch.nn.Parameter(bias)
        # Some fifty products, each good to 6e-8 of numbers about 1.
        torch.testing.assert_close(layer(x), expected, rtol=1e-5, atol=1e-5)


@UNTIMED
@given(st.integers(1, 5).flatmap(norms), st.integers(0, 2**31))
def test_the_norm_says_what_comes_out_of_it(norm, seed):
    """For inputs of exactly its statistics, whatever their distribution."""
    channels = len(norm.mean)
    noise = normal(seed, 64, channels)
    noise = (noise - noise.mean(0)) / noise.std(0, correction=0)
    y = normed(norm, norm.mean + norm.variance.sqrt() * noise)
    pre = pre_activation(norm)
    # The means cancel σ-sized terms; F.batch_norm subtracts μ, whose rounding is relative to it.
    size = (norm.mean.abs() + norm.variance.sqrt()) * norm.factors.abs()
    assert ((y.mean(0) - pre.mean).abs() <= 1e-12 * (size + pre.mean.abs())).all()
    assert ((y.std(0, correction=0) - pre.std).abs() <= 1e-12 * (size + pre.mean.abs())).all()


def test_a_constant_channel_has_no_deviation():
    norm = Norm(torch.zeros(2), torch.tensor([0.0, 1.0]), torch.ones(2), torch.ones(2), 1e-5)
    assert pre_activation(norm).std[0] == 0
    assert pre_activation(norm).std[1] == pytest.approx(1, rel=1e-5)


def test_equalisation_divides_what_is_known():
    pre = PreActivation(torch.tensor([1.0, -2.0]), torch.tensor([0.5, 1.0]))
    divided = pre.divided(torch.tensor([2.0, 4.0]))
    assert divided.mean.tolist() == [0.5, -0.5]
    assert divided.std.tolist() == [0.25, 0.25]


def test_a_norm_of_another_layer_is_refused():
    norm = Norm(torch.zeros(3), torch.ones(3), None, None, 1e-5)
    with pytest.raises(ValueError, match="expected a norm of 4 channels"):
        fold(torch.ones(4, 3), None, norm)
