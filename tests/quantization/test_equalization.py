"""Cross-layer equalisation leaves the function as it is and makes neighbours' ranges equal."""

import math
from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from bench_core.fusion.linear_layer import LinearLayer
from bench_core.quantization import equalization
from bench_core.quantization.clip import NO_ACTIVATION, RELU, RELU6, Clip
from bench_core.quantization.equalization import TOLERANCE, equalise, equalise_chain, scales
from tests.fusion.linear_layers import UNTIMED, along, chains, images, magnitudes, normal, run

seeds = st.integers(0, 2**31)
ROUNDING = 1e-14
"""Some fifty roundings of float64."""


def through(chain: list[LinearLayer], x: Tensor, clips: list[Clip]) -> Tensor:
    for layer, clip in zip(chain, [*clips, NO_ACTIVATION], strict=True):
        y = run(layer, x)
        x = torch.clamp(y, along(clip.low, y), along(clip.high, y))
    return x


def bound(chain: list[LinearLayer], x: Tensor) -> Tensor:
    """The sum of the magnitudes of all that an output adds up."""
    return through([magnitudes(layer) for layer in chain], x.abs(), [RELU] * (len(chain) - 1))


def ratios(chain: list[LinearLayer]) -> list[Tensor]:
    """How far neighbours' ranges are from each other: |log r₁ / r₂|, living channels only."""
    found = []
    for first, second in pairwise(chain):
        one, other = first.out_ranges, second.in_ranges
        alive = (one > 0) & (other > 0)
        found.append((one[alive] / other[alive]).log().abs())
    return found


@UNTIMED
@given(chains(), st.sampled_from([RELU, NO_ACTIVATION, RELU6]), seeds)
def test_outputs_stay_whatever_the_chain(chain, activation, seed):
    """ReLU6 with its ceilings divided, one per channel."""
    x = images(chain[0], seed)
    before = through(chain, x, [activation] * (len(chain) - 1))
    equalised, moved = equalise_chain(chain)
    clips = [activation.divided(s) for s in moved]
    error = through(equalised, x, clips) - before
    assert (error.abs() <= 1e-9 * bound(chain, x)).all()


@UNTIMED
@given(chains())
def test_neighbours_share_their_ranges(chain):
    equalised, _ = equalise_chain(chain)
    for apart in ratios(equalised):
        assert (apart <= TOLERANCE * 1.01).all()


@UNTIMED
@given(chains(lengths=st.just(2)))
def test_one_pair_needs_one_step(chain):
    first, second, s = equalise(*chain)
    shared = (chain[0].out_ranges * chain[1].in_ranges).sqrt()
    torch.testing.assert_close(first.out_ranges, shared, rtol=ROUNDING, atol=0)
    torch.testing.assert_close(second.in_ranges, shared, rtol=ROUNDING, atol=0)
    *_, again = equalise(first, second)
    torch.testing.assert_close(again, torch.ones_like(s), rtol=ROUNDING, atol=0)


@UNTIMED
@given(chains(lengths=st.just(2)), st.data())
def test_a_dead_channel_is_left_alone(chain, data):
    """One that is never written, or that nobody reads."""
    first, second = chain
    channel = data.draw(st.integers(0, first.out_channels - 1))
    alive = torch.ones(first.out_channels).double()
    alive[channel] = 0
    if data.draw(st.booleans()):
        first = first.times_out(alive)
    else:
        second = second.times_in(alive)
    new_first, new_second, s = equalise(first, second)
    assert s[channel] == 1
    only = 1 - alive
    assert torch.equal(new_first.times_out(only).weight, first.times_out(only).weight)
    assert torch.equal(new_second.times_in(only).weight, second.times_in(only).weight)


@UNTIMED
@given(chains(lengths=st.just(2)))
def test_what_is_given_stays_untouched(chain):
    kept = [layer.weight.clone() for layer in chain]
    equalise(*chain)
    equalise_chain(chain)
    assert all(torch.equal(layer.weight, old) for layer, old in zip(chain, kept, strict=True))


@UNTIMED
@given(st.floats(1e-6, 1e6), st.floats(1e-6, 1e6))
def test_the_scale_is_the_papers(r1, r2):
    found = scales(torch.tensor([r1], dtype=torch.float64), torch.tensor([r2], dtype=torch.float64))
    assert found.item() == pytest.approx(math.sqrt(r1 * r2) / r2, rel=ROUNDING)


def test_relu6_does_not_commute():
    """1 · relu6(1) = 1 before; s = 0.1, so that 0.1 · relu6(10) = 0.6 after, unless divided."""
    x = torch.ones(1, 1)
    pair = [LinearLayer(torch.ones(1, 1)), LinearLayer(torch.full((1, 1), 100.0))]
    first, second, s = equalise(*pair)
    assert through(pair, x, [RELU6]).item() == 100
    assert through([first, second], x, [RELU6]).item() == pytest.approx(60)
    assert through([first, second], x, [RELU6.divided(s)]).item() == pytest.approx(100)


def test_conv_depthwise_conv_ends_at_the_geometric_mean():
    """A depthwise layer's channel has one range for both its sides, so that all three meet."""
    ranges = torch.tensor([[8.0, 1.0, 27.0], [1.0, 8.0, 1.0], [1.0, 27.0, 64.0]]).double()
    first = LinearLayer(ranges[0].view(3, 1, 1, 1) * torch.ones(3, 2, 1, 1))
    depthwise = LinearLayer(ranges[1].view(3, 1, 1, 1) * torch.ones(3, 1, 3, 3), groups=3)
    last = LinearLayer(ranges[2].view(1, 3, 1, 1) * torch.ones(4, 3, 1, 1))
    chain, _ = equalise_chain([first, depthwise, last])
    expected = ranges.prod(0) ** (1 / 3)
    for found in (chain[0].out_ranges, chain[1].out_ranges, chain[1].in_ranges, chain[2].in_ranges):
        torch.testing.assert_close(found, expected, rtol=2 * TOLERANCE, atol=0)


def test_one_sweep_is_not_enough_for_three_layers(monkeypatch):
    layers = [LinearLayer(torch.full((1, 1), size).double()) for size in (1.0, 1.0, 1e6)]
    monkeypatch.setattr(equalization, "MAX_SWEEPS", 1)
    unfinished, _ = equalise_chain(layers)
    assert max(apart.max().item() for apart in ratios(unfinished)) > 1
    # Unfinished, and the same function all the same.
    x = torch.ones(1, 1).double()
    assert through(unfinished, x, [RELU] * 2).item() == pytest.approx(1e6, rel=1e-12)


def test_a_flattened_map_is_a_kernel():
    """A conv, flattened, then a linear layer: its weight seen as [out, channels, positions]."""
    conv = LinearLayer(normal(0, 3, 2, 2, 2) * torch.tensor([1e3, 1, 1e-3])[:, None, None, None])
    linear, x = normal(1, 5, 3 * 4), normal(2, 2, 2, 3, 3)
    first, second, _ = equalise(conv, LinearLayer(linear.view(5, 3, 4)))
    before = run(conv, x).relu().flatten(1) @ linear.T
    after = run(first, x).relu().flatten(1) @ second.weight.flatten(1).T
    torch.testing.assert_close(after, before, rtol=1e-9, atol=1e-9)


def test_no_layers_and_one_need_nothing():
    assert equalise_chain([]) == ([], [])
    alone = LinearLayer(torch.ones(2, 2))
    assert equalise_chain([alone]) == ([alone], [])


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: equalise(LinearLayer(torch.ones(2, 3)), LinearLayer(torch.ones(2, 3))),
        lambda: scales(torch.tensor([math.nan]), torch.ones(1)),
        lambda: scales(torch.ones(1), torch.tensor([math.inf])),
    ],
)
def test_what_cannot_be_equalised_is_refused(wrong):
    with pytest.raises(ValueError, match="expected"):
        wrong()
