"""What a batch norm says of a layer against what torch's own norm puts out."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bench_core.fusion.fold import Norm
from bench_core.quantization.pre_activation import PreActivation, pre_activation
from tests.fusion.linear_layers import UNTIMED, normal
from tests.fusion.norms import normed, norms


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
