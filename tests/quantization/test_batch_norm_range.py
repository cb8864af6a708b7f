"""Ranges from batch-norm statistics."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bench_core.quantization.batch_norm_range import batch_norm_range
from bench_core.quantization.clip import NO_ACTIVATION, RELU, RELU6, Clip
from bench_core.quantization.pre_activation import PreActivation
from tests.fusion.linear_layers import UNTIMED, normal

activations = st.sampled_from([NO_ACTIVATION, RELU, RELU6])


@UNTIMED
@given(st.floats(-50, 50), st.floats(0, 10), activations, st.floats(0.5, 8))
def test_the_range_is_the_clipped_reach_and_holds_0(mean, std, activation, deviations):
    pre = PreActivation(
        torch.tensor([mean], dtype=torch.float64), torch.tensor([std], dtype=torch.float64)
    )
    low, high = batch_norm_range(pre, activation, deviations)
    ends = [
        min(max(end, activation.low.item()), activation.high.item())
        for end in (mean - deviations * std, mean + deviations * std)
    ]
    # One rounding to float32.
    assert low.item() == pytest.approx(min(ends[0], 0), rel=1e-7, abs=1e-7)
    assert high.item() == pytest.approx(max(ends[1], 0), rel=1e-7, abs=1e-7)
    assert low.dtype == high.dtype == torch.float32


@pytest.mark.parametrize("activation", [NO_ACTIVATION, RELU, RELU6])
def test_six_deviations_hold_a_normals_values(activation):
    """All of 4096: there is a chance of 10⁻⁵ that one lies beyond, and this draw has none."""
    mean, std = torch.linspace(-2, 2, 8), torch.linspace(0.1, 3, 8)
    x = mean + std * normal(0, 512, 8)
    y = torch.clamp(x, activation.low, activation.high)
    low, high = batch_norm_range(PreActivation(mean, std), activation)
    assert ((low <= y) & (y <= high)).all()


def test_each_channel_has_its_own_ceiling():
    pre = PreActivation(torch.tensor([1.0, 1.0]), torch.tensor([1.0, 1.0]))
    low, high = batch_norm_range(pre, RELU6.divided(torch.tensor([2.0, 0.5])))
    assert (low.tolist(), high.tolist()) == ([0, 0], [3, 7])


def test_a_channel_that_never_fires_has_an_empty_range():
    low, high = batch_norm_range(PreActivation(torch.tensor([-9.0]), torch.tensor([1.0])), RELU)
    assert (low.item(), high.item()) == (0, 0)


def test_a_hard_tanh_clips_both_ends():
    tanh = Clip(torch.tensor(-1.0), torch.tensor(1.0))
    low, high = batch_norm_range(PreActivation(torch.zeros(1), torch.ones(1)), tanh)
    assert (low.item(), high.item()) == (-1, 1)
