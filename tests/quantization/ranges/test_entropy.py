"""The least divergence, looked for over all thresholds."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bench_core.quantization.affine import Grid
from bench_core.quantization.histogram import Histogram
from bench_core.quantization.range_method import range_methods
from bench_core.quantization.ranges.entropy import _best_slice
from tests.quantization.streams import found, streams
from tests.quantization.test_divergence import defined

ENTROPY, MIN_MAX = range_methods()["entropy"], range_methods()["min_max"]
U8 = (Grid(8, signed=False), False)
S8 = (Grid(8, signed=True, narrow=True), True)


@st.composite
def histograms(draw):
    counts = draw(st.lists(st.integers(0, 30) | st.just(0), min_size=6, max_size=40))
    return torch.tensor(counts), draw(st.integers(0, len(counts) - 1)), draw(st.integers(2, 5))


@settings(max_examples=50, deadline=None)
@given(histograms())
def test_no_threshold_loses_less(case):
    counts, zero, levels = case
    start, end = _best_slice(counts, zero, levels)
    if not counts.any():
        return
    least = defined(counts.tolist(), start, end, levels)
    for reach in range(1, len(counts) + 1):
        below, above = max(0, zero - reach), min(len(counts), zero + reach)
        if above - below >= levels and counts[below:above].any():
            tried = defined(counts.tolist(), below, above, levels)
            # Cut down to what is occupied, as ours are, the groups are others.
            occupied = counts[below:above].nonzero().squeeze(1) + below
            cut = min(int(occupied[0]), zero), max(int(occupied[-1]), zero - 1) + 1
            if cut == (below, above):
                assert least <= tried + 1e-9


def test_a_peak_with_far_tails_is_clipped():
    x = torch.randn(200_000, generator=torch.Generator().manual_seed(0))
    x[:20] = torch.linspace(30, 40, 20)
    for target in (U8, S8):
        _, high = found(ENTROPY, [x], target)
        assert 3 < high < 6


def test_zeros_say_nothing():
    """They are exact: a ReLU's range is that of the values that it lets through."""
    x = torch.randn(300_000, generator=torch.Generator().manual_seed(1)).abs()
    _, high = found(ENTROPY, [x], U8)
    _, among_zeros = found(ENTROPY, [torch.cat([x, torch.zeros(600_000)])], U8)
    assert among_zeros == high


@settings(max_examples=10, deadline=None)
@given(streams())
def test_where_levels_are_finer_than_bins_it_is_min_max(batches):
    target = Grid(16, signed=False), False
    assert found(ENTROPY, batches, target) == found(MIN_MAX, batches, target)


def test_a_symmetric_threshold_is_of_the_magnitudes():
    x = torch.randn(100_000, generator=torch.Generator().manual_seed(2)).abs() + 0.5
    low, high = found(ENTROPY, [torch.cat([x, -x])], S8)
    # −x on a bin's edge is counted one bin further in.
    histogram = Histogram(None)
    histogram.see(x)
    _, alone = found(ENTROPY, [x], S8)
    assert low == -high
    assert high == pytest.approx(alone.item(), abs=2 * histogram.bins().width.item())
