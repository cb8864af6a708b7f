import gc
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench_core.duel.cost import loop_cost
from bench_core.worker.timing import (
    BLOCK_MIN_CALLS,
    BLOCK_S,
    SINGLE_CALL_S,
    shape_of_block,
    timed_block,
    warm_up,
)


@given(st.floats(1e-7, 10.0), st.floats(1e-7, 10.0))
def test_blocks_are_long_enough_on_both_sides(reference_s, mode_s):
    calls, reference_samples, mode_samples = shape_of_block(reference_s, mode_s)
    for one_s, samples in ((reference_s, reference_samples), (mode_s, mode_samples)):
        assert samples >= BLOCK_MIN_CALLS
        assert samples * calls * one_s >= BLOCK_S * (1 - 1e-9)
    assert (calls == 1) == (min(reference_s, mode_s) >= SINGLE_CALL_S)


@pytest.mark.parametrize("calls", [1, 7])
def test_a_block_times_each_sample_and_rotates_the_inputs(calls):
    seen = []
    taken, canaries = timed_block(seen.append, ["a", "b", "c"], samples=6, calls=calls)
    assert taken.dtype == np.int64 and taken.shape == (6,) and (taken > 0).all()
    assert all(canary > 0 for canary in canaries)
    assert set(seen) == {"a", "b", "c"}
    assert len(seen) >= 6 * calls


def test_the_collector_is_off_inside_a_block_and_on_again_after_a_failure():
    inside = []

    def fails(feed):
        inside.append(gc.isenabled())
        raise RuntimeError

    with pytest.raises(RuntimeError):
        timed_block(fails, [0], 3, 1)
    assert inside == [False] and gc.isenabled()


def test_a_sample_covers_its_call():
    taken, _ = timed_block(lambda feed: time.sleep(0.002), [0], 3, 1)
    assert (taken >= 2e6).all()


def test_warming_up_takes_at_least_ten_calls_and_50_ms():
    calls = []
    start = time.perf_counter()
    median_s = warm_up(lambda feed: (calls.append(feed), time.sleep(0.001)), [0, 1])
    assert len(calls) >= 10 and time.perf_counter() - start >= 0.05
    assert median_s >= 0.001


def test_the_loop_costs_at_most_half_a_percent_of_100_us():
    """Measured up to five times: a neighbour can slow the whole of one measurement."""
    assert any(loop_cost() <= 0.005 for _ in range(5))
