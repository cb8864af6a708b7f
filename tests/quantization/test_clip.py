"""A clip commutes with every positive scale, once its bounds are scaled too."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from bench_core.quantization.clip import NO_ACTIVATION, RELU, RELU6, Clip
from tests.fusion.linear_layers import UNTIMED

values = st.lists(st.floats(-20, 20), min_size=1, max_size=5).map(torch.tensor)
clips = st.sampled_from([NO_ACTIVATION, RELU, RELU6, Clip(torch.tensor(-1.0), torch.tensor(1.0))])


def clipped(x: torch.Tensor, clip: Clip) -> torch.Tensor:
    return torch.clamp(x, clip.low, clip.high)


@UNTIMED
@given(values, clips, st.integers(-20, 20))
def test_dividing_before_is_dividing_after(x, clip, exponent):
    """Exactly for powers of two, which round nothing."""
    s = torch.full_like(x, 2.0**exponent)
    assert torch.equal(clipped(x / s, clip.divided(s)), clipped(x, clip) / s)


@UNTIMED
@given(values)
def test_the_named_ones_are_torchs(x):
    assert torch.equal(clipped(x, NO_ACTIVATION), x)
    assert torch.equal(clipped(x, RELU), torch.relu(x))
    assert torch.equal(clipped(x, RELU6), torch.nn.functional.relu6(x))


def test_relu_keeps_its_bounds_and_relu6_gets_a_ceiling_per_channel():
    s = torch.tensor([0.5, 3.0])
    relu, relu6 = RELU.divided(s), RELU6.divided(s)
    assert (relu.low == 0).all()
    assert relu.high.isinf().all()
    assert relu6.high.tolist() == [12, 2]
