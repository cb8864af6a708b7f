"""What is seen is counted, wherever it lies and in whatever order it comes."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bench_core.quantization.bins import BINS, Bins
from bench_core.quantization.histogram import Histogram
from tests.quantization.streams import streams

few = settings(max_examples=30, deadline=None)
any_float32 = st.floats(width=32, allow_nan=False, allow_infinity=False)


def of(batches, axis=None):
    histogram = Histogram(axis)
    for batch in batches:
        histogram.see(batch)
    return histogram


def same(one, other):
    return (
        torch.equal(one.counts, other.counts)
        and torch.equal(one.first, other.first)
        and torch.equal(one.exponent, other.exponent)
    )


def assert_counts(bins, rows):
    """As numpy says in float64, which holds every quotient by a power of two."""
    for channel, row in enumerate(rows.double().numpy()):
        index, counts = np.unique(row // bins.width[channel].item(), return_counts=True)
        expected = np.zeros(BINS + 1, int)
        expected[index.astype(int) - int(bins.first[channel])] = counts
        assert (bins.counts[channel].numpy() == expected).all()


@few
@given(streams())
def test_every_value_is_in_its_bin(batches):
    whole = torch.cat(batches)
    assert_counts(of(batches).bins(), whole[None])


@few
@given(streams(channels=3))
def test_every_value_is_in_its_channels_bin(batches):
    assert_counts(of(batches, axis=1).bins(), torch.cat(batches).T)


@given(st.lists(st.lists(any_float32, min_size=1, max_size=5), min_size=1, max_size=5))
@few
def test_no_count_is_lost_from_the_least_float_to_the_greatest(batches):
    histogram = Histogram(None)
    for batch in batches:
        # Enough of them that they are counted before the next come.
        histogram.see(torch.tensor(batch, dtype=torch.float32).repeat(BINS))
    bins = histogram.bins()
    assert bins.counts.sum() == BINS * sum(map(len, batches))
    assert (bins.counts >= 0).all()
    every = [value for batch in batches for value in batch]
    assert histogram.extent.low == min(every)
    assert histogram.extent.high == max(every)


@few
@given(streams(), st.randoms(use_true_random=False))
def test_neither_order_nor_pieces_matter(batches, random):
    expected = of([torch.cat(batches)])
    random.shuffle(batches)
    shuffled = of(batches)
    assert same(shuffled.bins(), expected.bins())
    assert all(map(torch.equal, shuffled.points(), expected.points()))


@few
@given(streams(channels=2))
def test_a_channel_has_the_histogram_it_would_have_alone(batches):
    both = of(batches, axis=-1).bins()
    for channel in range(2):
        alone = of([batch[:, channel] for batch in batches]).bins()
        at = slice(channel, channel + 1)
        assert same(Bins(both.counts[at], both.first[at], both.exponent[at]), alone)


@few
@given(streams())
def test_a_bin_is_a_small_part_of_the_range(batches):
    histogram = of(batches)
    low, high = histogram.extent.low.clamp(max=0), histogram.extent.high.clamp(min=0)
    span = (high.double() - low.double()).item()
    width = histogram.bins().width.item()
    # Of all-zero data there is only the bin at 0.
    assert span < BINS * width <= 2 * span or span == 0


@few
@given(streams())
def test_points_hold_every_value_to_within_a_bin(batches):
    histogram = of(batches)
    values, counts = histogram.points()
    whole = torch.cat(batches).sort().values
    assert counts.sum() == len(whole)
    nearest = values[0].repeat_interleave(counts[0])
    exact = len(whole) <= BINS
    tolerance = 0.0 if exact else histogram.bins().width.item()
    assert ((nearest.double() - whole.double()).abs() <= tolerance).all()


@few
@given(streams())
def test_magnitudes_are_counted_as_the_values_without_their_sign_would_be(batches):
    """But for the bins' edges: −width lies in bin −1, and its magnitude in bin 1."""
    bins = of(batches).bins()
    folded = bins.of_magnitudes()
    assert folded.counts.sum() == bins.counts.sum()
    assert (folded.first == 0).all()
    inside = torch.cat(batches).double() / bins.width
    off_edges = inside[(inside != inside.floor()) | (inside >= 0)]
    expected = off_edges.abs().floor().long().bincount(minlength=BINS + 1)
    on_edges = len(inside) - len(off_edges)
    assert (folded.counts[0] - expected).clamp(min=0).sum() == on_edges


def test_a_far_outlier_costs_as_much_resolution_as_it_is_far():
    histogram = of([torch.linspace(0, 1, BINS + 1)])
    before = histogram.bins().width
    histogram.see(torch.tensor([1024.0]))
    assert histogram.bins().width == 1024 * before


def test_zeros_before_tiny_values_are_not_split():
    histogram = of([torch.zeros(3 * BINS), torch.full((3 * BINS,), 1e-42)])
    bins = histogram.bins()
    assert bins.counts[0, 0] == 3 * BINS
    assert bins.counts.sum() == 6 * BINS


def test_empty_tensors_leave_no_trace():
    x = torch.ones(2, 3)
    histogram = of([torch.zeros(0, 3), x, torch.zeros(2, 0)], axis=0)
    assert histogram.points()[0].tolist() == x.tolist()


def test_few_values_are_kept_as_they_are():
    x = torch.tensor([3.0, -1.0, 0.1, 0.1])
    values, counts = of([x[:2], x[2:]]).points()
    assert values.tolist() == [x.sort().values.tolist()]
    assert counts.tolist() == [[1, 1, 1, 1]]


@pytest.mark.parametrize("size", [3, 3 * BINS])
def test_what_was_seen_may_be_overwritten(size):
    x = torch.ones(size)
    histogram = of([x])
    x.fill_(5.0)
    histogram.see(torch.zeros(1))
    values, counts = histogram.points()
    assert (values * counts).sum() == pytest.approx(size, rel=2 / BINS)


def test_memory_does_not_grow_with_what_is_seen():
    histogram = Histogram(None)
    for _ in range(20):
        histogram.see(torch.rand(3000))
    held = sum(part.numel() for part in histogram._waiting) * 4 + histogram._bins.counts.nbytes
    assert held <= 12 * (BINS + 1)
