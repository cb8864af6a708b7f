import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench_core.duel.interleave import Block, Interleaving, spoilt
from fakes import FakeSide


def constant(seconds):
    return lambda block: seconds


def test_the_order_is_ABBA_and_then_its_mirror():
    log = []
    Interleaving(FakeSide("A", log, constant(0.01)), FakeSide("B", log, constant(0.01))).run(4)
    assert log[:2] == ["warm A", "warm B"]
    assert "".join(log[2:]) == "ABBABAABABBABAAB"


def test_going_on_adds_to_what_was_measured():
    log = []
    interleaving = Interleaving(
        FakeSide("A", log, constant(0.01)), FakeSide("B", log, constant(0.01))
    )
    first, second = interleaving.run(8), interleaving.run(16)
    assert len(first.quads) == 8
    assert second.blocks[:32] == first.blocks
    assert log.count("A") == log.count("B") == 32


@given(st.floats(1e-6, 1.0), st.floats(0.1, 10.0))
def test_a_constant_ratio_is_found_exactly(seconds, ratio):
    launch = Interleaving(
        FakeSide("A", [], constant(seconds * ratio)), FakeSide("B", [], constant(seconds))
    ).run(2)
    np.testing.assert_allclose(launch.quads, np.log(ratio), atol=1e-9)


@given(st.floats(-0.05, 0.05))
def test_drift_that_is_linear_in_time_cancels(drift):
    """Side A runs blocks 0, 3 of a quad and B 1, 2: the same mean time, to first order."""
    clock = iter(range(10_000))

    def drifting(block):
        return 0.01 * np.exp(drift * next(clock) / 16)

    launch = Interleaving(FakeSide("A", [], drifting), FakeSide("B", [], drifting)).run(4)
    np.testing.assert_allclose(launch.quads, 0.0, atol=1e-9)


@given(st.floats(1e-7, 1.0), st.floats(1e-7, 1.0))
def test_both_sides_are_timed_in_samples_of_as_many_calls(a_s, b_s):
    launch = Interleaving(FakeSide("A", [], constant(a_s)), FakeSide("B", [], constant(b_s))).run(1)
    assert len({block.calls for block in launch.blocks}) == 1


def test_a_block_beside_a_slow_canary_is_marked_and_kept():
    blocks = tuple(
        Block(0, 0, i, "A", 1, np.ones(1), (30_000, 60_000 if i == 3 else 30_100)) for i in range(8)
    )
    assert spoilt(blocks).tolist() == [i == 3 for i in range(8)]


def test_each_side_has_a_floor_of_its_own():
    """A canary in C++ takes half of one in Python; that does not spoil the other side."""
    blocks = tuple(
        Block(0, 0, i, side, 1, np.ones(1), (canary_ns, canary_ns))
        for i, (side, canary_ns) in enumerate(zip("ABBA", (60_000, 30_000, 45_000, 60_000)))
    )
    assert spoilt(blocks).tolist() == [False, False, True, False]


def test_a_side_that_fails_in_mid_duel_ends_it():
    def dies(block):
        if block == 5:
            raise RuntimeError("gone")
        return 0.01

    with pytest.raises(RuntimeError, match="gone"):
        Interleaving(FakeSide("A", [], constant(0.01)), FakeSide("B", [], dies)).run(8)
