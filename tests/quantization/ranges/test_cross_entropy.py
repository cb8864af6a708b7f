"""Cross-entropy, as torch computes it of soft targets."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import cross_entropy

from bench_core.quantization.affine import Grid, fake_quantize, params_from_range
from bench_core.quantization.range_method import range_methods
from bench_core.quantization.ranges.cross_entropy import KEPT_VALUES, CrossEntropyObserver
from tests.quantization.streams import found, streams, targets

CROSS_ENTROPY, MIN_MAX = range_methods()["cross_entropy"], range_methods()["min_max"]
U8 = (Grid(8, signed=False), False)


def loss(logits, ends, target):
    grid, symmetric = target
    params = params_from_range(*ends, grid, symmetric=symmetric)
    quantised = fake_quantize(logits, params).double()
    return cross_entropy(quantised, logits.double().softmax(1), reduction="sum").item()


@settings(max_examples=20, deadline=None)
@given(streams(channels=3, long=False), targets)
def test_no_greater_than_min_maxs(batches, target):
    logits = torch.cat(batches)
    ours, theirs = (
        loss(logits, found(m, batches, target), target) for m in (CROSS_ENTROPY, MIN_MAX)
    )
    # torch's own sum in float64: 48 items of logits below 2^40 · 3 classes.
    assert ours <= theirs * (1 + 1e-12) + 1e-12


def test_classes_that_are_out_of_the_question_are_clipped():
    """A mask of −1000 leaves min_max steps of 4, in which the other classes drown."""
    logits = torch.randn(500, 10, generator=torch.Generator().manual_seed(0)) * 3
    logits[:, 7] = -1000
    exact = logits.double()
    entropy = cross_entropy(exact, exact.softmax(1), reduction="sum").item()
    excess = [
        loss(logits, found(method, [logits], U8), U8) - entropy
        for method in (CROSS_ENTROPY, MIN_MAX)
    ]
    assert excess[0] < excess[1] / 20


@pytest.mark.parametrize("axis", [0, -1])
def test_a_channel_axis_is_refused(axis):
    with pytest.raises(ValueError, match="expected no axis"):
        CROSS_ENTROPY.observer(axis)


@pytest.mark.parametrize("shape", [(2, 4), (), (3,)])
def test_other_classes_than_before_are_refused(shape):
    observer = CROSS_ENTROPY.observer(None)
    observer.see(torch.zeros(2, 5))
    with pytest.raises(ValueError, match=r"\[\.\.\., 5\]"):
        observer.see(torch.zeros(shape))


@settings(max_examples=10, deadline=None)
@given(st.lists(st.integers(1, 3 * KEPT_VALUES // 64), min_size=1, max_size=8))
def test_a_bounded_number_is_kept_evenly(sizes):
    observer = CrossEntropyObserver(None)
    items = torch.arange(float(sum(sizes)))[:, None].expand(-1, 64)
    for part in items.split(sizes):
        observer.see(part)
    kept = observer._logits[:, 0]
    stride = observer._stride
    assert torch.equal(kept, torch.arange(0.0, len(items), stride))
    assert kept.numel() * 64 <= KEPT_VALUES
    assert stride == 1 or kept.numel() * 64 > KEPT_VALUES // 2 - 64


def test_items_are_kept_even_if_one_is_too_large():
    observer = CrossEntropyObserver(None)
    observer.see(torch.zeros(3, KEPT_VALUES + 1))
    assert observer._logits.shape == (1, KEPT_VALUES + 1)
