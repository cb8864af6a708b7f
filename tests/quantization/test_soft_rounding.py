"""A rounding that is learnt: the formulas' ends, and problems whose answer is known."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bench_core.quantization.soft_rounding import beta, learn_rounding, rectified_sigmoid


@settings(deadline=None)
@given(st.lists(st.floats(-50, 50), min_size=1, max_size=20))
def test_h_rises_from_exactly_0_to_exactly_1_through_a_half(v):
    h = rectified_sigmoid(torch.tensor(sorted(v), dtype=torch.float64))
    assert ((h >= 0) & (h <= 1)).all() and (h.diff() >= 0).all()
    # σ(v) · 1.2 − .1 leaves 0 … 1 beyond |v| = ln 11 = 2.398.
    ends = torch.tensor([-2.5, 0.0, 2.5])
    assert rectified_sigmoid(ends).tolist() == pytest.approx([0.0, 0.5, 1.0], abs=1e-7)


@settings(deadline=None)
@given(st.floats(0, 1), st.floats(0, 1))
def test_beta_falls_from_20_to_2_after_the_warm_up(one, other):
    assert (beta(0.0), beta(0.19)) == (None, None)
    assert (beta(0.2), beta(0.6), beta(1.0)) == pytest.approx((20.0, 11.0, 2.0))
    early, late = (beta(progress) for progress in sorted((one, other)))
    assert early is None or 20 >= early >= late >= 2


values = st.lists(st.floats(-4, 4), min_size=1, max_size=12).map(torch.tensor)


@settings(deadline=None)
@given(values)
def test_untaught_it_is_round_to_nearest(w):
    up = learn_rounding(w, w.floor(), w.ceil(), torch.sum, iterations=0, learning_rate=0.01)
    share = w - w.floor()
    # Around a half the logit and its inverse round as they will.
    sure = (w.ceil() > w.floor()) & ((share - 0.5).abs() > 1e-6)
    assert torch.equal(up[sure], share[sure] > 0.5)


@given(values, st.integers(0, 2**12 - 1))
@settings(max_examples=6, deadline=None)
def test_it_finds_the_neighbours_that_are_wanted(w, bits):
    down, up = w.floor(), w.floor() + 1
    wanted = torch.tensor([bits >> i & 1 for i in range(len(w))], dtype=torch.bool)
    target = torch.where(wanted, up, down)

    def error(soft):
        return (soft - target).square().mean()

    found = learn_rounding(w, down, up, error, iterations=100, learning_rate=0.1)
    assert torch.equal(found, wanted)
