"""The search on losses whose minimum is known."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bench_core.quantization.range_search import best_range

shares = st.floats(1 / 40, 1)


def bowl(low, high):
    """A loss that is least where the ends are low and high, by their logarithms."""
    return lambda a, b: (a / low).log().square() + (b / high).log().square()


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(shares, shares), min_size=1, max_size=3))
def test_each_end_is_found_to_within_the_finest_step(pairs):
    below, above = -torch.tensor(pairs).T
    low, high = torch.full_like(below, -2.0), torch.full_like(above, 5.0)
    goal = 2 * below, -5 * above
    found = best_range(low, high, bowl(*goal), symmetric=False)
    # Half of a step of 2^(1/64), and float32.
    for end, wanted in zip(found, goal, strict=True):
        assert ((end / wanted).log2().abs() <= 1 / 128 + 1e-5).all()


@settings(max_examples=50, deadline=None)
@given(shares)
def test_symmetric_ends_move_together(share):
    low, high = torch.tensor([-2.0]), torch.tensor([5.0])
    goal = 5 * share
    found_low, found_high = best_range(low, high, bowl(-goal, goal), symmetric=True)
    assert found_low == -found_high
    assert abs((found_high / goal).log2()) <= 1 / 128 + 1e-5


def test_the_whole_range_is_tried_first_and_kept_if_nothing_is_better():
    low, high = torch.tensor([-2.0, 0.0]), torch.tensor([5.0, 0.0])
    found = best_range(low, high, lambda low, high: torch.ones(2), symmetric=False)
    assert torch.equal(found[0], low)
    assert torch.equal(found[1], high)


def test_no_wider_range_is_tried_though_it_were_better():
    def loss(low, high):
        assert low >= -2
        assert high <= 5
        return low - high

    low, high = torch.tensor([-2.0]), torch.tensor([5.0])
    assert best_range(low, high, loss, symmetric=False) == (low, high)


def test_an_end_at_0_is_not_searched():
    tried = []

    def loss(low, high):
        tried.append((low.item(), high.item()))
        return high

    best_range(torch.tensor([0.0]), torch.tensor([1.0]), loss, symmetric=False)
    assert len(tried) == 1 + 7 + 3 * 5
    assert {low for low, _ in tried} == {0.0}
