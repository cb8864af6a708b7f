"""Percentiles, as numpy finds them in the values themselves."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bench_core.quantization.affine import Grid
from bench_core.quantization.histogram import Histogram
from bench_core.quantization.range_method import RangeMethod, range_methods
from bench_core.quantization.ranges.percentile import PercentileObserver
from tests.quantization.streams import found, same, streams, targets

PERCENTILE, MIN_MAX = range_methods()["percentile"], range_methods()["min_max"]

few = settings(max_examples=40, deadline=None)


def at(percentile):
    return RangeMethod("at", "", lambda axis: PercentileObserver(axis, percentile))


@few
@given(streams(channels=2), targets)
def test_100_is_min_max(batches, target):
    assert same(found(at(100), batches, target, axis=1), found(MIN_MAX, batches, target, axis=1))


@few
@given(streams(), targets, st.floats(1, 100))
def test_it_is_the_values_own_to_within_a_bin(batches, target, percentile):
    low, high = found(at(percentile), batches, target)
    whole = torch.cat(batches).double().numpy()
    histogram = Histogram(None)
    histogram.see(torch.cat(batches))
    width = histogram.bins().width.item()
    # Of n values the one of rank ⌈share · n⌉; float32 rounds the range by less than a bin.
    if target[1]:
        reach = np.quantile(np.abs(whole), percentile / 100, method="inverted_cdf")
        assert abs(max(-low, high).item() - reach) <= 2 * width
    else:
        share = (1 + percentile / 100) / 2
        above = np.quantile(whole, share, method="inverted_cdf")
        below = -np.quantile(-whole, share, method="inverted_cdf")
        assert abs(high.item() - max(above, 0)) <= 2 * width
        assert abs(low.item() - min(below, 0)) <= 2 * width


@few
@given(streams(), targets, st.floats(1, 100), st.floats(1, 100))
def test_more_is_wider(batches, target, one, other):
    less, more = (found(at(p), batches, target) for p in sorted([one, other]))
    assert more[0] <= less[0]
    assert less[1] <= more[1]


def test_one_value_in_a_hundred_thousand_is_left_out():
    x = torch.rand(100_000, generator=torch.Generator().manual_seed(0))
    x[0] = 50.0
    low, high = found(PERCENTILE, [x], (Grid(8, signed=False), False))
    assert low == 0
    assert high == pytest.approx(1, rel=0.02)  # a bin is 50/4096 or less


def test_half_of_what_is_left_out_is_on_each_side():
    x = torch.linspace(-3, 1, 40_001)
    low, high = found(at(90), [x], (Grid(8, signed=False), False))
    # 5 % of the 4 units on each side, to within a bin.
    assert low == pytest.approx(-2.8, abs=2e-3)
    assert high == pytest.approx(0.8, abs=2e-3)


@pytest.mark.parametrize("percentile", [0, -1, 100.1, float("nan")])
def test_what_is_no_percentile_is_refused(percentile):
    with pytest.raises(ValueError, match="expected a percentile"):
        PercentileObserver(None, percentile)
