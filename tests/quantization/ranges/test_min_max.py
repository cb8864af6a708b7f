"""Min-max holds everything, and no more."""

import torch
from hypothesis import given, settings

from bench_core.quantization.range_method import range_methods
from tests.quantization.streams import found, streams, targets

MIN_MAX = range_methods()["min_max"]


@settings(max_examples=30, deadline=None)
@given(streams(), targets)
def test_its_ends_are_the_furthest_values_or_0(batches, target):
    low, high = found(MIN_MAX, batches, target)
    whole = torch.cat([*batches, torch.zeros(1)])
    assert (low, high) == (whole.min(), whole.max())
