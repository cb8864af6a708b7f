"""The schedule and the levels: what a rule may be, and what it works out to."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench_core.analysis.gate.rule import GateRule, rule_for
from bench_core.errors import UsageError

thresholds = st.floats(0.005, 1.0)


@given(thresholds)
def test_null_and_flag_lie_below_the_limit(threshold):
    rule = rule_for(threshold)
    assert 0 < rule.log_null < rule.log_flag < rule.log_limit
    assert math.exp(rule.log_limit) == pytest.approx(1 + threshold)
    assert math.exp(rule.log_null) == pytest.approx(1 + threshold / 5)
    assert rule.log_flag == pytest.approx(0.3 * math.log(1 + threshold))


@given(thresholds)
def test_the_looks_spend_alpha_and_no_more(threshold):
    rule = rule_for(threshold)
    spent = [rule.alpha_at(look) for look in range(len(rule.looks))]
    assert math.fsum(spent) == pytest.approx(0.01)
    assert min(spent) >= 0
    assert all(count >= 4 for count, one in zip(rule.looks, spent, strict=True) if one)


@given(thresholds, thresholds)
def test_a_cells_own_threshold_changes_no_schedule(threshold, own):
    rule = rule_for(threshold)
    other = rule.of(own)
    assert other.threshold == own
    assert other.of(threshold) == rule
    assert (other.looks, other.screen_launches) == (rule.looks, rule.screen_launches)


@pytest.mark.parametrize(
    ("threshold", "screen", "looks"),
    [
        (0.05, 2, (2, 4, 8, 16, 24)),
        (0.3, 2, (2, 4, 8, 16, 24)),
        (0.02, 4, (4, 8, 16, 28, 40)),
        (0.0499, 4, (4, 8, 16, 28, 40)),
    ],
)
def test_a_small_threshold_takes_more_launches(threshold, screen, looks):
    rule = rule_for(threshold)
    assert (rule.screen_launches, rule.looks) == (screen, looks)


@pytest.mark.parametrize("threshold", [0.0, 0.0049, 1.01, -0.05, math.nan, math.inf, 5.0])
def test_a_threshold_that_cannot_be_is_refused(threshold):
    with pytest.raises(UsageError, match=r"expected 0\.5 % to 100 %, found"):
        rule_for(threshold)
    with pytest.raises(UsageError, match=r"expected 0\.5 % to 100 %, found"):
        rule_for(0.05).of(threshold)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"screen_launches": 1}, "at least 2, found 1"),
        ({"looks": (), "spending": ()}, "each of 0 looks"),
        ({"looks": (2, 3, 8, 16, 24)}, "that spend from 4 up"),
        ({"looks": (1, 4, 8, 16, 24)}, "from 2 up"),
        ({"looks": (2, 4, 8, 8, 24)}, "ascending"),
        ({"looks": (4, 8, 16)}, "each of 3 looks"),
        ({"spending": (0.2, 0.3, 0.3, 0.2, 0.0)}, "above 0 for the last"),
        ({"spending": (-0.1, 0.3, 0.3, 0.2, 0.3)}, "from 0 up"),
        ({"spending": (0.0, 0.3, 0.3, 0.3, 0.3)}, "at most 1, found 1.2"),
        ({"alpha": 0.0}, "above 0"),
        ({"alpha": 0.5}, "below 0.5"),
        ({"flag_share": 1.0}, "flag_share: expected a part"),
        ({"null_share": 0.0}, "null_share: expected a part"),
    ],
)
def test_a_schedule_that_cannot_be_is_refused(changes, said):
    with pytest.raises(UsageError, match=said):
        GateRule(**changes)
