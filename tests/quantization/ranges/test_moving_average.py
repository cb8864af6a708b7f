"""The moving average is torch's, and slow to believe an odd batch."""

import pytest
import torch
from hypothesis import given, settings

# The rule's own home, to compare with.
from torch.ao.quantization.observer import MovingAverageMinMaxObserver  # noqa: TID251

from bench_core.quantization.affine import Grid
from bench_core.quantization.range_method import range_methods
from tests.quantization.streams import found, streams, targets

MOVING_AVERAGE = range_methods()["moving_average"]


@settings(max_examples=50, deadline=None)
@given(streams(), targets)
def test_it_is_torchs_to_the_last_bit(batches, target):
    theirs = MovingAverageMinMaxObserver()
    for batch in batches:
        theirs(batch)
    low, high = found(MOVING_AVERAGE, batches, target)
    assert low == theirs.min_val.clamp(max=0)
    assert high == theirs.max_val.clamp(min=0)


def test_an_odd_batch_moves_the_ends_by_a_hundredth():
    batches = [torch.tensor([-1.0, 1.0])] * 5 + [torch.tensor([-1.0, 101.0])]
    low, high = found(MOVING_AVERAGE, batches, (Grid(), False))
    assert low == -1
    assert high == pytest.approx(2, rel=1e-6)  # a few roundings of float32
