"""When a dearer start is paid for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench_core.analysis.break_even import break_even
from bench_core.record import BreakEven, Ready, Speedup

seconds = st.floats(0, 1e3)
ratios = st.lists(st.floats(0.01, 100), min_size=3, max_size=3).map(sorted)
readies = st.builds(
    Ready, st.just("worker"), st.none() | seconds, seconds, st.none() | seconds, seconds, seconds,
    st.none(), st.none() | st.floats(0, 10),
)  # fmt: skip


def speedup(low: float, ratio: float, high: float, reference_s: float = 0.02) -> Speedup:
    return Speedup(
        "eager", reference_s, ratio, low, high, 0.95, 16, 2, 0.01, (0.1, 0.2), "precision"
    )


def ready(cold_s: float, import_s: float = 0.0, half_width_s: float = 0.0) -> Ready:
    return Ready("worker", import_s, 0.0, cold_s - import_s, 0.0, 0.0, None, half_width_s)


@given(readies, readies, ratios)
def test_there_is_a_number_or_a_reason(mode, reference, bounds):
    got = break_even(mode, reference, speedup(*bounds))
    low, _, high = bounds
    if high <= 1:
        assert got == BreakEven(None, None, None, "never")
    elif low <= 1:
        assert got == BreakEven(None, None, None, "unknown")
    else:
        assert got.reason is None
        assert 0 <= got.low <= got.value <= got.high


@given(readies, readies, st.floats(1.001, 100))
def test_after_that_many_calls_both_have_taken_the_same_time(mode, reference, ratio):
    calls = break_even(mode, reference, speedup(ratio, ratio, ratio)).value
    if calls:
        spent, spent_by_reference = (
            mode.cold_s + calls * 0.02 / ratio,
            reference.cold_s + calls * 0.02,
        )
        assert spent == pytest.approx(spent_by_reference, rel=1e-9)


def test_an_example():
    """8 s later, 10 ms saved of 20: 800 calls; between 1.6 and 2.5: 8 / .0075 and 8 / .012."""
    got = break_even(ready(9), ready(1), speedup(1.6, 2.0, 2.5))
    assert (got.value, got.low, got.high) == pytest.approx((800, 8 / 0.012, 8 / 0.0075))


def test_faster_and_sooner_pays_at_once():
    assert break_even(ready(1), ready(4), speedup(1.1, 1.2, 1.3)) == BreakEven(0, 0, 0, None)


def test_the_doubt_of_two_imports_widens_and_of_one_cancels():
    other = break_even(ready(9, 0.5, 0.05), ready(5, 3.5, 0.35), speedup(2, 2, 2))
    assert (other.value, other.low, other.high) == pytest.approx((400, 360, 440))
    same = break_even(ready(9, 3.5, 0.35), ready(5, 3.5, 0.35), speedup(2, 2, 2))
    assert same.value == same.low == same.high == pytest.approx(400)


def test_the_borders_are_never_and_unknown():
    assert break_even(ready(2), ready(1), speedup(0.8, 0.9, 1.0)).reason == "never"
    assert break_even(ready(2), ready(1), speedup(1.0, 1.1, 1.2)).reason == "unknown"
