"""What holds of each method, whatever is seen."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bench_core.quantization.affine import Grid
from bench_core.quantization.range_method import range_methods
from tests.quantization.streams import found, same, streams, targets

few = settings(max_examples=10, deadline=None)

METHODS = list(range_methods())
BY_CHANNEL = [name for name in METHODS if name != "cross_entropy"]  # softmax mixes the channels
SCALED = [name for name in METHODS if name != "cross_entropy"]  # as softmax does not
WHOLE = [name for name in METHODS if name != "moving_average"]  # which is about the batches
UNORDERED = [name for name in WHOLE if name != "cross_entropy"]  # whose items differ

U8 = (Grid(8, signed=False), False)
S8 = (Grid(8, signed=True, narrow=True), True)


def every(names):
    return pytest.mark.parametrize("method", [range_methods()[name] for name in names], ids=names)


@every(METHODS)
@few
@given(streams(channels=3), targets)
def test_the_range_holds_0_and_lies_within_what_was_seen(method, batches, target):
    low, high = found(method, batches, target)
    seen = torch.cat(batches)
    assert low.dtype == high.dtype == torch.float32
    assert low.shape == high.shape == ()
    assert seen.min().clamp(max=0) <= low <= 0 <= high <= seen.max().clamp(min=0)


@every(SCALED)
@few
@given(streams(), targets, st.integers(-20, 20))
def test_it_scales_with_the_data(method, batches, target, exponent):
    low, high = found(method, batches, target)
    factor = 2.0**exponent
    scaled = found(method, [batch * factor for batch in batches], target)
    assert same(scaled, (low * factor, high * factor))


@every(BY_CHANNEL)
@few
@given(streams(channels=3), targets)
def test_per_channel_is_the_stack_of_per_tensor(method, batches, target):
    low, high = found(method, batches, target, axis=1)
    alone = [found(method, [batch[:, c] for batch in batches], target) for c in range(3)]
    assert same((low, high), tuple(map(torch.stack, zip(*alone, strict=True))))


@every(UNORDERED)
@few
@given(streams(), targets, st.randoms(use_true_random=False))
def test_the_order_does_not_matter(method, batches, target, random):
    expected = found(method, batches, target)
    random.shuffle(batches)
    assert same(found(method, batches, target), expected)


@every(WHOLE)
@few
@given(streams(channels=2), targets)
def test_nor_do_the_pieces(method, batches, target):
    assert same(found(method, batches, target), found(method, [torch.cat(batches)], target))


@every(METHODS)
@pytest.mark.parametrize("target", [U8, S8], ids=["u8", "s8"])
class TestCorner:
    def test_all_zeros(self, method, target):
        assert found(method, [torch.zeros(5, 4), torch.zeros(3, 4)], target) == (0, 0)

    def test_all_zeros_by_the_thousand(self, method, target):
        assert found(method, [torch.zeros(5000, 4)], target) == (0, 0)

    def test_nothing_seen(self, method, target):
        with pytest.raises(ValueError, match="nothing was"):
            found(method, [], target)

    def test_an_empty_batch_is_nothing_seen(self, method, target):
        with pytest.raises(ValueError, match="nothing was"):
            found(method, [torch.zeros(0, 4)], target)
        batches = [torch.randn(9, 4, generator=torch.Generator().manual_seed(1))]
        expected = found(method, batches, target)
        assert same(
            found(method, [torch.zeros(0, 4), *batches, torch.zeros(0, 4)], target), expected
        )

    @pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
    def test_a_value_that_is_not_finite(self, method, target, bad):
        with pytest.raises(ValueError, match="NaN, an infinity"):
            found(method, [torch.ones(2, 2), torch.tensor([[1.0, bad]])], target)

    @pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
    def test_any_float_dtype(self, method, target, dtype):
        x = torch.randn(200, 4, generator=torch.Generator().manual_seed(2)).to(dtype)
        assert same(found(method, [x], target), found(method, [x.float()], target))

    def test_what_was_seen_may_be_overwritten_and_is_not_by_us(self, method, target):
        x = torch.randn(9, 4, generator=torch.Generator().manual_seed(3))
        before = x.clone()
        observer = method.observer(None)
        observer.see(x)
        grid, symmetric = target
        expected = observer.range(grid, symmetric=symmetric)
        assert torch.equal(x, before)
        x.fill_(100.0)
        assert same(observer.range(grid, symmetric=symmetric), expected)


@every(METHODS)
@pytest.mark.parametrize("value", [0.37, -0.37])
@pytest.mark.parametrize("count", [1, 20000])
def test_one_value_however_often_is_an_end(method, value, count):
    """To within a bin, and what the search may still clip."""
    low, high = found(method, [torch.full((count, 1), value)], U8)
    near, far = (low, high) if value > 0 else (high, low)
    assert near == 0
    # cross_entropy of one class is 0 whatever the range.
    assert far == pytest.approx(value, rel=1e-3)


@every(BY_CHANNEL)
@pytest.mark.parametrize("items", [50, 10000])
def test_a_dead_channel_is_empty_and_disturbs_no_other(method, items):
    x = torch.randn(3, items, generator=torch.Generator().manual_seed(4))
    x[1] = 0
    low, high = found(method, [x], S8, axis=0)
    assert (low[1], high[1]) == (0, 0)
    for channel in (0, 2):
        assert same((low[channel], high[channel]), found(method, [x[channel]], S8))


@every(BY_CHANNEL)
def test_other_channels_than_before(method):
    with pytest.raises(ValueError, match="expected 3 channels"):
        found(method, [torch.ones(2, 3), torch.ones(2, 4)], U8, axis=1)
