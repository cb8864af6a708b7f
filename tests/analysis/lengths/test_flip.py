"""What duels make of a flip that two curves foretell."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench_core.analysis.lengths.flip import (
    BY_THE_FIT,
    CONFIRMED,
    CONTRADICTED,
    UNSETTLED,
    Flip,
    Meeting,
)
from invented_lengths import ratio

FLIP = Flip("one", "other", 90.4, 64, 128)


def met(*values: tuple[int, float]) -> Flip:
    return replace(FLIP, meetings=tuple(Meeting(n, ratio(value)) for n, value in values))


@pytest.mark.parametrize(
    ("meetings", "verdict"),
    [
        ([], BY_THE_FIT),
        ([(64, 1.2), (90, 1.0)], BY_THE_FIT),  # it was stopped
        ([(64, 1.2), (90, 1.0), (128, 0.8)], CONFIRMED),
        ([(64, 1.2), (128, 0.8)], CONFIRMED),
        ([(64, 1.2), (90, 1.0), (128, 1.01)], UNSETTLED),
        ([(64, 0.99), (90, 1.0), (128, 0.8)], UNSETTLED),
        ([(64, 1.2), (90, 1.2), (128, 1.2)], CONTRADICTED),
        ([(64, 0.8), (90, 0.8), (128, 0.8)], CONTRADICTED),
        ([(64, 0.8), (90, 1.0), (128, 1.2)], CONTRADICTED),
    ],
)
def test_each_must_surely_win_on_its_own_side(meetings, verdict):
    assert met(*meetings).verdict == verdict


@pytest.mark.parametrize(
    ("at_90", "bracket"), [(1.2, (90, 128)), (1.0, (64, 128)), (0.8, (64, 90))]
)
def test_a_confirmed_flip_lies_between_what_is_sure(at_90, bracket):
    assert met((64, 1.2), (90, at_90), (128, 0.8)).bracket == bracket


@given(st.floats(1e-3, 1e3), st.floats(0, 3))
def test_a_meeting_says_nothing_where_its_interval_holds_1(value, half):
    sign = Meeting(64, ratio(value, half)).sign
    bounds = ratio(value, half)
    assert sign == (1 if bounds.low > 1 else -1 if bounds.high < 1 else 0)
    assert Meeting(64, ratio(1 / value, half * (1 + 1e-9) + 1e-12)).sign in (-sign, 0)


@pytest.mark.parametrize(
    ("length", "below", "above", "at"),
    [
        (90.4, 64, 128, (64, 90, 128)),
        (64.2, 64, 128, (64, 128)),
        (127.9, 64, 128, (64, 128)),
        (1.5, 1, 2, (1, 2)),
    ],
)
def test_it_is_duelled_at_whole_lengths_and_nowhere_twice(length, below, above, at):
    assert Flip("one", "other", length, below, above).duelled_at == at
