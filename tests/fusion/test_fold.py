"""Folding against torch's own layer followed by torch's own norm in inference mode."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bench_core.fusion.fold import Norm, fold
from bench_core.fusion.linear_layer import LinearLayer
from tests.fusion.linear_layers import UNTIMED, along, images, layers, magnitudes, run
from tests.fusion.norms import normed, norms


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


def test_a_norm_of_another_layer_is_refused():
    norm = Norm(torch.zeros(3), torch.ones(3), None, None, 1e-5)
    with pytest.raises(ValueError, match="expected a norm of 4 channels"):
        fold(torch.ones(4, 3), None, norm)
