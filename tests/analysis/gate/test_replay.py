"""Replayed suites: what goes in comes out, and the rates' bounds are scipy's."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from bench_core.analysis.gate import replay as replaying
from bench_core.analysis.gate.replay import Launches, rate, replay
from bench_core.analysis.gate.rule import rule_for

RULE = rule_for(0.05)
BOUNDS = ("compute", "memory", "dispatch")


def launches(sd, *, cells=6, pairs=24, seed=0, extra=0.0):
    """Launches with a spread of `sd`; `extra`: of the means beyond that, as a mean has it."""
    rng = np.random.default_rng(seed)
    values = rng.normal(0, sd, (cells, pairs))
    base = np.exp(rng.normal(-5, 0.5, (cells, pairs)))
    spoilt = np.exp(rng.normal(0, extra, (cells, pairs)))
    minima = np.stack([base, base * np.exp(values)], axis=-1)
    means = np.stack([base, base * np.exp(values) * spoilt], axis=-1)
    sentinels = rng.normal(0, sd, (3, pairs))
    return Launches("quiet", (BOUNDS * cells)[:cells], values, means, minima, BOUNDS, sentinels)


@given(st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_bounds_are_clopper_and_pearsons(share):
    count, of = share
    level = 0.90 if count in (0, of) else 0.95  # 90 % two-sided has one-sided bounds of 95 %
    theirs = stats.binomtest(count, of).proportion_ci(level, method="exact")
    ours = rate(count, of)
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=1e-9)
    assert ours.low <= ours.value <= ours.high


def test_none_of_2000_is_below_1_5_in_1000():
    """1 - .05^(1/n), the rule of three."""
    assert rate(0, 2000).high == pytest.approx(1 - 0.05 ** (1 / 2000))


@pytest.mark.parametrize(("count", "of"), [(-1, 3), (4, 3), (0, 0)])
def test_a_rate_of_nothing_is_refused(count, of):
    with pytest.raises(ValueError, match="0 ≤ count ≤ of"):
        rate(count, of)


def test_launches_without_spread_are_never_wrong():
    null = replay(RULE, launches(0.0), suites=20)
    assert (null.alarms, null.unsure, null.mean_alarms, null.min_alarms) == (0, 0, 0, 0)
    assert null.launches == RULE.screen_launches
    slow = replay(RULE, launches(0.0), suites=20, slowed=3, slowdown=0.051)
    assert (slow.slowed, slow.found, slow.mean_found, slow.min_found) == (60, 60, 60, 60)
    assert slow.alarms == 0
    below = replay(RULE, launches(0.0), suites=20, slowed=3, slowdown=0.049)
    assert (below.mean_found, below.min_found) == (0, 0)


def test_the_same_seed_replays_the_same_suites():
    measured = launches(0.02)
    first = replay(RULE, measured, suites=20, slowed=2, slowdown=0.05, seed=5)
    assert replay(RULE, measured, suites=20, slowed=2, slowdown=0.05, seed=5) == first
    assert replay(RULE, measured, suites=20, slowed=2, slowdown=0.05, seed=6) != first


def test_a_bias_of_one_side_is_swapped_away():
    """The arms of identical programs are exchangeable: a bias only widens what is drawn."""
    measured = launches(0.013)
    biased = replace(measured, values=measured.values + 0.02)
    assert replay(RULE, biased, suites=200).alarms <= 2


def test_a_bias_of_the_means_fails_the_mean_every_other_time():
    measured = launches(0.0)
    biased = replace(measured, means=measured.means * [1.0, 1.06])
    tally = replay(RULE, biased, suites=200, cells=1)
    assert 70 < tally.mean_alarms < 130
    assert tally.min_alarms == 0


def test_screen_and_confirm_come_from_disjoint_halves():
    rng = np.random.default_rng(2)
    for pairs in (2, 7, 24):
        drawn = replaying._pairs(rng, 500, pairs, RULE)
        screen, confirm = drawn[:, : RULE.screen_launches], drawn[:, RULE.screen_launches :]
        assert not any(set(s) & set(c) for s, c in zip(screen, confirm, strict=True))
        assert set(drawn.flat) == set(range(pairs))
        assert confirm.shape == (500, RULE.looks[-1])


def test_noisy_means_fool_the_mean_and_not_the_gate():
    """pytest-benchmark's chance by hand: log-ratios of sd s beyond log 1.05, of 24 cells one."""
    measured = launches(0.007, cells=60, pairs=60, extra=0.025)
    null = replay(RULE, measured, suites=400)
    one = np.abs(np.log(measured.means[..., 1] / measured.means[..., 0])) > math.log(1.05)
    expected = 1 - (1 - one.mean() / 2) ** 24
    assert null.alarms <= stats.binom.ppf(0.999, 400, RULE.alpha)
    assert null.min_alarms == 0
    low, high = (stats.binom.ppf(q, 400, expected) for q in (1e-4, 1 - 1e-4))
    assert low <= null.mean_alarms <= high


def test_a_slowdown_is_found_and_half_of_it_by_chance():
    tally = replay(RULE, launches(0.013, pairs=200), suites=200, slowed=3, slowdown=0.05)
    assert tally.found >= 0.95 * tally.slowed
    assert 0.4 * tally.slowed < tally.min_found < 0.6 * tally.slowed


def test_an_invalid_session_counts_as_unsure():
    measured = launches(0.007)
    wild = replace(measured, sentinels=np.full((3, 24), 0.2))
    tally = replay(RULE, wild, suites=40, slowed=1, slowdown=0.1)
    assert tally.invalid == tally.unsure >= 30  # arms are swapped at random: a few look calm
    assert tally.found == 40 - tally.invalid


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"values": np.zeros((6, 1))}, "at least 2 pairs"),
        ({"values": np.zeros(6)}, "at least 2 pairs"),
        ({"means": np.ones((6, 24))}, "a mean and a minimum"),
        ({"minima": np.ones((5, 24, 2))}, "a mean and a minimum"),
        ({"bounds": ("compute",)}, "values of 1 cells"),
        ({"sentinels": np.zeros((2, 24))}, "of 3 sentinels"),
        ({"values": np.full((6, 24), math.nan)}, "expected finite"),
        ({"means": np.zeros((6, 24, 2))}, "times above 0 s"),
    ],
)
def test_launches_that_do_not_fit_are_refused(changes, said):
    with pytest.raises(ValueError, match=said):
        replace(launches(0.01), **changes)
